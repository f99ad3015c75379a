import Foundation
import ModelGraph
import Testing

import Models

@Suite struct ModelSpecificationTests {
  func problems(_ layers: LayerSpecification...) -> [String] {
    ModelSpecification(name: "m", layers: layers).problems.map { "\($0.index) \($0.error)" }
  }

  @Test func unnamedLayersAreNumberedByKindAndGivenNamesArePassedOver() {
    let convolution = LayerSpecification.Kind.convolution(.init(channels: 2, kernel: Extent(3)))
    let model = ModelSpecification(
      name: "m",
      layers: [
        .init(convolution), .init(.activation(.tanh)), .init(convolution, name: "conv2"), .init(convolution),
        .init(.flatten), .init(.dense(outputs: 4)),
      ])
    #expect(model.layers.map(\.name) == ["conv1", "tanh1", "conv2", "conv3", "flatten1", "dense1"])
  }

  @Test func layersReadFromThoseTheyName() throws {
    let model = ModelSpecification(
      name: "m",
      layers: [
        .init(.dense(outputs: 6), name: "wide"), .init(.dense(outputs: 5, activation: .relu), name: "a"),
        .init(.dense(outputs: 5, hasBias: false), name: "b", from: "wide"), .init(.add(["b", "a"])),
        .init(.dense(outputs: 7), from: "input"), .init(.dense(outputs: 5)), .init(.add(["add1", "dense2"])),
      ])
    let graph = try model.graph(sampleShape: [3], batch: 2, mode: .inference)
    #expect(
      graph.parameters.map { "\(graph[$0].name) \(graph[$0].type)" } == [
        "wide.weight 6×3", "wide.bias 6", "a.weight 5×6", "a.bias 5", "b.weight 5×6", "dense1.weight 7×3",
        "dense1.bias 7", "dense2.weight 5×7", "dense2.bias 5",
      ])
    let sum = try #require(graph.nodes.first { $0.layer == "add1" })
    #expect(sum.inputs.map { graph[$0].name } == ["b", "a"])
    // The activation of `a`, not its dense operation, is what the sum reads.
    let read = try #require(graph[sum.inputs[1]].producer)
    #expect(graph[read].operation == .activation(Activation(.relu)))
  }

  @Test func dropoutIsInTheTrainingGraphOnly() throws {
    let model = ModelSpecification(
      name: "m", layers: [.init(.dense(outputs: 6)), .init(.dropout(rate: 0.5)), .init(.dense(outputs: 4))])
    let training = try model.graph(sampleShape: [3], batch: 2, mode: .training)
    let inference = try model.graph(sampleShape: [3], batch: 2, mode: .inference)
    #expect(training.nodes.map(\.layer) == ["dense1", "dropout1", "dense2"])
    #expect(inference.nodes.map(\.layer) == ["dense1", "dense2"])
    #expect(inference.parameters.map { inference[$0].name } == training.parameters.map { training[$0].name })
  }

  @Test func crossEntropyGraphHasTheDocumentedInputsOutputsAndDivisor() throws {
    let model = ModelSpecification(name: "m", layers: [.init(.dense(outputs: 4))])
    let graph = try model.trainingGraph(sampleShape: [3], shardSamples: 2, globalBatch: 10, loss: .crossEntropy)
    #expect(graph.inputs.map { graph[$0].name } == ["input", "labels"])
    #expect(graph.inputs.map { graph[$0].type } == [TensorType([2, 3]), TensorType([2], .int32)])
    #expect(graph.outputs.mapValues { graph[$0].type } == ["logits": TensorType([2, 4]), "loss": TensorType([])])
    #expect(graph.nodes[1].operation == .softmaxCrossEntropy(SoftmaxCrossEntropy(divisor: 10)))
    #expect(graph.parameterGradients.count == 2)
  }

  @Test func meanSquaredErrorIsDividedBySamplesAndOutputsOfTheGlobalBatch() throws {
    let model = ModelSpecification(name: "m", layers: [.init(.dense(outputs: 4))])
    let graph = try model.trainingGraph(sampleShape: [3], shardSamples: 2, globalBatch: 10, loss: .meanSquaredError)
    #expect(graph.inputs.map { graph[$0].name } == ["input", "target"])
    #expect(graph[graph.inputs[1]].type == TensorType([2, 4]))
    #expect(graph.nodes[1].operation == .elementLoss(ElementLoss(.squaredError, divisor: 40)))
  }

  @Test(arguments: Loss.allCases)
  func evaluationSumsTheLossAndHasNoGradients(_ loss: Loss) throws {
    let model = ModelSpecification(name: "m", layers: [.init(.dense(outputs: 4)), .init(.dropout(rate: 0.5))])
    let graph = try model.evaluationGraph(sampleShape: [3], batch: 7, loss: loss)
    let expected: ModelGraph.Operation =
      loss.elementFunction().map { .elementLoss(ElementLoss($0, divisor: 1)) }
      ?? .softmaxCrossEntropy(SoftmaxCrossEntropy(divisor: 1))
    #expect(graph.nodes.map(\.operation) == [.dense(Dense()), expected])
    #expect(graph.parameterGradients.isEmpty)
    let probabilities = graph.outputs["probabilities"].map { graph[$0].type }
    #expect(probabilities == (loss == .crossEntropy ? TensorType([7, 4]) : nil))
  }

  /// Every position of the global batch counts, whether its label is left out or not.
  @Test func crossEntropyOfASequenceIsDividedBySamplesAndPositions() throws {
    let model = ModelSpecification(name: "m", layers: [.init(.transpose([0, 2, 1])), .init(.prelu())])
    let options = LossOptions(labelSmoothing: 0.1, classWeights: [1, 2, 3])
    let graph = try model.trainingGraph(
      sampleShape: [3, 5], shardSamples: 2, globalBatch: 10, loss: .crossEntropy, options: options)
    #expect(graph[graph.inputs[1]].type == TensorType([2, 5], .int32))
    let rule = SoftmaxCrossEntropy(divisor: 50, smoothing: 0.1, weights: [1, 2, 3])
    #expect(graph.nodes[2].operation == .softmaxCrossEntropy(rule))
    let evaluation = try model.evaluationGraph(
      sampleShape: [3, 5], batch: 4, loss: .crossEntropy, options: options)
    #expect(evaluation.nodes[2].operation == .softmaxCrossEntropy(SoftmaxCrossEntropy(divisor: 1)))
  }

  @Test func lossesTakeTheirOptions() throws {
    let model = ModelSpecification(name: "m", layers: [.init(.dense(outputs: 2))])
    func operation(_ loss: Loss) throws -> ModelGraph.Operation {
      let options = LossOptions(classWeights: [2, 0.5], huberDelta: 3)
      return try model.trainingGraph(
        sampleShape: [3], shardSamples: 2, globalBatch: 6, loss: loss, options: options
      ).nodes[1].operation
    }
    #expect(try operation(.huber) == .elementLoss(ElementLoss(.huber(delta: 3), divisor: 12)))
    let weighted = ElementLossFunction.binaryCrossEntropy(weights: [2, 0.5])
    #expect(try operation(.binaryCrossEntropy) == .elementLoss(ElementLoss(weighted, divisor: 12)))
    #expect(try operation(.meanAbsoluteError) == .elementLoss(ElementLoss(.absoluteError, divisor: 12)))
  }

  @Test(arguments: [
    [LayerSpecification(.dense(outputs: 4)), .init(.activation(.sigmoid), name: "last")],
    [.init(.dense(outputs: 4, activation: .sigmoid), name: "last")],
  ]) func sigmoidBeforeBinaryCrossEntropyIsRefused(layers: [LayerSpecification]) {
    let model = ModelSpecification(name: "m", layers: layers)
    let error = #expect(throws: GraphError.self) {
      try model.trainingGraph(sampleShape: [3], shardSamples: 2, globalBatch: 2, loss: .binaryCrossEntropy)
    }
    #expect(
      error?.description
        == "layer 'last': binary-cross-entropy takes the sigmoid itself, and would take it twice; remove it")
  }

  @Test func softmaxBeforeCrossEntropyIsRefused() {
    let model = ModelSpecification(name: "m", layers: [.init(.dense(outputs: 4)), .init(.softmax())])
    let error = #expect(throws: GraphError.self) {
      try model.trainingGraph(sampleShape: [3], shardSamples: 2, globalBatch: 2, loss: .crossEntropy)
    }
    #expect(
      error?.description
        == "layer 'softmax1': cross-entropy takes the softmax itself, and would take it twice; remove this layer")
    #expect(throws: Never.self) {
      try model.trainingGraph(sampleShape: [3], shardSamples: 2, globalBatch: 2, loss: .meanSquaredError)
    }
  }

  @Test func structureIsCheckedBeforeShapes() {
    #expect(
      problems(.init(.flatten, name: "a"), .init(.softmax(), name: "a")) == [
        "1 layer 'a': two layers are named 'a'; give each its own name"
      ])
    #expect(
      problems(.init(.flatten, name: "input"), .init(.flatten, name: "a b"), .init(.flatten, name: "loss")) == [
        "0 layer 'input': 'input' is a name that Apus uses itself; choose another",
        "1 layer 'a b': layer name 'a b' has other characters than letters, digits, '-', '_' and '.'",
        "2 layer 'loss': 'loss' is a name that Apus uses itself; choose another",
      ])
    #expect(
      problems(.init(.flatten, name: "first"), .init(.add(["frist", "last"])), .init(.flatten, name: "last"))
        == [
          "1 layer 'add1': there is no layer 'frist'; did you mean 'first'?",
          "1 layer 'add1': layer 'last' does not come before this one; a layer takes its input from an earlier layer",
          "0 layer 'first': no later layer uses this one; remove it, or name it in the 'from' of the layer that should",
        ])
    #expect(
      problems(.init(.flatten, name: "self", from: "self")) == [
        "0 layer 'self': layer 'self' does not come before this one; a layer takes its input from an earlier layer"
      ])
  }

  @Test func modelWithoutLayersOrSamplesIsRefused() {
    #expect(throws: GraphError.self) {
      try ModelSpecification(name: "m", layers: []).graph(sampleShape: [3], batch: 2, mode: .training)
    }
    #expect(throws: GraphError.self) { try Zoo.mlp.model().graph(sampleShape: [3], batch: 0, mode: .training) }
    #expect(throws: GraphError.self) { try Zoo.mlp.model().graph(sampleShape: [3, 0], batch: 2, mode: .training) }
  }

  @Test func encodedModelIsDecodedEqual() throws {
    let model = ModelSpecification(
      name: "m",
      layers: Zoo.lenet5.model().layers + [
        .init(.dropout(rate: 0.25)), .init(.softmax(), from: "f1"), .init(.add(["p1", "p2"])),
      ])
    #expect(try JSONDecoder().decode(ModelSpecification.self, from: JSONEncoder().encode(model)) == model)
  }
}
