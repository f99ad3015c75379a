package import Datasets
package import ModelGraph
package import Models

extension Job {
  /// The job's network; one from the zoo with as many outputs, and tokens, as the data have.
  ///
  /// A transformer of the zoo finds a token at each step or, if the data have something to find of a sample as a whole,
  /// classifies; one that the job describes does what its `head` says.
  package func modelSpecification(for data: DataDescription) -> ModelSpecification {
    let vocabulary = data.vocabularySizes[ModelSpecification.inputName]
    switch model {
    case .zoo(let entry):
      guard let transformer = entry.transformer else { break }
      let classes = data.target.isOfSteps ? nil : data.target.outputCount
      return ModelSpecification(
        name: entry.rawValue, transformer: transformer.reading(vocabulary: vocabulary, classes: classes))
    case .transformer(let transformer) where transformer.head == .classifier:
      return ModelSpecification(name: name, transformer: transformer.reading(classes: data.target.outputCount))
    case .transformer, .layers: break
    }
    return modelSpecification(
      outputs: data.target.outputCount, vocabulary: data.vocabularySizes[ModelSpecification.inputName])
  }

  /// - Parameters:
  ///   - outputs: of the last layer of a model from the zoo.
  ///   - vocabulary: tokens of its embedding, if it has one.
  package func modelSpecification(outputs: Int, vocabulary: Int?) -> ModelSpecification {
    switch model {
    case .zoo(let entry): entry.model(outputs: outputs, vocabulary: vocabulary)
    case .transformer(let transformer): ModelSpecification(name: name, transformer: transformer)
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
    if let transformer = modelSpecification(for: data).transformer { try checkTransformer(transformer, data) }
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

  /// A transformer must know the data's tokens, and find what the data have to be found.
  private func checkTransformer(_ transformer: TransformerSpecification, _ data: DataDescription) throws {
    func refuse(_ key: String, _ message: String) -> GraphError {
      GraphError(.shapeMismatch, layer: ModelSpecification.transformerName, key: key, message)
    }
    let count = data.vocabularySizes.values.max() ?? 0
    guard count <= transformer.vocabulary else {
      throw refuse(
        "vocabulary",
        "the data's vocabulary has \(count) tokens, the transformer \(transformer.vocabulary); write 'vocabulary: "
          + "\(count)', or add 'vocabulary_limit: \(transformer.vocabulary)' to data")
    }
    switch (transformer.head == .classifier, data.target.isOfSteps) {
    case (true, true):
      throw refuse(
        "head",
        "a classifier says one thing of a sample, and the data have a token to find at each step; write 'head: "
          + "\(transformer.kind == .encoder ? "masked_language_model" : "language_model")'")
    case (false, false):
      throw refuse(
        "head",
        "the model finds a token at each step, and the data have one of \(data.target.outputCount) answers to a sample; "
          + "write 'head: classifier'")
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
