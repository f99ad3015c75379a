package import Units

/// A graph by layer, as `apus describe` prints it: counts only, nothing measured.
package struct GraphSummary: Hashable, Sendable, Codable {
  package struct Layer: Hashable, Sendable, Codable {
    package let name: String
    /// The layer's operations in forward, such as `convolution + relu`.
    package let operations: String
    /// Shape of what the layer hands on, samples first.
    package let output: Shape
    /// Those that an earlier layer has too, as a tied output projection does, count there.
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
    var places: [String: Int] = [:]
    var groups: [[Node]] = []
    for node in graph.nodes {
      if let place = places[node.layer] {
        groups[place].append(node)
      } else {
        places[node.layer] = groups.count
        groups.append([node])
      }
    }
    var counted: Set<ValueID> = []
    layers = groups.compactMap { Layer($0, of: graph, saved: saved, counted: &counted) }
    parameterCount = graph.parameterCount
    statisticCount = graph.statistics.reduce(0) { $0 + graph[$1].type.shape.elementCount }
    forward = layers.map(\.forward).sum()
    backward = layers.map(\.backward).sum()
    savedBytes = graph.savedBytes
  }
}

extension GraphSummary.Layer {
  /// - Parameters:
  ///   - nodes: those of one layer; nil if none is of the forward pass.
  ///   - counted: the parameters of earlier layers; one that several read counts with the first.
  fileprivate init?(_ nodes: [Node], of graph: Graph, saved: Set<ValueID>, counted: inout Set<ValueID>) {
    let forwardNodes = nodes.filter { $0.pass == .forward }
    guard let first = forwardNodes.first, let last = forwardNodes.last else { return nil }
    let output = graph[last.outputs[0]].type
    let parameters = Set(forwardNodes.flatMap(\.inputs)).filter { graph[$0].isParameter }.subtracting(counted)
    counted.formUnion(parameters)
    let results = forwardNodes.flatMap(\.outputs).filter(saved.contains)
    self.init(
      name: first.layer, operations: forwardNodes.map(\.operation.name).joined(separator: " + "), output: output.shape,
      parameterCount: parameters.reduce(0) { $0 + graph[$1].type.shape.elementCount },
      forward: forwardNodes.map { graph.cost(of: $0).flops }.sum(),
      backward: nodes.filter { $0.pass == .backward }.map { graph.cost(of: $0).flops }.sum(),
      outputBytes: Bytes(output.byteCount), savedBytes: Bytes(results.reduce(0) { $0 + graph[$1].type.byteCount }))
  }
}

extension GraphSummary {
  /// The same with one row for neighbours whose names agree in their first `depth` parts between dots and slashes: at 1, a
  /// stage of a residual network or a block of a transformer; at 2, a block of the one, a sublayer of the other.
  package func grouped(depth: Int) -> GraphSummary {
    precondition(depth >= 1)
    var groups: [(name: String, layers: [Layer])] = []
    for layer in layers {
      let name = layer.name.prefix(parts: depth)
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

extension String {
  /// What stands before the `count`-th dot or slash.
  fileprivate func prefix(parts count: Int) -> String {
    var left = count
    return String(
      prefix { character in
        if character == "." || character == "/" { left -= 1 }
        return left > 0
      })
  }
}
