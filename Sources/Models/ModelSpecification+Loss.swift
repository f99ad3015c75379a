package import ModelGraph

/// What training makes small.
package enum Loss: String, Hashable, Codable, Sendable, CaseIterable {
  /// −log softmax(logits)[label], for one class a sample, or one a position of a sequence.
  case crossEntropy = "cross-entropy"
  /// (output − target)², averaged over samples and outputs.
  case meanSquaredError = "mean-squared-error"
  /// −(t log σ(logit) + (1 − t) log(1 − σ(logit))), averaged over samples and outputs: each output is a question of its
  /// own, so a sample may be of several classes.
  case binaryCrossEntropy = "binary-cross-entropy"
  /// |output − target|, averaged over samples and outputs.
  case meanAbsoluteError = "mean-absolute-error"
  /// Squared near the target, linear beyond `LossOptions.huberDelta`, averaged over samples and outputs.
  case huber

  /// Whether the target is a class for each position, rather than a number for each output.
  package var takesLabels: Bool { self == .crossEntropy }

  /// Whether classes may be weighted.
  package var takesClassWeights: Bool { self == .crossEntropy || self == .binaryCrossEntropy }

  /// The loss of each element; nil for one that looks at all outputs together.
  package func elementFunction(_ options: LossOptions = LossOptions()) -> ElementLossFunction? {
    switch self {
    case .crossEntropy: nil
    case .meanSquaredError: .squaredError
    case .binaryCrossEntropy: .binaryCrossEntropy(weights: options.classWeights)
    case .meanAbsoluteError: .absoluteError
    case .huber: .huber(delta: options.huberDelta)
    }
  }
}

/// Numbers of a loss.
package struct LossOptions: Hashable, Codable, Sendable {
  /// Of cross-entropy, from 0 to below 1; in training only.
  package var labelSmoothing: Double
  /// One above 0 for each class, by which its part of a cross-entropy is multiplied in training; empty: all 1.
  package var classWeights: [Double]
  /// The distance up to which the Huber loss is squared.
  package var huberDelta: Double

  package init(labelSmoothing: Double = 0, classWeights: [Double] = [], huberDelta: Double = 1) {
    self.labelSmoothing = labelSmoothing
    self.classWeights = classWeights
    self.huberDelta = huberDelta
  }

  /// What counts in evaluation: there neither labels are smoothed nor classes weighted.
  package var forEvaluation: LossOptions { LossOptions(huberDelta: huberDelta) }
}

extension ModelSpecification {
  /// Forward, loss and backward of one shard of the global batch; dropout is on.
  ///
  /// Inputs: those of `sampleShape` and, for cross-entropy, `labels` int32, of the logits' shape without the classes (below 0: left
  /// out, as padding is), for other losses `target` of the logits' shape. Outputs: `logits` and `loss`. The loss is
  /// divided by what there is to predict in the global batch: its samples times the positions of a sequence, or times
  /// the outputs. Labels that are left out count in the divisor: it does not depend on the data, so the losses and
  /// gradients of the shards add up to those of the global batch on any number of ranks.
  /// - Parameter carriesState: as in `graph(sampleShape:batch:mode:carriesState:)`.
  /// - Throws: `GraphError` naming the layer that does not fit, or `loss`.
  package func trainingGraph(
    sampleShape: SampleShape, shardSamples: Int, globalBatch: Int, loss: Loss, options: LossOptions = LossOptions(),
    carriesState: Bool = false
  ) throws -> Graph {
    let (graph, losses) = try lossGraph(
      sampleShape: sampleShape, shardSamples: shardSamples, globalBatch: globalBatch, loss: loss, options: options,
      carriesState: carriesState)
    return try graph.differentiated(losses)
  }

  /// The forward pass and losses of `trainingGraph`, and the losses of which it takes the gradient of the sum.
  /// - Throws: `GraphError` as there.
  package func lossGraph(
    sampleShape: SampleShape, shardSamples: Int, globalBatch: Int, loss: Loss, options: LossOptions = LossOptions(),
    carriesState: Bool = false
  ) throws -> (graph: Graph, losses: [ValueID]) {
    guard globalBatch >= shardSamples else {
      throw GraphError(
        .invalidArgument, layer: Self.lossName,
        "a shard of \(shardSamples) samples is more than the global batch of \(globalBatch)")
    }
    var graph = try graph(
      sampleShape: sampleShape, batch: shardSamples, mode: .training, carriesState: carriesState)
    let divisor = { (predictions: Int) in globalBatch * predictions / shardSamples }
    let heads = try appendHeads(to: &graph)
    var value = try append(loss, options, to: &graph, divisor: divisor)
    var losses = [value]
    for (head, logits) in zip(auxiliaryHeads, heads) {
      losses.append(try append(head, logits, loss, options, to: &graph, divisor: divisor))
    }
    for auxiliary in losses.dropFirst() {
      value = try graph.append(.add(Add()), [value, auxiliary], layer: Self.lossName)[0]
    }
    graph.outputs["loss"] = value
    return (graph, losses)
  }

