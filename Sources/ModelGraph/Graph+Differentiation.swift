extension Graph {
  /// This graph followed by the operations that compute the gradient of `loss` (a scalar) for every parameter.
  ///
  /// Reverse accumulation over the nodes in reverse order (Griewank & Walther 2008, chapter 3); where a value is used
  /// more than once its gradients are added in the order in which backward meets the uses. Inputs get no gradient.
  /// A parameter from which every way to the loss passes an operation without slope gets a gradient of zeros and is
  /// listed in `blockedParameters`.
  /// - Throws: `GraphError` with `.notDifferentiable` if no parameter leads to `loss`.
  package func differentiated(_ loss: ValueID) throws -> Graph { try differentiated([loss]) }

  /// This graph followed by the operations that compute the gradient of the sum of `losses`, each a scalar that no other
  /// of them depends on.
  package func differentiated(_ losses: [ValueID]) throws -> Graph {
    let leadsToParameter = valuesThatLeadToParameters()
    if let loss = losses.first(where: { !leadsToParameter[$0.index] }) {
      throw GraphError(
        .notDifferentiable, layer: self[loss].name,
        "no parameter leads to the loss: the model has nothing to train; add a layer with weights")
    }
    var graph = self
    var gradients: [ValueID: ValueID] = [:]
    for node in nodes.reversed() {
      let seedsHere = node.outputs.contains(where: losses.contains)
      guard seedsHere || node.outputs.contains(where: { gradients[$0] != nil }) else { continue }
      let context = GradientContext(
        layer: node.layer, inputs: node.inputs, outputs: node.outputs,
        outputGradients: node.outputs.map { gradients[$0] },
        isWanted: node.inputs.map { leadsToParameter[$0.index] })
      let inputGradients = try node.operation.rule.inputGradients(context, in: &graph)
      for (input, gradient) in zip(node.inputs, inputGradients) {
        guard let gradient, leadsToParameter[input.index] else { continue }
        if let earlier = gradients[input] {
          gradients[input] = try graph.append(
            .add(Add()), [earlier, gradient], layer: node.layer, pass: .backward)[0]
        } else {
          gradients[input] = gradient
        }
      }
    }
    for parameter in parameters where gradients[parameter] == nil {
      guard let layer = losses.lazy.compactMap({ blockingLayer(between: parameter, and: $0) }).first else {
        throw GraphError(
          .notDifferentiable, layer: self[parameter].name,
          "the loss does not depend on this parameter; remove its layer or connect it to the output")
      }
      let zeros = Operation.zeros(Zeros(shape: self[parameter].type.shape))
      gradients[parameter] = try graph.append(zeros, [], layer: layer, pass: .backward)[0]
      graph.blockedParameters.append(BlockedParameter(parameter: parameter, layer: layer))
    }
    // Ready order is the order of producing nodes; outputs of one node keep the order of the node's outputs.
    graph.parameterGradients = parameters.compactMap { parameter in
      gradients[parameter].map { ParameterGradient(parameter: parameter, gradient: $0) }
    }.sorted { $0.gradient < $1.gradient }
    return graph
  }

  /// The first layer behind `parameter` and before `loss` whose gradient is zero everywhere.
  private func blockingLayer(between parameter: ValueID, and loss: ValueID) -> String? {
    var needed: Set = [loss]
    for node in nodes.reversed() where node.outputs.contains(where: needed.contains) { needed.formUnion(node.inputs) }
    var reached: Set = [parameter]
    for node in nodes where node.inputs.contains(where: reached.contains) {
      reached.formUnion(node.outputs)
      if node.operation.blocksGradient, node.outputs.contains(where: needed.contains) { return node.layer }
    }
    return nil
  }

  /// For each value, whether a parameter can be reached from it against the arrows.
  private func valuesThatLeadToParameters() -> [Bool] {
    var leads = values.map(\.isParameter)
    for node in nodes where node.inputs.contains(where: { leads[$0.index] }) {
      for output in node.outputs { leads[output.index] = true }
    }
    return leads
  }
}
