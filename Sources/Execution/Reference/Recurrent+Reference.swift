import Foundation
import ModelGraph

// Shapes: N samples, T steps, I inputs, H units, Γ gates. One sample at a time, one unit at a time.

extension Recurrent: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let run = RecurrentReference(self, inputs)
    let trace = (0..<run.samples).map { run.forward(sample: $0) }
    let (units, steps) = (run.units, run.steps)
    let last = direction == .forward ? steps - 1 : 0
    var outputs = [
      trace.flatMap { $0.hidden.flatMap { $0 } },
      trace.flatMap { $0.hidden[last] },
    ]
    if cell.hasCellState { outputs.append(trace.flatMap { $0.cell[last] }) }
    if cell.keepsGates {
      outputs.append(trace.flatMap { $0.gates.flatMap { $0 } })
      outputs.append(trace.flatMap { ($0.product.isEmpty ? $0.cell : $0.product).flatMap { $0 } })
    }
    precondition(outputs[0].count == run.samples * steps * units)
    return outputs
  }
}

extension RecurrentBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    // Biases are no input of backward: what they are part of is read from what forward kept.
    let run = RecurrentReference(self, inputs)
    var sums = RecurrentReference.Gradients(run)
    for sample in 0..<run.samples { run.backward(sample: sample, self, inputs, into: &sums) }
    var outputs = [sums.inputWeights, sums.recurrentWeights, sums.inputBias, sums.recurrentBias]
    if wantsInput { outputs.append(sums.input) }
    if wantsState { outputs += forward.cell.hasCellState ? [sums.hidden, sums.cell] : [sums.hidden] }
    return outputs
  }
}

/// The tensors of a recurrent layer with names.
private struct RecurrentReference {
  let rule: Recurrent
  let x: ReferenceTensor
  let inputWeights: ReferenceTensor
  let recurrentWeights: ReferenceTensor
  var inputBias: [Double] = []
  var recurrentBias: [Double] = []
  var initialHidden: ReferenceTensor?
  var initialCell: ReferenceTensor?

  var samples: Int { x.shape[0] }
  var steps: Int { x.shape[1] }
  var features: Int { x.shape[2] }
  var units: Int { recurrentWeights.shape[1] }
  var rows: Int { recurrentWeights.shape[0] }

  init(_ rule: Recurrent, _ inputs: [ReferenceTensor]) {
    self.rule = rule
    (x, inputWeights, recurrentWeights) = (inputs[0], inputs[1], inputs[2])
    (inputBias, recurrentBias) = (inputs[3].elements, inputs[4].elements)
    guard rule.hasInitialState else { return }
    initialHidden = inputs[5]
    if rule.cell.hasCellState { initialCell = inputs[6] }
  }

  init(_ rule: RecurrentBackward, _ inputs: [ReferenceTensor]) {
    self.rule = rule.forward
    (x, inputWeights, recurrentWeights) = (inputs[0], inputs[1], inputs[2])
    guard let first = rule.initialStateInput else { return }
    initialHidden = inputs[first]
    if rule.forward.cell.hasCellState { initialCell = inputs[first + 1] }
  }

  /// The steps in the order of the recurrence.
  var order: [Int] { rule.direction == .forward ? Array(0..<steps) : (0..<steps).reversed() }

  private func features(_ sample: Int, _ step: Int) -> ArraySlice<Double> {
    x.elements[(sample * steps + step) * features..<(sample * steps + step + 1) * features]
  }

  func row(_ tensor: ReferenceTensor?, _ sample: Int) -> [Double] {
    guard let tensor else { return Array(repeating: 0, count: units) }
    return Array(tensor.elements[sample * units..<(sample + 1) * units])
  }

  func row(_ tensor: ReferenceTensor, _ sample: Int, _ step: Int, width: Int) -> [Double] {
    Array(tensor.elements[(sample * steps + step) * width..<(sample * steps + step + 1) * width])
  }

  /// W v for each row of W.
  private func product(_ weights: ReferenceTensor, _ vector: some Sequence<Double>, width: Int) -> [Double] {
    (0..<rows).map { row in
      zip(weights.elements[row * width..<(row + 1) * width], vector).reduce(0) { $0 + $1.0 * $1.1 }
    }
  }

