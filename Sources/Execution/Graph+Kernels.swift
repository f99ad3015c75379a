package import ModelGraph

extension Graph {
  /// The first node of an operation that has no kernel: such a graph can be planned and described, not run.
  package var firstNodeWithoutKernel: Node? { nodes.first { $0.operation.reference == nil } }

  /// - Throws: `GraphError` with code `.noKernel` naming the first layer that cannot be run.
  package func requireKernels() throws {
    guard let node = firstNodeWithoutKernel else { return }
    throw GraphError.withoutKernel(node.operation, layer: node.layer)
  }
}

extension GraphError {
  static func withoutKernel(_ operation: ModelGraph.Operation, layer: String) -> GraphError {
    GraphError(
      .noKernel, layer: layer,
      "Apus has no kernel for '\(operation.name)' yet, so the model can be planned and described, not trained; use "
        + "'apus plan' or 'apus describe', or a model without it")
  }
}
