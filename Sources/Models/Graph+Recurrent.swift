package import ModelGraph

// Shapes: N samples, T steps, V tokens of a vocabulary, D width, I features, H units, Γ gates of the cell.

/// What recurrent layers give.
package struct RecurrentOutputs {
  /// y or the final h, as the settings ask.
  package let value: ValueID
  /// The final state of each layer and direction, bottom up and forwards first: h, and for LSTM c, each [N, H].
  package let states: [[ValueID]]
}

extension Graph {
  /// y[n, t] = table[tokens[n, t]]: a learned vector for each token of a vocabulary.
  ///
  /// Tokens [N, T] int32 → y [N, T, D]. Parameter: `<name>.weight` [V, D], drawn from normal(0, 1) (the default of
  /// PyTorch's `nn.Embedding`).
  ///
  ///     let vectors = try graph.embedding("words", tokens, vocabulary: 10_000, width: 128)
  ///
  /// - Throws: `GraphError` if the tokens are not int32, or `vocabulary` or `width` is below 1.
  package mutating func embedding(
    _ name: String, _ tokens: ValueID, vocabulary: Int, width: Int
  ) throws -> ValueID {
    try requireAtLeastOne(vocabulary, "vocabulary", layer: name)
    try requireAtLeastOne(width, "width", layer: name)
    let table = TensorType([vocabulary, width])
    let result = try Embedding().outputTypes([self[tokens].type, table], layer: name)
    try requireFeasible(result + [table], workPerOutput: 1, layer: name)
    let weight = parameter(name + ".weight", table.shape, .normal(deviation: 1))
    return try append(.embedding(Embedding()), [tokens, weight], layer: name)[0]
  }

  /// Recurrent layers of one cell, one above the other, over x [N, T, I].
  ///
  /// → y [N, T, H], or with `returns: .last` the final h [N, H] of the last layer; bidirectional [N, T, 2H] and [N, 2H],
  /// what came forwards first, the reverse direction being final at step 0. Layer l has the parameters
  /// `<name>.weight_ih_l<l>` [ΓH, I or H], `<name>.weight_hh_l<l>` [ΓH, H], `<name>.bias_ih_l<l>` and
  /// `<name>.bias_hh_l<l>` [ΓH], I being 2H above a bidirectional layer, whose reverse direction has the same with
  /// `_reverse` behind their names. All are drawn from uniform(±1/√H): names, order of gates and defaults of PyTorch's `nn.RNN`,
  /// `nn.LSTM` and `nn.GRU`. The state before the first step is `states`, or zero.
  ///
  ///     let thought = try graph.recurrent("lstm", vectors, RecurrentSettings(.lstm, units: 256), isTraining: true).value
  ///
  /// - Parameter states: as the `states` of layers with a state alike, to begin with; none for zero.
  /// - Parameter isTraining: whether the dropout between layers is on.
  /// - Throws: `GraphError` if x is not [samples, steps, features], or units or layers are below 1.
  package mutating func recurrent(
    _ name: String, _ x: ValueID, _ settings: RecurrentSettings, from states: [[ValueID]] = [], isTraining: Bool
  ) throws -> RecurrentOutputs {
    try requireAtLeastOne(settings.units, "units", layer: name)
    try requireAtLeastOne(settings.layers, "layers", layer: name)
    let directions: [SequenceDirection] = settings.isBidirectional ? [.forward, .reverse] : [.forward]
    precondition(states.isEmpty || states.count == settings.layers * directions.count, "states of other layers")
    var sequence = x
    var last = x
    var final: [[ValueID]] = []
    for layer in 0..<settings.layers {
      if layer > 0, isTraining, settings.dropout > 0 {
        sequence = try dropout(name, sequence, rate: settings.dropout)
      }
      let input = sequence
      let outputs = try directions.map { direction in
        let operation = Recurrent(settings.cell, direction: direction, hasInitialState: !states.isEmpty)
        let outputs = try recurrentLayer(
          name, suffix: "_l\(layer)" + (direction == .reverse ? "_reverse" : ""), input, operation, settings.units,
          state: states.isEmpty ? [] : states[final.count])
        final.append(Array(outputs[1...operation.stateCount]))
        return outputs
      }
      // A graph has nothing that nobody reads: only what is handed on is put side by side.
      let isTop = layer == settings.layers - 1
      if !isTop || settings.returns == .sequence { sequence = try beside(name, outputs.map { $0[0] }) }
      if isTop, settings.returns == .last { last = try beside(name, outputs.map { $0[1] }) }
    }
    return RecurrentOutputs(value: settings.returns == .last ? last : sequence, states: final)
  }

