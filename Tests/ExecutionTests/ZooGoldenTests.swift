import Execution
import Foundation
import ModelGraph
import Models
import Safetensors
import TestSupport
import Testing

/// One training step of the zoo's networks against torchvision's in double precision, from the same weights.
@Suite struct ZooGoldenTests {
  /// The side of the images, as in scripts/golden.
  static let models: [(zoo: Zoo, side: Int)] = [
    (.alexnet, 96), (.vgg16, 64), (.resnet18, 64), (.resnet50, 64), (.googlenet, 64), (.googlenetAuxiliary, 64),
  ]

  @Test(arguments: models) func aTrainingStepIsTorchvisions(_ zoo: Zoo, side: Int) throws {
    let model = zoo.model(outputs: 10).withoutDropout
    let graph = try model.trainingGraph(
      sampleShape: [3, side, side], shardSamples: 2, globalBatch: 2, loss: .crossEntropy)
    let file = try golden("zoo-\(zoo.rawValue)")
    let bound = try BoundGraph(graph)
    // One ReLU of the last stage on the other side of 0 changes every gradient before it: for ResNet-50 PyTorch's own
    // float32 is 7 % from its float64 at single elements.
    let tolerance = graph.statistics.isEmpty ? 1e-4 : 0.04
    let order = graph.parameters.indices.sorted { graph.name($0) < graph.name($1) }
    for (number, position) in order.enumerated() {
      let shape = graph[graph.parameters[position]].type.shape
      let isNorm = shape.rank == 1 && graph.name(position).hasSuffix("weight")
      let fanIn = shape.rank == 1 ? 100 : Double(shape.elementCount / shape[0]) / 6
      let values = mixed(number, shape.elementCount, fanIn: fanIn)
      try bound.store.write(isNorm ? values.map { $0 + 0.25 } : values, to: position)
    }
    let images = try #require(file.metadata["images"].flatMap { Int($0) })
    let (x, labels) = (
      mixed(images, 2 * 3 * side * side, fanIn: 1.0 / 3), try file.elements("input.labels", Int32.self)
    )
    bound.program.set(try #require(bound.program.input("input")), x)
    bound.program.set(try #require(bound.program.input("labels")), labels.span)
    try bound.program.run(dropout: DropoutState(seed: 1, step: 1, firstSample: 0))

    expectClose(
      bound.program.output("logits"), try file.elements("output.logits", Double.self), relative: 1e-4, "logits")
    expectClose([bound.loss()], try file.elements("output.loss", Double.self), relative: 1e-5, "loss")
    for position in graph.parameters.indices {
      try compare(
        try bound.store.read(position, .gradient(slot: 0)), "gradient.\(graph.name(position))", file, tolerance)
    }
    // PyTorch's running values after a step, from 0 and 1.
    for (index, statistic) in graph.statistics.enumerated() {
      let count = graph[statistic].type.shape.elementCount
      let start: Float = graph[statistic].name.hasSuffix("var") ? 1 : 0
      try bound.store.write(Array(repeating: start, count: count), to: graph.parameters.count + index)
    }
    bound.store.updateStatistics(shards: 1)
    for (index, statistic) in graph.statistics.enumerated() {
      try compare(
        try bound.store.read(graph.parameters.count + index), "statistic.\(graph[statistic].name)", file, 1e-4)
    }
  }

  private func compare(_ found: [Float], _ key: String, _ file: SafetensorsFile, _ tolerance: Double) throws {
    let every = try #require(file.metadata["every.\(key)"].flatMap { Int($0) })
    let expected = try file.elements(key, Float.self)
    // ReLU and pooling turn over at single elements where float32 rounds to the other side: the tensor's error counts.
    let differences = expected.indices.map { Double(found[$0 * every]) - Double(expected[$0]) }
    let size = expected.reduce(0) { $0 + Double($1) * Double($1) }
    let error = (differences.reduce(0) { $0 + $1 * $1 } / max(size, .leastNormalMagnitude)).squareRoot()
    #expect(error < tolerance, "\(key): \(error) of its size")
  }

  private func golden(_ name: String) throws -> SafetensorsFile {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")
    return try SafetensorsFile(decoding: [UInt8](Data(contentsOf: folder.appending(path: "\(name).safetensors"))))
  }

  /// The same bits as `mixed` of scripts/golden.
  private func mixed(_ tensor: Int, _ count: Int, fanIn: Double) -> [Float] {
    let scale = Float(1 / (Double(1 << 23) * fanIn.squareRoot()))
    let start = UInt32(truncatingIfNeeded: tensor) &* 0x9E37_79B9
    return (0..<count).map { index in
      var hash = UInt32(truncatingIfNeeded: index) &+ start
      hash = (hash ^ (hash >> 16)) &* 0x85EB_CA6B
      hash = (hash ^ (hash >> 13)) &* 0xC2B2_AE35
      hash ^= hash >> 16
      return Float(Int(hash >> 8) - (1 << 23)) * scale
    }
  }
}

extension Graph {
  /// The name of a parameter by its position.
  fileprivate func name(_ position: Int) -> String { self[parameters[position]].name }
}

extension SafetensorsFile {
  fileprivate func elements<Element: SafetensorsElement>(_ name: String, _: Element.Type) throws -> [Element] {
    try #require(tensors.first { $0.name == name }, "no tensor \(name)").elements()
  }
}

extension ModelSpecification {
  /// The same network with dropout that drops nothing.
  fileprivate var withoutDropout: ModelSpecification {
    func without(_ layers: [LayerSpecification]) -> [LayerSpecification] {
      layers.map { layer in
        var layer = layer
        if case .dropout = layer.kind { layer.kind = .dropout(rate: 0) }
        return layer
      }
    }
    return ModelSpecification(
      name: name, layers: without(layers),
      auxiliaryHeads: auxiliaryHeads.map { AuxiliaryHead(weight: $0.weight, layers: without($0.layers)) })
  }
}
