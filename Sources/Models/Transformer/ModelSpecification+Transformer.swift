import ModelGraph

extension TransformerSpecification {
  /// The forward pass over the inputs of `sampleShape`; see `ModelSpecification.graph(sampleShape:batch:mode:)`.
  func graph(
    sampleShape: SampleShape, batch: Int, mode: ModelSpecification.Mode, carriesState: Bool
  ) throws -> Graph {
    if let problem = problems.first { throw problem.error }
    guard !carriesState else {
      throw GraphError(
        .invalidArgument, layer: TransformerPart.attention.rawValue,
        "a state is to be carried from step to step, and a transformer has none; remove 'carry_state' from training")
    }
    var builder = TransformerBuilder(self, isTraining: mode == .training)
    var inputs: [String: ValueID] = [:]
    for field in sampleShape.fields { inputs[field.name] = builder.graph.input(field.name, field.batch(of: batch)) }
    let logits = try builder.forward(inputs)
    builder.graph.outputs["logits"] = logits
    return builder.graph
  }
}

extension TransformerSpecification.Problem {
  /// As a model that cannot be.
  var error: GraphError { GraphError(.invalidArgument, layer: ModelSpecification.transformerName, key: key, message) }
}

extension ModelSpecification {
  /// The layer to which problems with the sizes of a transformer belong.
  package static let transformerName = "transformer"
}
