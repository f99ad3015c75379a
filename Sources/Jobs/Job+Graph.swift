package import Datasets
package import ModelGraph
package import Models

extension Job {
  /// The job's network; one from the zoo with as many outputs, and tokens, as the data have.
  package func modelSpecification(for data: DataDescription) -> ModelSpecification {
    modelSpecification(
      outputs: data.target.outputCount, vocabulary: data.vocabularySizes[ModelSpecification.inputName])
  }

  /// - Parameters:
  ///   - outputs: of the last layer of a model from the zoo.
  ///   - vocabulary: tokens of its embedding, if it has one.
  package func modelSpecification(outputs: Int, vocabulary: Int?) -> ModelSpecification {
    switch model {
    case .zoo(let entry): entry.model(outputs: outputs, vocabulary: vocabulary)
    case .layers(let layers): ModelSpecification(name: name, layers: layers)
    }
  }

  /// Forward, loss and backward of one shard; see `ModelSpecification.trainingGraph`.
  ///
  /// - Throws: `GraphError`; `JobFile.problem(for:)` gives it the line of its layer.
  package func trainingGraph(for data: DataDescription) throws -> Graph {
    try checkData(data)
    return try checkOutputs(
      of: modelSpecification(for: data).trainingGraph(
        sampleShape: data.sampleShape, shardSamples: training.shardSamples, globalBatch: training.batch,
        loss: training.loss, options: training.lossOptions, carriesState: training.carriesState), data)
  }

  /// Forward and loss of `batch` samples, without dropout; see `ModelSpecification.evaluationGraph`.
  /// - Throws: `GraphError`; `JobFile.problem(for:)` gives it the line of its layer.
  package func evaluationGraph(for data: DataDescription, batch: Int) throws -> Graph {
    try checkData(data)
    return try checkOutputs(
      of: modelSpecification(for: data).evaluationGraph(
        sampleShape: data.sampleShape, batch: batch, loss: training.loss, options: training.lossOptions,
        carriesState: training.carriesState), data)
  }

  private func checkData(_ data: DataDescription) throws {
    try checkVocabularies(data)
    let isBinary = training.loss == .binaryCrossEntropy
    switch data.target {
    case .values(let values) where training.loss.takesLabels || isBinary:
      throw GraphError(
        .invalidArgument, layer: ModelSpecification.lossName,
        "\(training.loss.rawValue) takes \(isBinary ? "classes or labels" : "classes"), and the target "
          + "'\(values.name)' is numbers; write 'loss: mean-squared-error'"
          + (isBinary ? adviceForAnswers(values) : ""))
    case .labels(let labels) where !isBinary:
      throw GraphError(
        .invalidArgument, layer: ModelSpecification.lossName,
        "\(training.loss.rawValue) takes \(training.loss.takesLabels ? "one class" : "numbers"), and a sample here has "
          + "\(labels.names.count) labels, each 0 or 1; write 'loss: binary-cross-entropy'")
    default: return
    }
  }

  /// How a target of zeros and ones that was taken for numbers is made labels.
  private func adviceForAnswers(_ values: ValueTarget) -> String {
    switch self.data.source {
    case .csv: ", or 'target: [\(values.name)]' in data if it is 0 and 1"
    case .npy: ", or add 'labels: \(values.shape.last ?? 1)' to data if they are 0 and 1"
    default: ""
    }
  }

  /// An embedding must have a row for each token that the data have.
  private func checkVocabularies(_ data: DataDescription) throws {
    let layers = modelSpecification(for: data).layers
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

  /// The key of `data` that makes labels of the targets.
  private var labelsKey: String { if case .csv = data.source { "target" } else { "labels" } }

  private func checkOutputs(of graph: Graph, _ data: DataDescription) throws -> Graph {
    let outputs = data.target.outputCount
    guard let logits = graph.outputs["logits"],
      let last = modelSpecification(for: data).layers.last
    else { return graph }
    let shape = Shape(Array(graph[logits].type.shape.dimensions.dropFirst()))
    guard shape != data.target.outputShape else { return graph }
    switch data.target {
    // Of two classes one score tells.
    case .classes(let classes)
    where training.loss == .binaryCrossEntropy && classes.shape.isEmpty && outputs == 2:
      if shape == [1] { return graph }
      throw GraphError(
        .shapeMismatch, layer: last.name,
        "the model ends in \(shape) outputs a sample, the data has 2 classes, for which binary-cross-entropy takes [1] or "
          + "[2]; end it with '- dense: {outputs: 1}'")
    case .labels(let labels):
      let some = labels.names.prefix(5).joined(separator: ", ") + (labels.names.count > 5 ? ", …" : "")
      throw GraphError(
        .shapeMismatch, layer: last.name,
        "the model ends in \(shape) outputs a sample, "
          + "'\(labelsKey)' in data names \(outputs) \(outputs == 1 ? "label" : "labels") (\(some)), which takes "
          + "[\(outputs)]; end it with '- dense: {outputs: \(outputs)}'")
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