  // MARK: Forward

  /// What a sample's steps gave, by step.
  struct Trace {
    var hidden: [[Double]]
    var cell: [[Double]]
    var gates: [[Double]]
    /// (W_hh h + b_hh)ₙ of GRU.
    var product: [[Double]] = []
  }

  func forward(sample: Int) -> Trace {
    var trace = Trace(
      hidden: Array(repeating: [], count: steps), cell: Array(repeating: [], count: steps),
      gates: Array(repeating: [], count: steps))
    if rule.cell == .gru { trace.product = Array(repeating: [], count: steps) }
    var h = row(initialHidden, sample)
    var c = row(initialCell, sample)
    for step in order {
      let fromInput = zip(product(inputWeights, features(sample, step), width: features), inputBias).map { $0 + $1 }
      let fromState = zip(product(recurrentWeights, h, width: units), recurrentBias).map { $0 + $1 }
      trace.gates[step] = advance(fromInput, fromState, &h, &c)
      if rule.cell == .gru { trace.product[step] = Array(fromState.suffix(units)) }
      trace.hidden[step] = h
      trace.cell[step] = c
    }
    return trace
  }

  /// One step of the cell; gives the gates.
  private func advance(_ a: [Double], _ b: [Double], _ h: inout [Double], _ c: inout [Double]) -> [Double] {
    let all = 0..<units
    func gate(_ index: Int, _ unit: Int) -> Double { a[index * units + unit] + b[index * units + unit] }
    switch rule.cell {
    case .rnn:
      h = all.map { tanh(gate(0, $0)) }
      return []
    case .lstm:
      let (i, f) = (all.map { sigmoid(gate(0, $0)) }, all.map { sigmoid(gate(1, $0)) })
      let (g, o) = (all.map { tanh(gate(2, $0)) }, all.map { sigmoid(gate(3, $0)) })
      c = all.map { [c] unit in f[unit] * c[unit] + i[unit] * g[unit] }
      h = all.map { [c] unit in o[unit] * tanh(c[unit]) }
      return i + f + g + o
    case .gru:
      let (r, z) = (all.map { sigmoid(gate(0, $0)) }, all.map { sigmoid(gate(1, $0)) })
      let product = all.map { b[2 * units + $0] }
      let n = all.map { tanh(a[2 * units + $0] + r[$0] * product[$0]) }
      h = all.map { [h] unit in (1 - z[unit]) * n[unit] + z[unit] * h[unit] }
      return r + z + n
    }
  }

  // MARK: Backward

  struct Gradients {
    var inputWeights: [Double]
    var recurrentWeights: [Double]
    var inputBias: [Double]
    var recurrentBias: [Double]
    var input: [Double]
    var hidden: [Double]
    var cell: [Double]

    init(_ run: RecurrentReference) {
      inputWeights = Array(repeating: 0, count: run.rows * run.features)
      recurrentWeights = Array(repeating: 0, count: run.rows * run.units)
      inputBias = Array(repeating: 0, count: run.rows)
      recurrentBias = inputBias
      input = Array(repeating: 0, count: run.x.elements.count)
      hidden = Array(repeating: 0, count: run.samples * run.units)
      cell = hidden
    }
  }

