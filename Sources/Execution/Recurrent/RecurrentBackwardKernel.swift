import Kernels
import ModelGraph

/// The backward pass of a recurrent layer.
///
/// Chunk by chunk against the recurrence. Step by step: one pass over the gates, which turns what forward kept into
/// gradients in place and sums the biases', and one product with weights packed once. Then, for the whole chunk, the
/// products that give the gradients of the weights and of x.
struct RecurrentBackwardKernel: HostKernel {
  enum Operand: Int, CaseIterable {
    case x, inputWeights, recurrentWeights
    /// `y` without an initial state, or in a cell without c.
    case initialHidden, initialCell
    case y
    /// What forward kept; the gradients of the gates afterwards. `chunk` for RNN.
    case gates
    /// LSTM's c, GRU's (W_hh h + b_hh)ₙ; `y` for RNN.
    case beside
    /// `y` where there is no such gradient.
    case outputGradient, finalHiddenGradient, finalCellGradient
    case inputWeightsGradient, recurrentWeightsGradient, inputBiasGradient, recurrentBiasGradient
    /// `hiddenGradient` where it is not wanted.
    case inputGradient, initialHiddenGradient, initialCellGradient
    /// [chunk, N, ΓH]: RNN's gradients of the gates, GRU's as far as h goes; `gates` for LSTM.
    case chunk
    case packed, hiddenGradient, cellGradient, sums, row, zeros, scratchpad
  }

  let shape: RecurrentShape
  let rule: RecurrentBackward
  let parts: [Range<Int>]
  let stepProduct: StepProduct
  /// By chunk, in the order of the recurrence: the products behind its steps.
  let chunkProducts: [[ProductPlan<Operand>]]
  let scratchpadByteCount: Int

  init(_ rule: RecurrentBackward, _ shape: RecurrentShape) throws {
    self.rule = rule
    self.shape = shape
    parts = shape.parts(threads: Threads.count)
    let (units, gates) = (shape.units, shape.gateCount)
    stepProduct = try StepProduct(
      parts: parts, weights: .plain([gates, units]), inner: gates, columns: units, accumulates: shape.cell == .gru)
    var products = ChunkProducts(rule, shape)
    // Backward meets the chunks in reverse, and the first it meets begins the sums.
    chunkProducts = try Array(shape.chunks.reversed().map { try products.plans($0) }.reversed())
    scratchpadByteCount = max(
      stepProduct.scratchpadByteCount * parts.count, stepProduct.packing.scratchpadByteCount,
      products.scratchpadByteCount)
  }

  /// Floats of a part's sums: of the gates' gradients, then for GRU of (W_hh h + b_hh)ₙ.
  var sumCount: Int { shape.gateCount + (shape.cell == .gru ? shape.units : 0) }

  /// Rows of `chunk` before those of a step; those of `gates` for LSTM.
  func chunkRow(_ step: Int) -> Int {
    guard shape.cell != .lstm else { return step * shape.samples }
    let place = shape.direction == .forward ? step : shape.steps - 1 - step
    let first = place / shape.chunkSteps * shape.chunkSteps
    let count = min(shape.chunkSteps, shape.steps - first)
    let within = shape.direction == .forward ? place - first : count - 1 - (place - first)
    return within * shape.samples
  }

  /// The product of a part at a place in the order of the recurrence; nil where the previous state has no gradient.
  func stepPlan(_ part: Int, _ index: Int) -> ProductPlan<Operand>? {
    guard index > 0 || rule.wantsState else { return nil }
    let first = parts[part].lowerBound
    return ProductPlan(
      stepProduct.primitives[part], (.source, .chunk, (chunkRow(shape.step(index)) + first) * shape.gateCount),
      (.weights, .packed, 0), (.destination, .hiddenGradient, first * shape.units))
  }

  func bind(_ memory: HostMemory) throws -> HostRun {
    let pass = try RecurrentBackwardPass(self, memory)
    return { stream, _ in try pass.run(stream) }
  }

