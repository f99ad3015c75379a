import Foundation
import ModelGraph
import Testing
import Units

@Suite struct DifferentiationTests {
  /// x [3, 4] → f1 [5] → relu → f2 [2] → mean squared error.
  private func chain() throws -> (graph: Graph, loss: ValueID, hidden: ValueID, relu: ValueID, y: ValueID) {
    var graph = Graph()
    let x = graph.input("x", TensorType([3, 4]))
    let first = [
      x, graph.parameter("f1.weight", [5, 4], .uniform(bound: 0.5)),
      graph.parameter("f1.bias", [5], .normal(deviation: 2)),
    ]
    let hidden = try graph.append(.dense(Dense()), first, layer: "f1")[0]
    let relu = try graph.append(.activation(Activation(.relu)), [hidden], layer: "relu")[0]
    let second = [relu, graph.parameter("f2.weight", [2, 5], .zeros), graph.parameter("f2.bias", [2], .zeros)]
    let y = try graph.append(.dense(Dense()), second, layer: "f2")[0]
    let target = graph.input("target", TensorType([3, 2]))
    let loss = try graph.append(.elementLoss(ElementLoss(.squaredError, divisor: 6)), [y, target], layer: "loss")[0]
    graph.outputs = ["y": y, "loss": loss]
    return (graph, loss, hidden, relu, y)
  }

  @Test func gradientsAreInTheOrderInWhichBackwardComputesThem() throws {
    let (graph, loss, _, _, _) = try chain()
    let whole = try graph.differentiated(loss)
    #expect(
      whole.parameterGradients.map { whole[$0.parameter].name } == ["f2.weight", "f2.bias", "f1.weight", "f1.bias"])
    #expect(whole.parameterGradients.allSatisfy { whole[$0.gradient].type == whole[$0.parameter].type })
    let producers = try whole.parameterGradients.map { try #require(whole[$0.gradient].producer) }
    #expect(producers == producers.sorted())
    #expect(producers.allSatisfy { whole[$0].pass == .backward })
  }

