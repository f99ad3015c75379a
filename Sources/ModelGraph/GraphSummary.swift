package import Units

/// A graph by layer, as `apus describe` prints it: counts only, nothing measured.
package struct GraphSummary: Hashable, Sendable, Codable {
  package struct Layer: Hashable, Sendable, Codable {
    package let name: String
    /// The layer's operations in forward, such as `convolution + relu`.
    package let operations: String
    /// Shape of what the layer hands on, samples first.
    package let output: Shape
    package let parameterCount: Int
    package let forward: FLOPs
    package let backward: FLOPs
    /// Bytes of what the layer hands on.
    package let outputBytes: Bytes
    /// Bytes of the layer's results that backward reads again.
    package let savedBytes: Bytes
  }

  package private(set) var layers: [Layer]
  package let parameterCount: Int
  /// Numbers that training observes rather than learns: running means and variances.
  package let statisticCount: Int
  package let forward: FLOPs
  package let backward: FLOPs
  package let savedBytes: Bytes

  package init(_ graph: Graph) {
    let saved = Set(graph.savedValues)
    var names: [String] = []
    for node in graph.nodes where !names.contains(node.layer) { names.append(node.layer) }
    layers = names.compactMap { name in
      let nodes = graph.nodes.filter { $0.layer == name }
      let forwardNodes = nodes.filter { $0.pass == .forward }
      guard let output = forwardNodes.last.map({ graph[$0.outputs[0]].type }) else { return nil }
      let parameters = Set(forwardNodes.flatMap(\.inputs)).filter { graph[$0].isParameter }
      let results = forwardNodes.flatMap(\.outputs).filter(saved.contains)
      return Layer(
        name: name, operations: forwardNodes.map(\.operation.name).joined(separator: " + "), output: output.shape,
        parameterCount: parameters.reduce(0) { $0 + graph[$1].type.shape.elementCount },
        forward: graph.cost { $0.layer == name && $0.pass == .forward }.flops,
        backward: graph.cost { $0.layer == name && $0.pass == .backward }.flops,
        outputBytes: Bytes(output.byteCount), savedBytes: Bytes(results.reduce(0) { $0 + graph[$1].type.byteCount }))
    }
    parameterCount = graph.parameterCount
    statisticCount = graph.statistics.reduce(0) { $0 + graph[$1].type.shape.elementCount }
    forward = graph.cost { $0.pass == .forward }.flops
    backward = graph.cost { $0.pass == .backward }.flops
    savedBytes = graph.savedBytes
  }
}

extension GraphSummary {
  /// The same with one row for neighbours whose names agree in their first `depth` parts between dots: at 1, a stage of a
  /// residual network; at 2, a block.
  package func grouped(depth: Int) -> GraphSummary {
    precondition(depth >= 1)
    var groups: [(name: String, layers: [Layer])] = []
    for layer in layers {
      let name = layer.name.split(separator: ".", omittingEmptySubsequences: false).prefix(depth).joined(separator: ".")
      if groups.last?.name == name {
        groups[groups.count - 1].layers.append(layer)
      } else {
        groups.append((name, [layer]))
      }
    }
    var summary = self
    summary.layers = groups.map { Layer(name: $0.name, $0.layers) }
    return summary
  }
}

extension GraphSummary.Layer {
  /// Several layers as one, which hands on what the last does.
  fileprivate init(name: String, _ layers: [Self]) {
    let last = layers[layers.count - 1]
    self.init(
      name: name, operations: layers.count == 1 ? last.operations : "\(layers.count) layers", output: last.output,
      parameterCount: layers.reduce(0) { $0 + $1.parameterCount },
      forward: layers.reduce(FLOPs(0)) { $0 + $1.forward }, backward: layers.reduce(FLOPs(0)) { $0 + $1.backward },
      outputBytes: last.outputBytes, savedBytes: layers.reduce(Bytes(0)) { $0 + $1.savedBytes })
  }
}