  /// Plans the products of each chunk.
  private struct ChunkProducts {
    private let shape: RecurrentShape
    private let wantsInput: Bool
    private var inputWeights: RowProducts
    private var recurrentWeights: RowProducts
    private var inputGradient: RowProducts
    private var hasInputSum = false
    private var hasRecurrentSum = false

    init(_ rule: RecurrentBackward, _ shape: RecurrentShape) {
      self.shape = shape
      wantsInput = rule.wantsInput
      let gates = shape.gateCount
      /// Σ over rows of gradients of gates times `columns` numbers.
      func weights(_ columns: Int) -> RowProducts {
        RowProducts { rows, accumulates in
          try .matrixProduct(
            .matrix(rows: gates, columns: rows, rowStride: 1, columnStride: gates), .plain([rows, columns]),
            .plain([gates, columns]), accumulates: accumulates)
        }
      }
      inputWeights = weights(shape.features)
      recurrentWeights = weights(shape.units)
      inputGradient = RowProducts { [features = shape.features] rows, _ in
        try .matrixProduct(.plain([rows, gates]), .plain([gates, features]), .plain([rows, features]))
      }
    }

    var scratchpadByteCount: Int {
      [inputWeights, recurrentWeights, inputGradient].map(\.scratchpadByteCount).reduce(0, max)
    }

    mutating func plans(_ chunk: RecurrentShape.Chunk) throws -> [ProductPlan<Operand>] {
      let rows = chunk.steps.count * shape.samples
      let first = chunk.steps.lowerBound * shape.samples
      let gates: (Operand, Int) = shape.cell == .rnn ? (.chunk, 0) : (.gates, first * shape.gateCount)
      var plans = [
        ProductPlan(
          try inputWeights.primitive(rows: rows, accumulates: hasInputSum), (.source, gates.0, gates.1),
          (.weights, .x, first * shape.features), (.destination, .inputWeightsGradient, 0))
      ]
      hasInputSum = true
      if wantsInput {
        plans.append(
          ProductPlan(
            try inputGradient.primitive(rows: rows), (.source, gates.0, gates.1), (.weights, .inputWeights, 0),
            (.destination, .inputGradient, first * shape.features)))
      }
      return try plans + withPreviousState(chunk)
    }

    /// The products that W_hh's gradient is the sum of: with y of the steps before, and with the initial state.
    private mutating func withPreviousState(_ chunk: RecurrentShape.Chunk) throws -> [ProductPlan<Operand>] {
      let begins = chunk.indices.lowerBound == 0
      let isForward = shape.direction == .forward
      // The steps with another before them, and that one's place in y.
      let steps =
        !begins ? chunk.steps : isForward ? chunk.steps.dropFirst() : chunk.steps.dropLast()
      let start = shape.cell == .lstm ? 0 : chunk.steps.lowerBound
      func source(_ step: Int) -> Int { (step - start) * shape.samples * shape.gateCount }
      var plans: [ProductPlan<Operand>] = []
      if !steps.isEmpty {
        let previous = steps.lowerBound + (isForward ? -1 : 1)
        plans.append(
          ProductPlan(
            try recurrentWeights.primitive(rows: steps.count * shape.samples, accumulates: hasRecurrentSum),
            (.source, .chunk, source(steps.lowerBound)),
            (.weights, .y, previous * shape.samples * shape.units), (.destination, .recurrentWeightsGradient, 0)))
        hasRecurrentSum = true
      }
      if begins, shape.hasInitialState {
        plans.append(
          ProductPlan(
            try recurrentWeights.primitive(rows: shape.samples, accumulates: hasRecurrentSum),
            (.source, .chunk, source(shape.step(0))), (.weights, .initialHidden, 0),
            (.destination, .recurrentWeightsGradient, 0)))
      }
      return plans
    }
  }
}
