package import ModelGraph

/// The elements of every value of a graph after a reference run, row-major; labels and positions as Double too.
package struct ReferenceValues: Sendable {
  fileprivate var elements: [[Double]?]

  /// - Precondition: the run computed `value`.
  package subscript(value: ValueID) -> [Double] {
    guard let elements = elements[value.index] else { preconditionFailure("value \(value.index) was not computed") }
    return elements
  }
}

/// Runs a graph in double precision, one plain loop an operation, with OpenBLAS for matrix products.
///
/// It is what the fast executor and the gradient rules are checked against: slow, and easy to see through.
package struct ReferenceExecutor: Sendable {
  package let graph: Graph
  /// The nodes to run, in order.
  private let nodes: [Node]

  /// - Parameter wanted: the values to compute, with all that they need; everything if nil.
  package init(_ graph: Graph, computing wanted: [ValueID]? = nil) {
    self.graph = graph
    guard let wanted else {
      nodes = graph.nodes
      return
    }
    var needed = Set(wanted)
    let kept = graph.nodes.reversed().filter { node in
      guard node.outputs.contains(where: needed.contains) else { return false }
      needed.formUnion(node.inputs)
      return true
    }
    nodes = kept.reversed()
  }

  /// Runs the graph.
  /// - Parameter given: the elements of every input and parameter, row-major. Labels are whole numbers.
  /// - Throws: `ReferenceError` if elements are missing, too few, too many or bound to a computed value, or if a label
  ///   is no class.
  package func run(_ given: [ValueID: [Double]], dropout: DropoutState) throws -> ReferenceValues {
    var values = ReferenceValues(elements: Array(repeating: nil, count: graph.values.count))
    for (id, elements) in given.sorted(by: { $0.key < $1.key }) {
      let value = graph[id]
      guard value.producer == nil else {
        throw ReferenceError(.notAnInput, value.name, "is computed by the graph; give inputs and parameters only")
      }
      guard elements.count == value.type.shape.elementCount else {
        throw ReferenceError(
          .sizeMismatch, value.name,
          "\(elements.count) elements were given where \(value.type) takes \(value.type.shape.elementCount)")
      }
      values.elements[id.index] = elements
    }
    for id in graph.inputs + graph.stored where values.elements[id.index] == nil {
      throw ReferenceError(.missingValue, graph[id].name, "no elements were given; give \(graph[id].type)")
    }
    try run(nodes, on: &values, dropout: dropout)
    return values
  }

  /// The nodes of this executor that `value` has an influence on.
  func nodes(after value: ValueID) -> [Node] {
    var reached: Set = [value]
    return nodes.filter { node in
      guard node.inputs.contains(where: reached.contains) else { return false }
      reached.formUnion(node.outputs)
      return true
    }
  }

  /// `values` with `value` replaced and `nodes`, those after it, run again.
  func rerun(
    _ nodes: [Node], of values: ReferenceValues, replacing value: ValueID, with elements: [Double],
    dropout: DropoutState
  ) throws -> ReferenceValues {
    var values = values
    values.elements[value.index] = elements
    try run(nodes, on: &values, dropout: dropout)
    return values
  }

  private func run(_ nodes: [Node], on values: inout ReferenceValues, dropout: DropoutState) throws {
    for node in nodes {
      let inputs = node.inputs.map { ReferenceTensor(shape: graph[$0].type.shape, elements: values[$0]) }
      let context = ReferenceContext(layer: node.layer, dropout: dropout)
      guard let rule = node.operation.reference else {
        throw GraphError.withoutKernel(node.operation, layer: node.layer)
      }
      let outputs = try rule.run(inputs, context)
      precondition(outputs.count == node.outputs.count, "\(node.operation.name) gave \(outputs.count) outputs")
      for (id, elements) in zip(node.outputs, outputs) {
        precondition(elements.count == graph[id].type.shape.elementCount, "\(node.operation.name): wrong size")
        values.elements[id.index] = elements
      }
    }
  }
}