  @Test func backwardFollowsTheUnchangedForwardGraph() throws {
    let (graph, loss, _, _, _) = try chain()
    let whole = try graph.differentiated(loss)
    #expect(Array(whole.nodes.prefix(graph.nodes.count)) == graph.nodes)
    #expect(Array(whole.values.prefix(graph.values.count)) == graph.values)
    #expect(whole.outputs == graph.outputs && whole.inputs == graph.inputs && whole.parameters == graph.parameters)
    #expect(
      whole.nodes.dropFirst(graph.nodes.count).map(\.operation.name) == [
        "mean squared error backward", "dense backward weights", "dense backward input", "relu backward",
        "dense backward weights",
      ])
    #expect(whole.nodes.dropFirst(graph.nodes.count).map(\.layer) == ["loss", "f2", "f2", "relu", "f1"])
  }

  /// Backward reads the ReLU's output and the prediction, not the hidden layer's sum.
  @Test func savedValuesAreWhatBackwardReadsAgain() throws {
    let (graph, loss, hidden, relu, y) = try chain()
    let whole = try graph.differentiated(loss)
    #expect(whole.savedValues == [relu, y] && !whole.savedValues.contains(hidden))
    #expect(whole.savedBytes == Bytes(4 * (3 * 5 + 3 * 2)))
    #expect(graph.savedValues.isEmpty && graph.savedBytes == Bytes(0))
  }

  @Test func gradientsOfAValueWithThreeUsesAreAddedInTheOrderOfBackward() throws {
    var graph = Graph()
    let x = graph.input("x", TensorType([3, 4]))
    let weight = graph.parameter("weight", [4, 4], .zeros)
    let y = try graph.append(.dense(Dense(hasBias: false)), [x, weight], layer: "f")[0]
    let t = try graph.append(.activation(Activation(.tanh)), [y], layer: "t")[0]
    let first = try graph.append(.add(Add()), [y, t], layer: "a1")[0]
    let second = try graph.append(.add(Add()), [first, y], layer: "a2")[0]
    let target = graph.input("target", TensorType([3, 4]))
    let loss = try graph.append(
      .elementLoss(ElementLoss(.squaredError, divisor: 12)), [second, target], layer: "loss")[0]
    let whole = try graph.differentiated(loss)
    let backward = whole.nodes.filter { $0.pass == .backward }
    #expect(
      backward.map { "\($0.layer): \($0.operation.name)" } == [
        "loss: mean squared error backward", "a1: add", "t: tanh backward", "t: add", "f: dense backward weights",
      ])
    let seed = backward[0].outputs[0]
    #expect(backward[1].inputs == [seed, seed])
    #expect(backward[3].inputs == [backward[1].outputs[0], backward[2].outputs[0]])
    #expect(backward[4].inputs == [x, backward[3].outputs[0]])
  }

  @Test func aWeightOfTwoLayersHasOneGradientTheSum() throws {
    var graph = Graph()
    let x = graph.input("x", TensorType([3, 4]))
    let weight = graph.parameter("weight", [4, 4], .zeros)
    let y = try graph.append(.dense(Dense(hasBias: false)), [x, weight], layer: "first")[0]
    let z = try graph.append(.dense(Dense(hasBias: false)), [y, weight], layer: "second")[0]
    let target = graph.input("target", TensorType([3, 4]))
    let loss = try graph.append(.elementLoss(ElementLoss(.squaredError, divisor: 12)), [z, target], layer: "loss")[0]
    let whole = try graph.differentiated(loss)
    #expect(whole.parameterGradients.count == 1)
    let producer = try #require(whole[whole.parameterGradients[0].gradient].producer)
    #expect(whole[producer].operation == .add(Add()) && whole[producer].layer == "first")
  }

  @Test func aLossWithoutParametersIsRefused() throws {
    var graph = Graph()
    let (x, target) = (graph.input("x", TensorType([3, 4])), graph.input("target", TensorType([3, 4])))
    let loss = try graph.append(.elementLoss(ElementLoss(.squaredError, divisor: 12)), [x, target], layer: "loss")[0]
    let plain = graph
    let error = #expect(throws: GraphError.self) { try plain.differentiated(loss) }
    #expect(error?.code == .notDifferentiable)
    #expect(
      error?.description == "layer 'loss': no parameter leads to the loss: the model has nothing to train; add a layer "
        + "with weights")
  }

  @Test func whatIsComputedFromALossIsRefused() throws {
    var (graph, _, _, _, y) = try chain()
    let labels = graph.input("labels", TensorType([3], .int32))
    let entropy = ModelGraph.Operation.softmaxCrossEntropy(SoftmaxCrossEntropy(divisor: 3))
    let probabilities = try graph.append(entropy, [y, labels], layer: "entropy")[1]
    let wanted = graph.input("wanted", TensorType([3, 2]))
    let loss = try graph.append(
      .elementLoss(ElementLoss(.squaredError, divisor: 6)), [probabilities, wanted], layer: "behind")[0]
    let error = #expect(throws: GraphError.self) { try graph.differentiated(loss) }
    #expect(error?.code == .notDifferentiable)
    #expect(error?.layer == "entropy")
    #expect(error?.message.contains("make the loss the end of the graph") == true)
  }

  @Test func aParameterThatTheLossDoesNotSeeIsRefused() throws {
    var (graph, loss, _, relu, _) = try chain()
    let unused = graph.parameter("head.weight", [3, 5], .zeros)
    _ = try graph.append(.dense(Dense(hasBias: false)), [relu, unused], layer: "head")
    let withHead = graph
    let error = #expect(throws: GraphError.self) { try withHead.differentiated(loss) }
    #expect(error?.code == .notDifferentiable)
    #expect(
      error?.description == "layer 'head.weight': the loss does not depend on this parameter; remove its layer or "
        + "connect it to the output")
  }

  /// f1 → binary step → f2: f1 cannot learn, f2 can; a second way around the step lets both.
  @Test(arguments: [false, true]) func aParameterBehindABinaryStepGetsZerosAndAWarning(hasWayAround: Bool) throws {
    var graph = Graph()
    let x = graph.input("x", TensorType([3, 4]))
    let hidden = try graph.append(
      .dense(Dense()), [x, graph.parameter("f1.weight", [5, 4], .zeros), graph.parameter("f1.bias", [5], .zeros)],
      layer: "f1")[0]
    var steps = try graph.append(.activation(Activation(.binaryStep)), [hidden], layer: "steps")[0]
    if hasWayAround { steps = try graph.append(.add(Add()), [steps, hidden], layer: "sum")[0] }
    let y = try graph.append(
      .dense(Dense(hasBias: false)), [steps, graph.parameter("f2.weight", [2, 5], .zeros)], layer: "f2")[0]
    let target = graph.input("target", TensorType([3, 2]))
    let loss = try graph.append(.elementLoss(ElementLoss(.squaredError, divisor: 6)), [y, target], layer: "loss")[0]
    let whole = try graph.differentiated(loss)
    #expect(whole.parameterGradients.count == 3)
    #expect(whole.blockedParameters.map { whole[$0.parameter].name } == (hasWayAround ? [] : ["f1.weight", "f1.bias"]))
    let zeros = whole.nodes.filter { if case .zeros = $0.operation { true } else { false } }
    #expect(zeros.map(\.layer) == (hasWayAround ? [] : ["steps", "steps"]))
    #expect(
      whole.warnings.map(\.description)
        == (hasWayAround
          ? []
          : [
            "blocked-gradient: layer 'steps': its slope is 0 everywhere, so 'f1.weight', 'f1.bias' will not "
              + "learn; use 'sigmoid' or 'tanh' in training"
          ]))
  }

  @Test func savedValuesOfAFunctionAreWhatItsDerivativeReads() throws {
    func saved(_ function: ActivationFunction) throws -> [String] {
      var graph = Graph()
      let x = graph.input("x", TensorType([3, 4]))
      let hidden = try graph.append(
        .dense(Dense(hasBias: false)), [x, graph.parameter("w", [4, 4], .zeros)], layer: "hidden")[0]
      let y = try graph.append(.activation(Activation(function)), [hidden], layer: "function")[0]
      let loss = try graph.append(
        .elementLoss(ElementLoss(.squaredError, divisor: 6)), [y, graph.input("target", TensorType([3, 4]))],
        layer: "loss")[
          0]
      let whole = try graph.differentiated(loss)
      return whole.savedValues.map { whole[$0].name }
    }
    #expect(try saved(.elu(alpha: 1)) == ["function"])
    #expect(try saved(.swish) == ["hidden", "function"])
  }

  @Test func backwardOperationsAreNotDifferentiatedAgain() throws {
    let (graph, loss, _, _, _) = try chain()
    let whole = try graph.differentiated(loss)
    let gradient = try #require(whole.parameterGradients.last?.gradient)
    let error = #expect(throws: GraphError.self) { try whole.differentiated(gradient) }
    #expect(error?.code == .notDifferentiable)
    #expect(error?.description == "layer 'f1': no gradient is defined for DenseBackwardWeights")
  }

  @Test func aGraphSurvivesJSON() throws {
    let (graph, loss, _, _, _) = try chain()
    var whole = try graph.differentiated(loss)
    let image = whole.input("image", TensorType([2, 3, 9, 8], .uint8))
    let rule = Convolution(stride: Extent(2, 1), padding: Extent(0, 1), hasBias: false)
    let kernel = whole.parameter("kernel", [4, 3, 2, 3], .normal(deviation: 0.25))
    let y = try whole.append(.convolution(rule), [image, kernel], layer: "c")[0]
    _ = try whole.append(.dropout(Dropout(rate: 0.3, key: 4)), [y], layer: "d")
    let data = try JSONEncoder().encode(whole)
    let read = try JSONDecoder().decode(Graph.self, from: data)
    #expect(read == whole && read.hashValue == whole.hashValue)
    #expect(read.parameterGradients == whole.parameterGradients && read.outputs == whole.outputs)
  }

  /// The weights of GPT-3's feed-forward layers, 464 GB: a graph holds none of them.
  @Test func aGraphOfManyBillionParametersIsAFewHundredNodes() throws {
    var graph = Graph()
    var x = graph.input("x", TensorType([2048, 12288]))
    for block in 0..<96 {
      let up = graph.parameter("b\(block).up", [49152, 12288], .normal(deviation: 0.02))
      let down = graph.parameter("b\(block).down", [12288, 49152], .normal(deviation: 0.02))
      let wide = try graph.append(.dense(Dense(hasBias: false)), [x, up], layer: "b\(block).up")[0]
      x = try graph.append(.dense(Dense(hasBias: false)), [wide, down], layer: "b\(block).down")[0]
    }
    let target = graph.input("target", TensorType([2048, 12288]))
    let loss = try graph.append(.elementLoss(ElementLoss(.squaredError, divisor: 2048)), [x, target], layer: "loss")[0]
    let whole = try graph.differentiated(loss)
    #expect(whole.parameterCount == 96 * 2 * 49152 * 12288)
    #expect(whole.parameterGradients.count == 192 && whole.nodes.count == 193 + 1 + 192 + 191)
    let forward = 2.0 * 2048 * 96 * 2 * 49152 * 12288
    #expect(whole.cost { $0.pass == .forward }.flops.count == forward + 3 * 2048 * 12288)
    #expect(whole.savedBytes == Bytes(4 * 2048 * (96 * 49152 + 96 * 12288)))
  }
}