  func backward(
    sample: Int, _ back: RecurrentBackward, _ inputs: [ReferenceTensor], into sums: inout Gradients
  ) {
    let y = inputs[back.outputInput]
    func given(_ output: Int) -> ReferenceTensor? { back.gradientInput(output).map { inputs[$0] } }
    var dh = row(given(1), sample)
    var dc = row(given(2), sample)
    for (place, step) in order.enumerated().reversed() {
      if let dy = given(0) { dh = zip(dh, row(dy, sample, step, width: units)).map { $0 + $1 } }
      let before = place > 0 ? order[place - 1] : nil
      let previous = before.map { row(y, sample, $0, width: units) } ?? row(initialHidden, sample)
      var state = StepState(
        h: row(y, sample, step, width: units), previous: previous, gates: [], beside: [], previousC: [])
      if let saved = back.savedInput {
        state.gates = row(inputs[saved], sample, step, width: rows)
        state.beside = row(inputs[saved + 1], sample, step, width: units)
        if rule.cell.hasCellState {
          state.previousC =
            before.map { row(inputs[saved + 1], sample, $0, width: units) } ?? row(initialCell, sample)
        }
      }
      let gates = retreat(state, &dh, &dc)
      add(gates, sample, step, previous, to: &sums)
      for unit in 0..<units {
        for row in 0..<rows { dh[unit] += gates.state[row] * recurrentWeights.elements[row * units + unit] }
      }
    }
    for unit in 0..<units {
      sums.hidden[sample * units + unit] = dh[unit]
      sums.cell[sample * units + unit] = dc[unit]
    }
  }

  private struct StepState {
    let h: [Double]
    let previous: [Double]
    var gates: [Double]
    /// LSTM's c, GRU's (W_hh h + b_hh)ₙ.
    var beside: [Double]
    var previousC: [Double]
  }

  /// The gradients of the gates' sums, in the order of the weights' rows: of the part with x and of the part with h.
  private typealias GateGradients = (input: [Double], state: [Double])

  /// One step of the cell backwards; leaves in `dh` what does not go through W_hh, in `dc` the previous c's.
  private func retreat(_ state: StepState, _ dh: inout [Double], _ dc: inout [Double]) -> GateGradients {
    let all = 0..<units
    func kept(_ column: Int, _ unit: Int) -> Double { state.gates[column * units + unit] }
    switch rule.cell {
    case .rnn:
      let gates = all.map { [dh] in dh[$0] * (1 - state.h[$0] * state.h[$0]) }
      dh = all.map { _ in 0 }
      return (gates, gates)
    case .lstm:
      let t = state.beside.map { tanh($0) }
      let sum = all.map { [dh, dc] in dc[$0] + dh[$0] * kept(3, $0) * (1 - t[$0] * t[$0]) }
      let di = all.map { sum[$0] * kept(2, $0) * kept(0, $0) * (1 - kept(0, $0)) }
      let df = all.map { sum[$0] * state.previousC[$0] * kept(1, $0) * (1 - kept(1, $0)) }
      let dg = all.map { sum[$0] * kept(0, $0) * (1 - kept(2, $0) * kept(2, $0)) }
      let output = all.map { [dh] in dh[$0] * t[$0] * kept(3, $0) * (1 - kept(3, $0)) }
      dc = all.map { sum[$0] * kept(1, $0) }
      dh = all.map { _ in 0 }
      let gates = di + df + dg + output
      return (gates, gates)
    case .gru:
      let dn = all.map { [dh] in dh[$0] * (1 - kept(1, $0)) * (1 - kept(2, $0) * kept(2, $0)) }
      let dz = all.map { [dh] in dh[$0] * (state.previous[$0] - kept(2, $0)) * kept(1, $0) * (1 - kept(1, $0)) }
      let dr = all.map { dn[$0] * state.beside[$0] * kept(0, $0) * (1 - kept(0, $0)) }
      dh = all.map { [dh] in dh[$0] * kept(1, $0) }
      return (dr + dz + dn, dr + dz + all.map { dn[$0] * kept(0, $0) })
    }
  }

  private func add(
    _ gates: GateGradients, _ sample: Int, _ step: Int, _ previous: [Double], to sums: inout Gradients
  ) {
    let x = Array(features(sample, step))
    let place = (sample * steps + step) * features
    for row in 0..<rows {
      sums.inputBias[row] += gates.input[row]
      sums.recurrentBias[row] += gates.state[row]
      for feature in 0..<features {
        sums.inputWeights[row * features + feature] += gates.input[row] * x[feature]
        sums.input[place + feature] += gates.input[row] * inputWeights.elements[row * features + feature]
      }
      for unit in 0..<units { sums.recurrentWeights[row * units + unit] += gates.state[row] * previous[unit] }
    }
  }
}

private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