  /// The same layers over one piece of a longer sequence: they begin with what they ended the piece before with.
  ///
  /// Each layer's state is an input and, as it is in the end, an output: `<name>.h_l<l>` [N, H] and for LSTM
  /// `<name>.c_l<l>`, in the order of `Graph.carriedStates`. Inputs have no gradient, so a piece is as far as training
  /// looks back (truncated back-propagation through time: Williams & Peng 1990). With zeros a sequence begins.
  ///
  /// - Throws: `GraphError` as `recurrent` does, and for bidirectional layers.
  package mutating func recurrentCarryingState(
    _ name: String, _ x: ValueID, _ settings: RecurrentSettings, isTraining: Bool
  ) throws -> RecurrentOutputs {
    guard !settings.isBidirectional else {
      throw GraphError(
        .invalidArgument, layer: name,
        "a bidirectional layer also reads from the end of what it is given, so it cannot carry a state from one piece "
          + "of a sequence to the next; remove 'bidirectional', or 'carry_state' from training")
    }
    // Refused before the graph is changed.
    var trial = self
    _ = try trial.recurrent(name, x, settings, isTraining: isTraining)
    let state = TensorType([self[x].type.shape[0], settings.units])
    let kinds = settings.cell.hasCellState ? ["h", "c"] : ["h"]
    let initial = (0..<settings.layers).map { layer in kinds.map { input("\(name).\($0)_l\(layer)", state) } }
    let outputs = try recurrent(name, x, settings, from: initial, isTraining: isTraining)
    for (final, initial) in zip(outputs.states.joined(), initial.joined()) { carry(final, to: initial) }
    return outputs
  }

  /// What the directions of a layer give, side by side.
  private mutating func beside(_ name: String, _ values: [ValueID]) throws -> ValueID {
    values.count == 1 ? values[0] : try concatenate(name, values, dimension: -1)
  }

  /// One layer in one direction; gives what `Recurrent` gives.
  private mutating func recurrentLayer(
    _ name: String, suffix: String, _ x: ValueID, _ operation: Recurrent, _ units: Int, state: [ValueID]
  ) throws -> [ValueID] {
    let input = self[x].type
    let rows = operation.cell.gateCount * units
    let features = input.shape.dimensions.last ?? 0
    let shapes: [(kind: String, shape: Shape)] = [
      ("weight_ih", [rows, features]), ("weight_hh", [rows, units]), ("bias_ih", [rows]), ("bias_hh", [rows]),
    ]
    let types = shapes.map { TensorType($0.shape) }
    let result = try operation.outputTypes([input] + types + state.map { self[$0].type }, layer: name)
    try requireFeasible(result + types, workPerOutput: operation.cell.gateCount * (features + units), layer: name)
    let fanIn = Initialiser.uniform(fanIn: units)
    let parameters = shapes.map { parameter("\(name).\($0.kind)\(suffix)", $0.shape, fanIn) }
    return try append(.recurrent(operation), [x] + parameters + state, layer: name)
  }

  /// y[n, t] = x[n]: a vector for each sample as a sequence of `count` equal steps, x [N, I] → y [N, T, I]; no parameters.
  ///
  ///     let steps = try graph.repeated("steps", thought, count: 20)
  ///
  /// - Throws: `GraphError` if `count` is below 1.
  package mutating func repeated(_ name: String, _ x: ValueID, count: Int) throws -> ValueID {
    try requireAtLeastOne(count, "count", layer: name)
    let operation = Repeat(count: count)
    try requireFeasible(try operation.outputTypes([self[x].type], layer: name), workPerOutput: 1, layer: name)
    return try append(.repeated(operation), [x], layer: name)[0]
  }
}
