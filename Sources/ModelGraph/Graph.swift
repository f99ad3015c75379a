/// A value by its position in `Graph.values`.
package struct ValueID: Hashable, Sendable, Codable, Comparable {
  package let index: Int

  package init(index: Int) { self.index = index }

  package static func < (a: ValueID, b: ValueID) -> Bool { a.index < b.index }
}

/// A node by its position in `Graph.nodes`.
package struct NodeID: Hashable, Sendable, Codable, Comparable {
  package let index: Int
  package static func < (a: NodeID, b: NodeID) -> Bool { a.index < b.index }
}

/// How a parameter's values are drawn before the first step. Draws are keyed by (seed, parameter position).
package enum Initialiser: Hashable, Sendable, Codable {
  case zeros
  /// Uniform on [−bound, bound).
  case uniform(bound: Float)
  /// Normal with mean 0.
  case normal(deviation: Float)
  case constant(Float)
}

/// A tensor of the graph: an input, a parameter, or the output of one node.
package struct Value: Hashable, Sendable, Codable {
  package enum Role: Hashable, Sendable, Codable {
    case input
    case parameter(Initialiser)
    /// What training observes rather than learns, such as the running mean of a batch normalisation: after each step
    /// it moves by `momentum` of the way to the observation.
    case statistic(Initialiser, momentum: Double)
    case intermediate(producer: NodeID)
  }

  package let name: String
  package let type: TensorType
  package let role: Role

  package var isParameter: Bool { if case .parameter = role { true } else { false } }
  /// How the value is drawn before the first step; nil for inputs and intermediates.
  package var initialiser: Initialiser? {
    switch role {
    case .parameter(let initialiser), .statistic(let initialiser, _): initialiser
    case .input, .intermediate: nil
    }
  }
  package var producer: NodeID? { if case .intermediate(let node) = role { node } else { nil } }
}

/// One application of an operation.
package struct Node: Hashable, Sendable, Codable {
  package enum Pass: String, Hashable, Sendable, Codable { case forward, backward }

  package let operation: Operation
  package let inputs: [ValueID]
  package let outputs: [ValueID]
  /// The layer of the model that this node belongs to; a backward node belongs to its forward node's layer.
  package let layer: String
  package let pass: Pass
}

