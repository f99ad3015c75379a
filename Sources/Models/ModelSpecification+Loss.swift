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
  /// Inputs: `input` and, for cross-entropy, `labels` [shardSamples] int32 (below 0: the sample is left out), for the
  /// mean squared error `target` of the logits' shape. Outputs: `logits` and `loss`. The loss is divided by the samples
  /// (and, for the mean squared error, outputs) of the global batch, so the losses and gradients of the shards add up
  /// to those of the global batch. Labels are smoothed in training only, by cross-entropy only.
  /// - Throws: `GraphError` naming the layer that does not fit, or `loss`.
  package func trainingGraph(
    sampleShape: Shape, shardSamples: Int, globalBatch: Int, loss: Loss, labelSmoothing: Double = 0
  ) throws -> Graph {
    guard globalBatch >= shardSamples else {
      throw GraphError(
        .invalidArgument, layer: Self.lossName,
        "a shard of \(shardSamples) samples is more than the global batch of \(globalBatch)")
    }
    var graph = try graph(sampleShape: sampleShape, batch: shardSamples, mode: .training)
    let value = try append(loss, to: &graph, samples: shardSamples, smoothing: labelSmoothing) { outputs in
      loss == .crossEntropy ? globalBatch : globalBatch * outputs
    }
    return try graph.differentiated(value)
  }

  /// Forward and loss of `batch` samples; dropout is left out.
  ///
  /// Inputs and outputs as in `trainingGraph`, but the loss is a sum (divisor 1), so the losses of batches add up and a
  /// last batch is padded with labels of −1. With cross-entropy `probabilities` [batch, classes] is an output too.
  /// - Throws: `GraphError` naming the layer that does not fit, or `loss`.
  package func evaluationGraph(sampleShape: Shape, batch: Int, loss: Loss) throws -> Graph {
    var graph = try graph(sampleShape: sampleShape, batch: batch, mode: .inference)
    _ = try append(loss, to: &graph, samples: batch) { _ in 1 }
    if loss == .crossEntropy, let node = graph.nodes.last { graph.outputs["probabilities"] = node.outputs[1] }
    return graph
  }

  /// - Parameter divisor: the loss's divisor, from the outputs that the model has for a sample.
  private func append(
    _ loss: Loss, to graph: inout Graph, samples: Int, smoothing: Double = 0, divisor: (_ outputs: Int) -> Int
  ) throws -> ValueID {
    guard let logits = graph.outputs["logits"] else { preconditionFailure("graph(sampleShape:batch:mode:) sets it") }
    let type = graph[logits].type
    let outputs = type.shape.elementCount / samples
    let operation: Operation
    let expected: ValueID
    switch loss {
    case .crossEntropy:
      if let last = layers.last, last.kind == .softmax {
        throw GraphError(
          .invalidArgument, layer: last.name,
          "cross-entropy takes the softmax itself, and would take it twice; remove this layer")
      }
      expected = graph.input("labels", TensorType([samples], .int32))
      operation = .softmaxCrossEntropy(SoftmaxCrossEntropy(divisor: divisor(outputs), smoothing: smoothing))
    case .meanSquaredError:
      expected = graph.input("target", type)
      operation = .meanSquaredError(MeanSquaredError(divisor: divisor(outputs)))
    }
    let value = try graph.append(operation, [logits, expected], layer: Self.lossName)[0]
    graph.outputs["loss"] = value
    return value
  }
}
