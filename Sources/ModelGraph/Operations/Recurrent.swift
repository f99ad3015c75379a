package import Units

// Shapes: N samples, T steps, I inputs, H units, Γ gates of the cell.

/// What a recurrent layer computes at each step, with PyTorch's order of gates in the rows of its weights.
package enum RecurrentCell: String, Hashable, Sendable, Codable, CaseIterable {
  /// h = tanh(a), Elman 1990.
  case rnn
  /// i, f, g, o: c = f c + i g, h = o tanh(c) (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000).
  case lstm
  /// r, z, n: n = tanh(aₙ + r (W h + b)ₙ), h = n + z (h − n). The reset gate acts behind the product, as in PyTorch and
  /// cuDNN, not before it as in Cho et al. 2014.
  case gru

  package var gateCount: Int {
    switch self {
    case .rnn: 1
    case .lstm: 4
    case .gru: 3
    }
  }

  /// Whether a cell carries c beside h.
  package var hasCellState: Bool { self == .lstm }

  /// Whether backward reads the gates, and beside them one more number a unit: LSTM's c, GRU's (W_hh h + b_hh)ₙ. For RNN
  /// y is enough.
  package var keepsGates: Bool { self != .rnn }

  /// Element-wise operations for a unit at a step, beside the matrix products.
  var elementwiseFLOPs: Int {
    switch self {
    case .rnn: 2
    case .lstm: 12
    case .gru: 11
    }
  }
}

/// The order in which a recurrent layer reads the steps of a sequence.
package enum SequenceDirection: String, Hashable, Sendable, Codable, CaseIterable {
  case forward, reverse
}

/// One recurrent layer over whole sequences: aₜ = W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh, and what the cell makes of it.
///
/// Inputs: x [N, T, I], W_ih [ΓH, I], W_hh [ΓH, H], b_ih [ΓH], b_hh [ΓH] and, with an initial state, h₀ [N, H] and for
/// LSTM c₀ [N, H]; the state is zero without. Outputs: y [N, T, H], the final h [N, H], for LSTM the final c [N, H], and
/// what backward reads: for LSTM and GRU the gates [N, T, ΓH], then LSTM's c or GRU's (W_hh h + b_hh)ₙ [N, T, H]. The
/// state of a reverse layer is final at step 0. Parameters and arithmetic are those of PyTorch's `nn.RNN`, `nn.LSTM` and `nn.GRU`.
package struct Recurrent: OperationRule {
  package let cell: RecurrentCell
  package let direction: SequenceDirection
  package let hasInitialState: Bool

  package init(_ cell: RecurrentCell, direction: SequenceDirection = .forward, hasInitialState: Bool = false) {
    self.cell = cell
    self.direction = direction
    self.hasInitialState = hasInitialState
  }

  package var name: String { direction == .forward ? cell.rawValue : "\(cell.rawValue) reverse" }
  package var inputCount: ClosedRange<Int> {
    let count = 5 + (hasInitialState ? stateCount : 0)
    return count...count
  }
  package var weightInputs: Range<Int> { 1..<3 }

  /// h, and c where the cell has one.
  package var stateCount: Int { cell.hasCellState ? 2 : 1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    guard x.rank == 3, inputs[0].elementType == .float32 else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "a recurrent layer takes [samples, steps, features], its input is \(inputs[0]); put an 'embedding' before it "
          + "for tokens, a 'repeat' for one vector a sample")
    }
    let hidden = inputs[2].shape[inputs[2].shape.rank - 1]
    let rows = cell.gateCount * hidden
    guard inputs[1].shape == [rows, x[2]], inputs[2].shape == [rows, hidden] else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "weights \(inputs[1]) and \(inputs[2]) of a cell with \(cell.gateCount) gates do not fit an input of \(x): "
          + "they are [gates × units, \(x[2])] and [gates × units, units]")
    }
    guard inputs[3].shape == [rows], inputs[4].shape == [rows] else {
      throw GraphError(
        .shapeMismatch, layer: layer, "biases \(inputs[3]) and \(inputs[4]) do not fit \(rows) rows of weights")
    }
    let state: Shape = [x[0], hidden]
    for given in inputs.dropFirst(5) where given.shape != state {
      throw GraphError(
        .shapeMismatch, layer: layer, key: "state_from",
        "an initial state of \(given) does not fit \(x[0]) samples of \(hidden) units")
    }
    var types = [TensorType([x[0], x[1], hidden])]
    types += Array(repeating: TensorType(state), count: stateCount)
    if cell.keepsGates { types += [TensorType([x[0], x[1], rows]), TensorType([x[0], x[1], hidden])] }
    return types
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let dy = Array(node.outputGradients.prefix(1 + stateCount))
    let rule = RecurrentBackward(
      forward: self, hasOutputGradient: dy.map { $0 != nil }, wantsInput: node.isWanted[0],
      wantsState: node.isWanted.dropFirst(5).contains(true))
    let saved = [node.outputs[0]] + node.outputs.dropFirst(1 + stateCount)
    let gradients = try graph.append(
      .recurrentBackward(rule),
      [node.inputs[0], node.inputs[1], node.inputs[2]] + node.inputs.dropFirst(5) + saved + dy.compactMap { $0 },
      layer: node.layer, pass: .backward)
    var next = 4
    var dx: ValueID?
    if rule.wantsInput {
      dx = gradients[next]
      next += 1
    }
    let states: [ValueID?] =
      rule.wantsState ? Array(gradients[next...]) : Array(repeating: nil, count: hasInitialState ? stateCount : 0)
    return [dx] + gradients.prefix(4).map { $0 } + states
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    let (x, y) = (inputs[0].shape, outputs[0].shape)
    return FLOPs(work(x, units: y[2]))
  }

  /// 2 N T Γ (I H + H²) for the products, and the element-wise work.
  func work(_ x: Shape, units: Int) -> Int {
    let positions = x[0] * x[1]
    return 2 * positions * cell.gateCount * (x[2] * units + units * units) + cell.elementwiseFLOPs * positions * units
  }
}

