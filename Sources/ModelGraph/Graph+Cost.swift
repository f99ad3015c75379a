package import Units

/// What one node, or a part of a graph, costs: work and traffic, the same on every machine.
package struct OperationCost: Hashable, Sendable, Codable {
  package var flops: FLOPs
  /// Every input read once, every output written once.
  package var bytesRead: Bytes
  package var bytesWritten: Bytes

  package static let zero = OperationCost(flops: FLOPs(0), bytesRead: Bytes(0), bytesWritten: Bytes(0))

  package static func + (a: OperationCost, b: OperationCost) -> OperationCost {
    OperationCost(
      flops: a.flops + b.flops, bytesRead: a.bytesRead + b.bytesRead, bytesWritten: a.bytesWritten + b.bytesWritten)
  }
}

extension Graph {
  package func cost(of node: Node) -> OperationCost {
    let inputs = node.inputs.map { self[$0].type }
    let outputs = node.outputs.map { self[$0].type }
    return OperationCost(
      flops: node.operation.rule.flops(inputs: inputs, outputs: outputs),
      bytesRead: Bytes(inputs.reduce(0) { $0 + $1.byteCount }),
      bytesWritten: Bytes(outputs.reduce(0) { $0 + $1.byteCount }))
  }

  /// The sum over the nodes that `include` accepts.
  package func cost(where include: (Node) -> Bool = { _ in true }) -> OperationCost {
    nodes.filter(include).reduce(.zero) { $0 + cost(of: $1) }
  }

  /// Values of the forward pass that backward reads again, and so must be kept: intermediates only, each once.
  package var savedValues: [ValueID] {
    var saved: Set<ValueID> = []
    for node in nodes where node.pass == .backward {
      for input in node.inputs {
        if let producer = self[input].producer, self[producer].pass == .forward { saved.insert(input) }
      }
    }
    return saved.sorted()
  }

  package var savedBytes: Bytes { Bytes(savedValues.reduce(0) { $0 + self[$1].type.byteCount }) }

  package var parameterCount: Int { parameters.reduce(0) { $0 + self[$1].type.shape.elementCount } }
}
