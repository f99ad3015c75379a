import ModelGraph

/// Perceivers (Jaegle et al. 2021, 2022): few latent vectors that read a long input once a block and then themselves.
struct PerceiverNetwork: PublishedArchitecture {
  enum Kind: Sendable, Hashable {
    /// Perceiver IO on bytes of text: 256 latents of 1,280, 26 layers over 2,048 bytes of 768.
    case language
    /// On the maps of one convolution of ImageNet's images: 512 latents of 1,024, six layers eight times over.
    case imageConvolution
  }

  let kind: Kind
  let bytes: Int

  var samplesUnit: SampleUnit { kind == .language ? .sequence : .image }

  @Sendable static func named(_ description: ModelDescription) throws -> (any PublishedArchitecture)? {
    let key = description.key
    guard key.contains("perceiver") else { return nil }
    if key.contains("language") {
      return PerceiverNetwork(kind: .language, bytes: ModelDescription.number(description.sequence) ?? 2048)
    }
    guard key.contains("conv") else {
      throw PublishedModelError(
        .unsupported, "'\(description.name)': of the perceivers, language and vision behind a convolution are known")
    }
    return PerceiverNetwork(kind: .imageConvolution, bytes: 0)
  }

  func parts(_ run: RunShape) throws -> [ModelPart] {
    var net = NetworkBuilder(.batch)
    let x = try kind == .language ? text(&net, run) : image(&net, run)
    let (latents, width) = kind == .language ? (256, 1280) : (512, 1024)
    var y = net.input("latents", [run.microBatch, latents, width])
    let (blocks, layers) = kind == .language ? (1, 26) : (8, 6)
    let (attention, heads) = kind == .language ? (256, 8) : (width, 8)
    for _ in 0..<blocks {
      // Every block has the weights of the first.
      y = try layer(&net, "cross", y, x, attention: kind == .language ? 256 : 322, heads: kind == .language ? 8 : 1)
      for index in 0..<layers { y = try layer(&net, "self\(index)", y, nil, attention: attention, heads: heads) }
    }
    let query = net.input("query", [run.microBatch, 1, width])
    let found = try layer(&net, "decoder", query, y, attention: attention, heads: kind == .language ? 8 : 1)
    try net.crossEntropy("loss", try net.dense("output", found, kind == .language ? 2 : 1000))
    return [net.part("perceiver")]
  }

  private func text(_ net: inout NetworkBuilder, _ run: RunShape) throws -> ValueID {
    let length = run.sequence ?? bytes
    let tokens = net.input("input", [run.microBatch, length], .int32)
    let x = try net.embedding("embedding", tokens, vocabulary: 262, width: 768)
    let positions = net.weight("positions.weight", [2048, 768])
    return try net.append(.positionEmbedding(PositionEmbedding(.ofStep)), [x, positions], layer: "positions")
  }

  /// 56×56 positions of 64 channels, beside 258 numbers of where each is.
  private func image(_ net: inout NetworkBuilder, _ run: RunShape) throws -> ValueID {
    let image = net.input("input", [run.microBatch, 3, run.height ?? 224, run.width ?? 224])
    var x = try net.unit("convolution", image, 64, kernel: [7], stride: [2])
    x = try net.maxPool("pool", x, kernel: 3, stride: 2, padding: 1)
    let sides = net.shape(x)
    let flat = try net.reshape("rows", x, [sides[0], 64, sides[2] * sides[3]])
    let rows = try net.transpose("columns", flat, [0, 2, 1])
    let places = net.input("places", [sides[0], sides[2] * sides[3], 258])
    return try net.concatenate("input.places", [rows, places], dimension: 2)
  }

  /// Attention to `source`, or to itself, and a feed-forward layer without widening.
  private func layer(
    _ net: inout NetworkBuilder, _ name: String, _ x: ValueID, _ source: ValueID?, attention: Int, heads: Int
  ) throws -> ValueID {
    let width = net.shape(x)[2]
    let input = try net.layerNorm("\(name)/norm", x)
    let given = try source.map { try net.layerNorm("\(name)/source-norm", $0) } ?? input
    let query = try net.dense("\(name)/query", input, attention)
    let key = try net.dense("\(name)/key", given, attention)
    let values = kind == .language ? width : attention
    let value = try net.dense("\(name)/value", given, values)
    let found = try net.attention("\(name)/core", query, key, value, heads: heads)
    let y = try net.add("\(name)/add", [x, try net.dense("\(name)/output", found, width)])
    let hidden = try net.activation(
      "\(name)/gelu", try net.dense("\(name)/up", try net.layerNorm("\(name)/mlp-norm", y), width), .gelu(.erf))
    return try net.add("\(name)/mlp-add", [y, try net.dense("\(name)/down", hidden, width)])
  }
}
