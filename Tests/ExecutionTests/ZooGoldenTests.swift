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
    (.alexnet, 96), (.vgg16, 64), (.resnet18, 64), (.googlenet, 64), (.googlenetAuxiliary, 64),
  ]

  @Test(arguments: models) func aTrainingStepIsTorchvisions(_ zoo: Zoo, side: Int) throws {
    let model = zoo.model(classes: 10).withoutDropout
    let graph = try model.trainingGraph(
      sampleShape: [3, side, side], shardSamples: 2, globalBatch: 2, loss: .crossEntropy)
    let file = try golden("zoo-\(zoo.rawValue)")
    let bound = try BoundGraph(graph)
    let order = graph.parameters.indices.sorted { graph.name($0) < graph.name($1) }
    for (number, position) in order.enumerated() {
      let shape = graph[graph.parameters[position]].type.shape
      let isNorm = shape.rank == 1 && graph.name(position).hasSuffix("weight")
      let fanIn = shape.rank == 1 ? 100 : Double(shape.elementCount / shape[0]) / 6
      let values = formula(number, shape.elementCount, fanIn: fanIn)
      try bound.store.write(isNorm ? values.map { $0 + 0.25 } : values, to: position)
    }
    let (x, labels) = (
      formula(9999, 2 * 3 * side * side, fanIn: 1.0 / 3), try file.elements("input.labels", Int32.self)
    )
    bound.program.set(try #require(bound.program.input("input")), x)
    bound.program.set(try #require(bound.program.input("labels")), labels.span)
    try bound.program.run(dropout: DropoutState(seed: 1, step: 1, firstSample: 0))

    expectClose(
      bound.program.output("logits"), try file.elements("output.logits", Double.self), relative: 1e-4, "logits")
    expectClose([bound.loss()], try file.elements("output.loss", Double.self), relative: 1e-5, "loss")
    for position in graph.parameters.indices {
      try compare(try bound.store.read(position, .gradient(slot: 0)), "gradient.\(graph.name(position))", file)
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
        try bound.store.read(graph.parameters.count + index), "statistic.\(graph[statistic].name)", file)
    }
  }

  private func compare(_ found: [Float], _ key: String, _ file: SafetensorsFile) throws {
    let every = try #require(file.metadata["every.\(key)"].flatMap { Int($0) })
    let expected = try file.elements(key, Float.self)
    let scale = try Double(file.elements("scale.\(key)", Float.self)[0])
    for (index, value) in expected.enumerated() where abs(Double(found[index * every]) - Double(value)) > 1e-4 * scale {
      Issue.record("\(key)[\(index * every)]: \(found[index * every]), expected \(value), largest \(scale)")
      return
    }
  }

  private func golden(_ name: String) throws -> SafetensorsFile {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")
    return try SafetensorsFile(decoding: [UInt8](Data(contentsOf: folder.appending(path: "\(name).safetensors"))))
  }

  /// The same bits as `formula` of scripts/golden.
  private func formula(_ tensor: Int, _ count: Int, fanIn: Double) -> [Float] {
    let scale = Float(2 / (2003 * fanIn.squareRoot()))
    return (0..<count).map { Float(($0 * 7919 + tensor * 104_729) % 2003 - 1001) * scale }
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
