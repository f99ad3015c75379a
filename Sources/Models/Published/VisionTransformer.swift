import ModelGraph

/// Images cut into patches that a transformer's encoder reads (Dosovitskiy et al. 2021), and CLIP, which holds a text
/// beside each (Radford et al. 2021).
struct VisionTransformer: PublishedArchitecture {
  let encoder: TransformerSpecification
  let patch: Int
  /// The texts' transformer of CLIP.
  let text: TransformerSpecification?
  let side: Int

  var samplesUnit: SampleUnit { .image }

  /// Layers, width and heads by the letter of the name: Dosovitskiy et al. 2021, table 1; Zhai et al. 2022, table 2.
  private static let sizes: [(name: String, layers: Int, hidden: Int, heads: Int, feedForward: Int)] = [
    ("tiny", 12, 192, 3, 768), ("small", 12, 384, 6, 1536), ("base", 12, 768, 12, 3072), ("large", 24, 1024, 16, 4096),
    ("huge", 32, 1280, 16, 5120), ("giant", 48, 1664, 16, 8192),
  ]

  @Sendable static func named(_ description: ModelDescription) throws -> (any PublishedArchitecture)? {
    let (key, words) = (description.key, description.words.split(separator: " ").map(String.init))
    let isCLIP = words.contains("clip")
    guard isCLIP || words.contains(where: { $0.hasPrefix("vit") || $0.hasPrefix("deit") }) else { return nil }
    let letters = ["t": "tiny", "s": "small", "b": "base", "l": "large", "h": "huge", "g": "giant"]
    let known = sizes.first { size in
      key.contains(size.name)
        || words.contains { letters[$0] == size.name || letters[String($0.dropFirst(3))] == size.name }
    }
    func number(_ text: String, _ known: Int?) throws -> Int {
      guard let number = ModelDescription.number(text) ?? known else {
        throw PublishedModelError(
          .missingShape,
          "'\(description.name)': neither its layers, width and heads nor a size (tiny to giant) are known")
      }
      return number
    }
    let hidden = try number(description.hidden, known?.hidden)
    var encoder = TransformerSpecification(
      kind: .encoder, layers: try number(description.layers, known?.layers), hidden: hidden,
      heads: try number(description.heads, known?.heads),
      feedForward: ModelDescription.number(description.feedForward) ?? known?.feedForward ?? 4 * hidden, vocabulary: 1,
      sequence: 1)
    encoder.positions = .none
    encoder.activation = .gelu(.erf)
    var text: TransformerSpecification?
    if isCLIP {
      text = TransformerSpecification(layers: 12, hidden: 512, heads: 8, vocabulary: 49_408, sequence: 77)
    }
    let patch = words.last.flatMap { Int($0) }.flatMap { [8, 14, 16, 32].contains($0) ? $0 : nil }
    return VisionTransformer(encoder: encoder, patch: patch ?? (isCLIP ? 32 : 16), text: text, side: 224)
  }

  func parts(_ run: RunShape) throws -> [ModelPart] {
    var parts = [try vision(run)]
    if let text {
      let (graph, losses) = try ModelSpecification(name: "text", transformer: text.reading(classes: 512)).lossGraph(
        sampleShape: text.sampleShape, shardSamples: run.microBatch, globalBatch: run.microBatch, loss: .crossEntropy)
      parts.append(ModelPart("text", graph, losses: losses))
    }
    return parts
  }

  private func vision(_ run: RunShape) throws -> ModelPart {
    let (height, width) = (run.height ?? side, run.width ?? side)
    guard height % patch == 0, width % patch == 0 else {
      throw PublishedModelError(
        .inconsistentShapes, "images of \(height)×\(width) are no whole number of patches of \(patch)×\(patch)")
    }
    let (hidden, patches) = (encoder.hidden, height / patch * (width / patch))
    var builder = TransformerBuilder(encoder, isTraining: true)
    let image = builder.graph.input("input", TensorType([run.microBatch, 3, height, width]))
    let maps = try builder.graph.convolution(
      "patches", image,
      ConvolutionSettings(channels: hidden, kernel: Extent(patch), stride: Extent(patch)))
    let rows = try builder.graph.reshape("patches/rows", maps, sample: [hidden, patches])
    var x = try builder.graph.transpose("patches/tokens", rows, order: [0, 2, 1])
    let first = builder.graph.input("class", TensorType([run.microBatch, 1, hidden]))
    x = try builder.graph.concatenate("patches/class", [first, x], dimension: 1)
    let table = builder.graph.parameter(
      "embedding/position.weight", [patches + 1, hidden], .normal(deviation: 0.02))
    x = try builder.graph.append(
      .positionEmbedding(PositionEmbedding(.ofStep)), [x, table], layer: "embedding/position")[0]
    x = try builder.blocks(.only, x, isCausal: false, memory: nil)
    let one = try builder.graph.slice("head/select", x, dimension: 1, start: 0, count: 1)
    let scores = try builder.graph.dense("head/output", one, outputs: text == nil ? 1000 : 512)
    let labels = builder.graph.input("labels", TensorType([run.microBatch, 1], .int32))
    let loss = SoftmaxCrossEntropy(divisor: run.microBatch)
    let value = try builder.graph.append(.softmaxCrossEntropy(loss), [scores, labels], layer: "loss")[0]
    return ModelPart("vision transformer", builder.graph, losses: [value])
  }
}
