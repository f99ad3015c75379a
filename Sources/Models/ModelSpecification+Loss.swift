package import ModelGraph

/// What training makes small.
package enum Loss: String, Hashable, Codable, Sendable, CaseIterable {
  /// −log softmax(logits)[label], for one class a sample.
  case crossEntropy = "cross-entropy"
  /// (output − target)², averaged over samples and outputs.
  case meanSquaredError = "mean-squared-error"
}

extension ModelSpecification {
  /// Forward, loss and backward of one shard of the global batch; dropout is on.
  ///
  /// Inputs: those of `sampleShape` and, for cross-entropy, `labels` int32 of the logits' shape without the classes (below
  /// 0: left out), for the mean squared error `target` of the logits' shape. Outputs: `logits` and `loss`. The loss is
  /// divided by the labels or the outputs of the global batch, so the losses and gradients of the shards add up to those
  /// of the global batch. Labels are smoothed in training only, by cross-entropy only.
  /// - Throws: `GraphError` naming the layer that does not fit, or `loss`.
  package func trainingGraph(
    sampleShape: SampleShape, shardSamples: Int, globalBatch: Int, loss: Loss, labelSmoothing: Double = 0
  ) throws -> Graph {
    guard globalBatch >= shardSamples else {
      throw GraphError(
        .invalidArgument, layer: Self.lossName,
        "a shard of \(shardSamples) samples is more than the global batch of \(globalBatch)")
    }
    var graph = try graph(sampleShape: sampleShape, batch: shardSamples, mode: .training)
    let value = try append(loss, to: &graph, smoothing: labelSmoothing) { $0 / shardSamples * globalBatch }
    return try graph.differentiated(value)
  }

  /// Forward and loss of `batch` samples; dropout is left out.
  ///
  /// Inputs and outputs as in `trainingGraph`, but the loss is a sum (divisor 1), so the losses of batches add up and a
  /// last batch is padded with labels of −1. With cross-entropy `probabilities` of the logits' shape is an output too.
  /// - Throws: `GraphError` naming the layer that does not fit, or `loss`.
  package func evaluationGraph(sampleShape: SampleShape, batch: Int, loss: Loss) throws -> Graph {
    var graph = try graph(sampleShape: sampleShape, batch: batch, mode: .inference)
    _ = try append(loss, to: &graph) { _ in 1 }
    if loss == .crossEntropy, let node = graph.nodes.last { graph.outputs["probabilities"] = node.outputs[1] }
    return graph
  }

  /// - Parameter divisor: the loss's divisor, from the number of terms that it has in this graph.
  private func append(
    _ loss: Loss, to graph: inout Graph, smoothing: Double = 0, divisor: (_ terms: Int) -> Int
  ) throws -> ValueID {
    guard let logits = graph.outputs["logits"] else { preconditionFailure("graph(sampleShape:batch:mode:) sets it") }
    let type = graph[logits].type
    let operation: Operation
    let expected: ValueID
    switch loss {
    case .crossEntropy:
      if let last = layers.last, last.kind == .softmax {
        throw GraphError(
          .invalidArgument, layer: last.name,
          "cross-entropy takes the softmax itself, and would take it twice; remove this layer")
      }
      let labels = Shape(type.shape.dimensions.dropLast())
      expected = graph.input("labels", TensorType(labels, .int32))
      operation = .softmaxCrossEntropy(SoftmaxCrossEntropy(divisor: divisor(labels.elementCount), smoothing: smoothing))
    case .meanSquaredError:
      expected = graph.input("target", type)
      operation = .meanSquaredError(MeanSquaredError(divisor: divisor(type.shape.elementCount)))
    }
    let value = try graph.append(operation, [logits, expected], layer: Self.lossName)[0]
    graph.outputs["loss"] = value
    return value
  }
}