/// The gradients of a recurrent layer, from those of y, the final h and the final c, as far as there are any.
///
/// Inputs: x, W_ih, W_hh, the initial state if there is one, y, what forward kept, and the given gradients in the order
/// y, h, c. Outputs: those of W_ih, W_hh, b_ih, b_hh, then of x if wanted, then of h₀ and c₀ if wanted.
package struct RecurrentBackward: OperationRule {
  package let forward: Recurrent
  /// Which of y, h and c have a gradient.
  package let hasOutputGradient: [Bool]
  package let wantsInput: Bool
  package let wantsState: Bool

  package init(forward: Recurrent, hasOutputGradient: [Bool], wantsInput: Bool, wantsState: Bool) {
    self.forward = forward
    self.hasOutputGradient = hasOutputGradient
    self.wantsInput = wantsInput
    self.wantsState = wantsState
  }

  package var name: String { "\(forward.name) backward" }
  package var inputCount: ClosedRange<Int> {
    let count = outputInput + (forward.cell.keepsGates ? 3 : 1) + hasOutputGradient.count { $0 }
    return count...count
  }

  /// Position of the initial h among the inputs; nil without an initial state.
  package var initialStateInput: Int? { forward.hasInitialState ? 3 : nil }
  /// Position of y among the inputs.
  package var outputInput: Int { 3 + (forward.hasInitialState ? forward.stateCount : 0) }
  /// Position among the inputs of the gates, and behind them of what else was kept; nil if the cell keeps none.
  package var savedInput: Int? { forward.cell.keepsGates ? outputInput + 1 : nil }

  /// Position among the inputs of the gradient of y (0), h (1) or c (2); nil if there is none.
  package func gradientInput(_ output: Int) -> Int? {
    guard output < hasOutputGradient.count, hasOutputGradient[output] else { return nil }
    return outputInput + (forward.cell.keepsGates ? 3 : 1) + hasOutputGradient.prefix(output).count { $0 }
  }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let y = inputs[outputInput].shape
    let rows: Shape = [inputs[1].shape[0]]
    var types = [inputs[1], inputs[2], TensorType(rows), TensorType(rows)]
    if wantsInput { types.append(inputs[0]) }
    if wantsState { types += Array(repeating: TensorType([y[0], y[2]]), count: forward.stateCount) }
    return types
  }

  /// Twice the forward work, without the product that gives dx if nobody wants it.
  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    let x = inputs[0].shape
    let units = inputs[2].shape[1]
    let unwanted = wantsInput ? 0 : 2 * x.elementCount * forward.cell.gateCount * units
    return FLOPs(2 * forward.work(x, units: units) - unwanted)
  }
}
