import Foundation
import ModelGraph
import Safetensors

/// A case of `scripts/golden`: a differentiated graph, what to feed it, and what PyTorch computes in float64.
struct GoldenCase: Sendable {
  let name: String
  let graph: Graph
  /// float32 inputs; labels are in `labels`.
  let inputs: [ValueID: [Float]]
  let labels: [ValueID: [Int32]]
  let parameters: [ValueID: [Float]]
  /// Values of the forward pass, such as `logits` and `loss`.
  let outputs: [Expected]
  /// The gradient of `loss` for every parameter, in the order of the graph's `parameterGradients`.
  let gradients: [Expected]

  /// The expected elements of a value: elements 0, `every`, 2 · `every` … of it, row-major.
  struct Expected: Sendable {
    let name: String
    let value: ValueID
    let elements: [Double]
    let every: Int

    /// Those of `all` that are stored here.
    func stored<Element>(of all: [Element]) -> [Element] { stride(from: 0, to: all.count, by: every).map { all[$0] } }
  }

  static let names =
    [
      "mlp", "lenet5", "convolution", "max-pool", "softmax-cross-entropy", "label-smoothing", "mse", "prelu",
      "prelu-shared", "maxout",
    ]
    + [
      "sequence-cross-entropy", "mean-absolute-error", "huber", "binary-cross-entropy", "binary-cross-entropy-weighted",
    ] + pointwise.map(\.name) + shaping.map(\.name) + spatial.map(\.name) + normalised.map(\.name)
    + ["trained-batch-norm"]
    + RecurrentCell.allCases.map { "\($0.rawValue)-encoder-decoder" } + ["token-classifier"]
    + normalisations.map(\.name)

  /// Inputs, labels and parameters, for a run in double precision.
  var given: [ValueID: [Double]] {
    let floats = inputs.merging(parameters) { $1 }.mapValues { $0.map(Double.init) }
    return floats.merging(labels.mapValues { $0.map(Double.init) }) { $1 }
  }

  init(_ name: String) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")
    let data = try Data(contentsOf: folder.appending(path: "\(name).safetensors"))
    let file = try SafetensorsFile(decoding: [UInt8](data))
    let graph = try Self.graph(name)
    self.name = name
    self.graph = graph

    var (inputs, labels): ([ValueID: [Float]], [ValueID: [Int32]]) = ([:], [:])
    for id in graph.inputs {
      let tensor = try file.tensor("input.\(graph[id].name)")
      if tensor.type == .int32 { labels[id] = try tensor.elements() } else { inputs[id] = try tensor.elements() }
    }
    (self.inputs, self.labels) = (inputs, labels)
    parameters = try Dictionary(
      uniqueKeysWithValues: graph.parameters.enumerated().map { index, id in
        let stored = file.tensors.first { $0.name == "parameter.\(graph[id].name)" }
        return (id, try stored?.elements() ?? Self.formula(tensor: index, id, in: graph))
      })
    outputs = try graph.outputs.sorted { $0.key < $1.key }.map { name, id in
      try Expected(name: name, value: id, elements: Self.doubles(file.tensor("output.\(name)")), every: 1)
    }
    gradients = try graph.parameterGradients.map { pair in
      let key = "gradient.\(graph[pair.parameter].name)"
      return Expected(
        name: graph[pair.parameter].name, value: pair.gradient, elements: try Self.doubles(file.tensor(key)),
        every: Int(file.metadata["every.\(key)"] ?? "1") ?? 1)
    }
  }

  private static func doubles(_ tensor: SafetensorsFile.Tensor) throws -> [Double] {
    tensor.type == .float32 ? try tensor.elements(as: Float.self).map(Double.init) : try tensor.elements()
  }

  /// The same bits as `formula` of scripts/golden: one rounding, of a product of two float32 numbers.
  private static func formula(tensor: Int, _ id: ValueID, in graph: Graph) -> [Float] {
    let name = graph[id].name
    let weight = name.hasSuffix("bias") ? graph.parameters[tensor - 1] : id
    let fanIn = graph[weight].type.shape.dimensions.dropFirst().reduce(1, *)
    let scale = Float(2 / (2003 * Double(fanIn).squareRoot()))
    return (0..<graph[id].type.shape.elementCount).map { index -> Float in
      let centred = (index * 7919 + tensor * 104_729) % 2003 - 1001
      return Float(centred) * scale
    }
  }
}