  /// Forward and loss of `batch` samples; dropout is left out.
  ///
  /// Inputs and outputs as in `trainingGraph`, but the loss is a sum (divisor 1), so the losses of batches add up and a
  /// last batch is padded with labels of −1. With cross-entropy `probabilities` [batch, classes] is an output too.
  /// - Throws: `GraphError` naming the layer that does not fit, or `loss`.
  package func evaluationGraph(
    sampleShape: SampleShape, batch: Int, loss: Loss, options: LossOptions = LossOptions(), carriesState: Bool = false
  ) throws -> Graph {
    var graph = try graph(sampleShape: sampleShape, batch: batch, mode: .inference, carriesState: carriesState)
    _ = try append(loss, options.forEvaluation, to: &graph) { _ in 1 }
    if loss == .crossEntropy, let node = graph.nodes.last { graph.outputs["probabilities"] = node.outputs[1] }
    return graph
  }

  /// - Parameter divisor: the loss's divisor, from what the graph predicts: labels, or elements.
  private func append(
    _ loss: Loss, _ options: LossOptions, to graph: inout Graph, divisor: (_ predictions: Int) -> Int
  ) throws -> ValueID {
    guard let logits = graph.outputs["logits"] else { preconditionFailure("graph(sampleShape:batch:mode:) sets it") }
    let type = graph[logits].type
    let operation: Operation
    let expected: ValueID
    try refuseLast(loss)
    if let function = loss.elementFunction(options) {
      expected = graph.input("target", type)
      operation = .elementLoss(ElementLoss(function, divisor: divisor(type.shape.elementCount)))
    } else {
      let labels = Shape(Array(type.shape.dimensions.dropLast()))
      expected = graph.input("labels", TensorType(labels, .int32))
      operation = .softmaxCrossEntropy(
        SoftmaxCrossEntropy(
          divisor: divisor(labels.elementCount), smoothing: options.labelSmoothing, weights: options.classWeights))
    }
    let value = try graph.append(operation, [logits, expected], layer: Self.lossName)[0]
    graph.outputs["loss"] = value
    return value
  }

  /// The weighted loss of an auxiliary head against the labels of the model.
  private func append(
    _ head: AuxiliaryHead, _ logits: ValueID, _ loss: Loss, _ options: LossOptions, to graph: inout Graph,
    divisor: (_ predictions: Int) -> Int
  ) throws -> ValueID {
    guard loss == .crossEntropy, let labels = graph.inputs.last, let classes = graph[logits].type.shape.dimensions.last
    else {
      throw GraphError(
        .invalidArgument, layer: head.layers.last?.name ?? Self.lossName,
        "auxiliary heads are trained with cross-entropy, not \(loss.rawValue)")
    }
    let weights = options.classWeights.isEmpty ? Array(repeating: 1, count: classes) : options.classWeights
    let operation = SoftmaxCrossEntropy(
      divisor: divisor(graph[labels].type.shape.elementCount), smoothing: options.labelSmoothing,
      weights: weights.map { $0 * head.weight })
    return try graph.append(.softmaxCrossEntropy(operation), [logits, labels], layer: Self.lossName)[0]
  }

  /// The cross-entropies take the scores before the softmax or sigmoid.
  private func refuseLast(_ loss: Loss) throws {
    guard let last = layers.last else { return }
    let name: String
    switch (loss, last.kind) {
    case (.crossEntropy, .softmax): name = "softmax"
    case (.binaryCrossEntropy, .activation(.sigmoid)), (.binaryCrossEntropy, .dense(_, _, .sigmoid?, _)):
      name = "sigmoid"
    default: return
    }
    throw GraphError(
      .invalidArgument, layer: last.name,
      "\(loss.rawValue) takes the \(name) itself, and would take it twice; remove \(name == "softmax" ? "this layer" : "it")"
    )
  }
}
