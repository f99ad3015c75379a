import ModelGraph

// One sample at one step, H units. The loops are short and have few pointers each, so that the compiler's check that
// arrays do not overlap stays cheap enough for it to vectorise them; a row stays in the first-level cache between them.

/// Where the numbers of a sample lie at a step of the forward pass.
@unsafe struct ForwardRow {
  /// In: W_ih x and the biases, the gates in the order of the weights. Out: the gates; RNN's h.
  let gates: UnsafeMutablePointer<Float>
  /// W_hh h, in the same order.
  let recurrent: UnsafeMutablePointer<Float>
  /// b_hh.
  let recurrentBias: UnsafeMutablePointer<Float>
  let previousHidden: UnsafeMutablePointer<Float>
  let previousCell: UnsafeMutablePointer<Float>
  let hidden: UnsafeMutablePointer<Float>
  /// LSTM's c, GRU's (W_hh h + b_hh)ₙ.
  let beside: UnsafeMutablePointer<Float>
}

/// Where the numbers of a sample lie at a step of the backward pass.
@unsafe struct BackwardRow {
  /// In: the gates. Out: the gradients of the sums that they are functions of, as far as x goes.
  let gates: UnsafeMutablePointer<Float>
  /// Out: the same, as far as h goes. Only GRU tells them apart.
  let stateGates: UnsafeMutablePointer<Float>
  let hidden: UnsafeMutablePointer<Float>
  let beside: UnsafeMutablePointer<Float>
  let previousHidden: UnsafeMutablePointer<Float>
  let previousCell: UnsafeMutablePointer<Float>
  /// In: the whole gradient of h. Out: the part of the previous h's gradient that does not come through W_hh.
  let hiddenGradient: UnsafeMutablePointer<Float>
  /// In: the gradient of c that comes from later steps. Out: that of the previous c.
  let cellGradient: UnsafeMutablePointer<Float>
  /// H floats.
  let scratch: UnsafeMutablePointer<Float>
}

extension RecurrentCell {
  @unsafe func forward(_ row: ForwardRow, units: Int) {
    switch self {
    case .rnn: unsafe addThenTangent(row.gates, row.recurrent, units)
    case .lstm: unsafe forwardLSTM(row, units)
    case .gru: unsafe forwardGRU(row, units)
    }
  }

  @unsafe func backward(_ row: BackwardRow, units: Int) {
    switch self {
    case .rnn: unsafe backwardRNN(row, units)
    case .lstm: unsafe backwardLSTM(row, units)
    case .gru: unsafe backwardGRU(row, units)
    }
  }

  /// Gates i, f, g, o.
  @unsafe private func forwardLSTM(_ row: ForwardRow, _ units: Int) {
    let (i, f) = unsafe (row.gates, row.gates + units)
    let (g, o) = unsafe (row.gates + 2 * units, row.gates + 3 * units)
    unsafe addThenSigmoid(i, row.recurrent, 2 * units)
    unsafe addThenTangent(g, row.recurrent + 2 * units, units)
    unsafe addThenSigmoid(o, row.recurrent + 3 * units, units)
    let (c, previous, h) = unsafe (row.beside, row.previousCell, row.hidden)
    for j in 0..<units { unsafe c[j] = f[j] * previous[j] + i[j] * g[j] }
    for j in 0..<units { unsafe h[j] = o[j] * VectorFunctions.tangent(c[j]) }
  }

  @unsafe private func backwardLSTM(_ row: BackwardRow, _ units: Int) {
    let (i, f) = unsafe (row.gates, row.gates + units)
    let (g, o) = unsafe (row.gates + 2 * units, row.gates + 3 * units)
    let (dh, dc) = unsafe (row.hiddenGradient, row.cellGradient)
    let (c, previous, tangent) = unsafe (row.beside, row.previousCell, row.scratch)
    for j in 0..<units { unsafe tangent[j] = VectorFunctions.tangent(c[j]) }
    for j in 0..<units {
      let (output, t, gradient) = unsafe (o[j], tangent[j], dh[j])
      unsafe dc[j] += gradient * output * (1 - t * t)
      unsafe o[j] = gradient * t * (output * (1 - output))
    }
    for j in 0..<units {
      let (input, candidate, gradient) = unsafe (i[j], g[j], dc[j])
      unsafe i[j] = gradient * candidate * (input * (1 - input))
      unsafe g[j] = gradient * input * (1 - candidate * candidate)
    }
    for j in 0..<units {
      let (forget, gradient) = unsafe (f[j], dc[j])
      unsafe f[j] = gradient * previous[j] * (forget * (1 - forget))
      unsafe dc[j] = gradient * forget
    }
  }

  /// Gates r, z, n.
  @unsafe private func forwardGRU(_ row: ForwardRow, _ units: Int) {
    let (r, z, n) = unsafe (row.gates, row.gates + units, row.gates + 2 * units)
    unsafe addThenSigmoid(r, row.recurrent, 2 * units)
    let (recurrent, bias) = unsafe (row.recurrent + 2 * units, row.recurrentBias + 2 * units)
    let product = unsafe row.beside
    for j in 0..<units { unsafe product[j] = recurrent[j] + bias[j] }
    for j in 0..<units { unsafe n[j] = VectorFunctions.tangent(n[j] + r[j] * product[j]) }
    let (h, previous) = unsafe (row.hidden, row.previousHidden)
    for j in 0..<units { unsafe h[j] = n[j] + z[j] * (previous[j] - n[j]) }
  }

  @unsafe private func backwardGRU(_ row: BackwardRow, _ units: Int) {
    let (r, z, n) = unsafe (row.gates, row.gates + units, row.gates + 2 * units)
    let (dh, previous) = unsafe (row.hiddenGradient, row.previousHidden)
    for j in 0..<units {
      let (candidate, update, gradient) = unsafe (n[j], z[j], dh[j])
      unsafe z[j] = gradient * (previous[j] - candidate) * (update * (1 - update))
      unsafe n[j] = gradient * (1 - update) * (1 - candidate * candidate)
      unsafe dh[j] = gradient * update
    }
    let (product, inner) = unsafe (row.beside, row.stateGates + 2 * units)
    for j in 0..<units {
      let (reset, gradient) = unsafe (r[j], n[j])
      unsafe r[j] = gradient * product[j] * (reset * (1 - reset))
      unsafe inner[j] = gradient * reset
    }
    unsafe row.stateGates.update(from: r, count: 2 * units)
  }

  @unsafe private func backwardRNN(_ row: BackwardRow, _ units: Int) {
    let (gates, h, dh) = unsafe (row.gates, row.hidden, row.hiddenGradient)
    for j in 0..<units { unsafe gates[j] = dh[j] * (1 - h[j] * h[j]) }
  }
}

@unsafe private func addThenSigmoid(_ x: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
  for j in 0..<count { unsafe x[j] = VectorFunctions.sigmoid(x[j] + y[j]) }
}

@unsafe private func addThenTangent(_ x: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
  for j in 0..<count { unsafe x[j] = VectorFunctions.tangent(x[j] + y[j]) }
}
