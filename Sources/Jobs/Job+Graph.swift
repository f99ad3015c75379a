package import Datasets
package import ModelGraph
package import Models

extension Job {
  /// - Parameter outputs: of the last layer of a model from the zoo.
  package func modelSpecification(outputs: Int) -> ModelSpecification {
    switch model {
    case .zoo(let entry): entry.model(classes: outputs)
    case .layers(let layers): ModelSpecification(name: name, layers: layers)
    }
  }

  /// Forward, loss and backward of one shard; see `ModelSpecification.trainingGraph`.
  ///
  /// - Throws: `GraphError`; `JobFile.problem(for:)` gives it the line of its layer.
  package func trainingGraph(for data: DataDescription) throws -> Graph {
    try checkData(data)
    return try checkOutputs(
      of: modelSpecification(outputs: data.target.outputCount).trainingGraph(
        sampleShape: data.sampleShape, shardSamples: training.shardSamples, globalBatch: training.batch,
        loss: training.loss, options: training.lossOptions, carriesState: training.carriesState), data)
  }

  /// Forward and loss of `batch` samples, without dropout; see `ModelSpecification.evaluationGraph`.
  /// - Throws: `GraphError`; `JobFile.problem(for:)` gives it the line of its layer.
  package func evaluationGraph(for data: DataDescription, batch: Int) throws -> Graph {
    try checkData(data)
    return try checkOutputs(
      of: modelSpecification(outputs: data.target.outputCount).evaluationGraph(
        sampleShape: data.sampleShape, batch: batch, loss: training.loss, options: training.lossOptions,
        carriesState: training.carriesState), data)
  }

  private func checkData(_ data: DataDescription) throws {
    try checkVocabularies(data)
    let takesClasses = training.loss.takesLabels || training.loss == .binaryCrossEntropy
    guard case .values(let values) = data.target, takesClasses else { return }
    throw GraphError(
      .invalidArgument, layer: ModelSpecification.lossName,
      "\(training.loss.rawValue) takes classes, and the target '\(values.name)' is numbers; write 'loss: mean-squared-error'"
    )
  }

  /// An embedding must have a row for each token that the data have.
  private func checkVocabularies(_ data: DataDescription) throws {
    let layers = modelSpecification(outputs: data.target.outputCount).layers
    for (index, layer) in layers.enumerated() {
      guard case .embedding(let vocabulary, let width) = layer.kind,
        let source = layer.from ?? (index == 0 ? ModelSpecification.inputName : nil),
        let count = data.vocabularySizes[source], count > vocabulary
      else { continue }
      throw GraphError(
        .shapeMismatch, layer: layer.name,
        "the data's vocabulary has \(count) tokens, the embedding \(vocabulary); write "
          + "'embedding: {vocabulary: \(count), width: \(width)}', or add 'vocabulary_limit: \(vocabulary)' to data")
    }
  }

  private func checkOutputs(of graph: Graph, _ data: DataDescription) throws -> Graph {
    let outputs = data.target.outputCount
    guard let logits = graph.outputs["logits"],
      let last = modelSpecification(outputs: outputs).layers.last
    else { return graph }
    let shape = Shape(Array(graph[logits].type.shape.dimensions.dropFirst()))
    guard shape != data.target.outputShape else { return graph }
    switch data.target {
    case .classes(let classes) where classes.shape.isEmpty:
      throw GraphError(
        .shapeMismatch, layer: last.name,
        "the model ends in \(shape) outputs a sample, the data has \(outputs) "
          + "classes; end it with '- dense: {outputs: \(outputs)}'")
    case .classes:
      throw GraphError(
        .shapeMismatch, layer: last.name,
        "the model ends in \(shape) outputs a sample, the data wants one of \(outputs) classes at each of "
          + "\(data.target.outputShape[0]) steps (\(data.target.outputShape)); end it with a layer that keeps the steps, "
          + "and '- dense: {outputs: \(outputs)}'")
    case .values(let values):
      throw GraphError(
        .shapeMismatch, layer: last.name,
        "the model ends in \(shape) outputs a sample, the target '\(values.name)' is \(data.target.outputShape)"
          + (data.target.outputShape.rank == 1 ? "; end it with '- dense: {outputs: \(outputs)}'" : ""))
    }
  }
}