/// A model as operations over tensors of static shape, in an order in which they can run.
///
/// The executor runs it, differentiation extends it, the planner and `describe` count it: one description, many
/// readers. Nothing is allocated: a graph of 175 billion parameters is a few thousand nodes.
package struct Graph: Hashable, Sendable, Codable {
  package private(set) var values: [Value] = []
  package private(set) var nodes: [Node] = []
  package private(set) var inputs: [ValueID] = []
  package private(set) var parameters: [ValueID] = []
  package private(set) var statistics: [ValueID] = []

  /// What the graph is asked for by name, such as `logits` and `loss`; alive to the end of a step.
  package var outputs: [String: ValueID] = [:]
  /// Gradient of each parameter, in the order in which they become ready in backward. Empty before differentiation.
  package internal(set) var parameterGradients: [ParameterGradient] = []
  /// Parameters that cannot learn, because an operation without slope stands on every way from them to the loss. Their
  /// gradient is zero. Empty before differentiation.
  package internal(set) var blockedParameters: [BlockedParameter] = []

  /// What a step observes of each statistic; as with gradients, shards' observations are summed.
  package private(set) var observations: [Observation] = []

  package struct Observation: Hashable, Sendable, Codable {
    package let statistic: ValueID
    package let value: ValueID
  }

  package struct ParameterGradient: Hashable, Sendable, Codable {
    package let parameter: ValueID
    package let gradient: ValueID
  }

  package struct BlockedParameter: Hashable, Sendable, Codable {
    package let parameter: ValueID
    /// The layer whose gradient is zero.
    package let layer: String
  }

  /// What a step hands on to the next: the states of recurrent layers over pieces of one long sequence.
  package private(set) var carriedStates: [CarriedState] = []

  /// A state under one name: as an input what a step begins with, as an output what it ends with. Whoever runs the graph
  /// copies the one into the other between steps; no gradient goes back through it.
  package struct CarriedState: Hashable, Sendable, Codable {
    package let name: String
    package let initial: ValueID
    package let final: ValueID
  }

  package init() {}

  package subscript(id: ValueID) -> Value { values[id.index] }
  package subscript(id: NodeID) -> Node { nodes[id.index] }

  package mutating func input(_ name: String, _ type: TensorType) -> ValueID {
    let id = appendValue(Value(name: name, type: type, role: .input))
    inputs.append(id)
    return id
  }

  package mutating func parameter(_ name: String, _ shape: Shape, _ initialiser: Initialiser) -> ValueID {
    let id = appendValue(Value(name: name, type: TensorType(shape), role: .parameter(initialiser)))
    parameters.append(id)
    return id
  }

  /// - Parameter momentum: share of the way to a step's observation, in 0 ... 1.
  package mutating func statistic(
    _ name: String, _ shape: Shape, _ initialiser: Initialiser, momentum: Double
  ) -> ValueID {
    let role = Value.Role.statistic(initialiser, momentum: momentum)
    let id = appendValue(Value(name: name, type: TensorType(shape), role: role))
    statistics.append(id)
    return id
  }

  /// Has each step move `statistic` towards `value`, averaged over the shards.
  package mutating func observe(_ statistic: ValueID, _ value: ValueID) {
    precondition(self[statistic].type == self[value].type, "an observation is of its statistic's shape")
    observations.append(Observation(statistic: statistic, value: value))
  }

  /// Hands `final` on to the next step's `initial`, an input of the same shape; `final` becomes an output under the
  /// input's name.
  package mutating func carry(_ final: ValueID, to initial: ValueID) {
    precondition(self[initial].role == .input && self[initial].type == self[final].type, "a state is of one shape")
    let name = self[initial].name
    outputs[name] = final
    carriedStates.append(CarriedState(name: name, initial: initial, final: final))
  }

  /// What a trained model is: the values that a run keeps and a checkpoint holds, parameters first.
  package var stored: [ValueID] { parameters + statistics }

  /// Whether a parameter is the weights of some layer, rather than a bias, scale, shift or slope: what weight decay is
  /// meant for. Its role tells, not its shape: the scales of a layer normalisation over an image are no weights.
  package func isWeight(_ parameter: ValueID) -> Bool {
    nodes.contains { node in
      node.pass == .forward && node.operation.rule.weightInputs.contains { node.inputs[$0] == parameter }
    }
  }

  /// Appends a node and gives its outputs.
  /// - Throws: `GraphError` if the inputs are too few, too many or do not fit the operation.
  package mutating func append(
    _ operation: Operation, _ inputs: [ValueID], layer: String, pass: Node.Pass = .forward
  ) throws -> [ValueID] {
    let rule = operation.rule
    guard rule.inputCount.contains(inputs.count) else {
      let range = rule.inputCount
      let wanted = range.upperBound == .max ? "at least \(range.lowerBound)" : "\(range.lowerBound)"
      throw GraphError(
        .wrongInputCount, layer: layer, "\(rule.name) takes \(wanted) inputs, not \(inputs.count); give it each of them"
      )
    }
    let types = try rule.outputTypes(inputs.map { self[$0].type }, layer: layer)
    let node = NodeID(index: nodes.count)
    let outputs = types.enumerated().map { position, type in
      let suffix = (pass == .backward ? ".gradient" : "") + (position == 0 ? "" : ".\(position)")
      return appendValue(Value(name: layer + suffix, type: type, role: .intermediate(producer: node)))
    }
    nodes.append(Node(operation: operation, inputs: inputs, outputs: outputs, layer: layer, pass: pass))
    return outputs
  }

  private mutating func appendValue(_ value: Value) -> ValueID {
    values.append(value)
    return ValueID(index: values.count - 1)
  }
}
