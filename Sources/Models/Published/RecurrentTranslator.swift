import ModelGraph

/// GNMT v2 (Wu et al. 2016, as NVIDIA trains it on WMT16): four LSTM layers each way, the first of the encoder reading
/// both directions, attention from the decoder's first layer, its result an input of all the others.
struct RecurrentTranslator: PublishedArchitecture {
  let units: Int
  static let vocabulary = 32_317
  /// Pieces of words of an average sentence of WMT16 of at most 50.
  static let length = 28

  var samplesUnit: SampleUnit { .sequence }

  @Sendable static func named(_ description: ModelDescription) throws -> (any PublishedArchitecture)? {
    guard description.key.contains("gnmt") else { return nil }
    return RecurrentTranslator(units: ModelDescription.number(description.hidden) ?? 1024)
  }

  func parts(_ run: RunShape) throws -> [ModelPart] {
    var net = NetworkBuilder(.none)
    let length = run.sequence ?? Self.length
    func embedded(_ name: String, _ tokens: ValueID) throws -> ValueID {
      let x = try net.embedding("embedding", tokens, vocabulary: Self.vocabulary, width: units)
      return try net.dropout("\(name)/dropout", x, rate: 0.2)
    }
    let source = net.input("input", [run.microBatch, length], .int32)
    let target = net.input("decoder_input", [run.microBatch, length], .int32)
    var x = try net.lstm("encoder/0", try embedded("encoder/embedding", source), units: units, isBidirectional: true)
    x = try net.lstm("encoder/1", try net.dropout("encoder/dropout1", x, rate: 0.2), units: units)
    for layer in 2..<4 {
      let y = try net.lstm("encoder/\(layer)", try net.dropout("encoder/dropout\(layer)", x, rate: 0.2), units: units)
      x = try net.add("encoder/add\(layer)", [x, y])
    }
    let memory = x
    let keys = try net.dense("attention/keys", memory, units, hasBias: false)
    x = try net.lstm("decoder/0", try embedded("decoder/embedding", target), units: units)
    let query = try net.dense("attention/query", x, units, hasBias: false)
    let context = try net.attention("attention/core", query, keys, memory, heads: 1)
    for layer in 1..<4 {
      let thinned = try net.dropout("decoder/dropout\(layer)", x, rate: 0.2)
      let both = try net.concatenate("decoder/concat\(layer)", [thinned, context], dimension: 2)
      let y = try net.lstm("decoder/\(layer)", both, units: units)
      x = layer > 1 ? try net.add("decoder/add\(layer)", [x, y]) : y
    }
    try net.crossEntropy("loss", try net.dense("output", x, Self.vocabulary))
    return [net.part("GNMT")]
  }
}
