package import ModelGraph
package import Models

extension Job {
  package var modelSpecification: ModelSpecification {
    switch model {
    case .zoo(let entry): entry.model(classes: data.classes.count)
    case .layers(let layers): ModelSpecification(name: name, layers: layers)
    }
  }

  /// Forward, loss and backward of one shard; see `ModelSpecification.trainingGraph`.
  ///
  /// - Parameter sampleShape: of one sample as the data has it, such as 1×28×28.
  /// - Throws: `GraphError`; `JobFile.problem(for:)` gives it the line of its layer.
  package func trainingGraph(sampleShape: Shape) throws -> Graph {
    try checkOutputs(
      of: modelSpecification.trainingGraph(
        sampleShape: sampleShape, shardSamples: training.shardSamples, globalBatch: training.batch,
        loss: training.loss, options: training.lossOptions))
  }

  /// Forward and loss of `batch` samples, without dropout; see `ModelSpecification.evaluationGraph`.
  /// - Throws: `GraphError`; `JobFile.problem(for:)` gives it the line of its layer.
  package func evaluationGraph(sampleShape: Shape, batch: Int) throws -> Graph {
    try checkOutputs(
      of: modelSpecification.evaluationGraph(
        sampleShape: sampleShape, batch: batch, loss: training.loss, options: training.lossOptions))
  }

  private func checkOutputs(of graph: Graph) throws -> Graph {
    guard let logits = graph.outputs["logits"], let last = modelSpecification.layers.last else { return graph }
    let shape = graph[logits].type.shape
    let classes = data.classes.count
    guard shape.rank == 2, shape[1] == classes else {
      throw GraphError(
        .shapeMismatch, layer: last.name,
        "the model ends in \(Shape(Array(shape.dimensions.dropFirst()))) outputs a sample, the data has \(classes) "
          + "classes; end it with '- dense: {outputs: \(classes)}'")
    }
    return graph
  }
}
