import Kernels
import ModelGraph

/// The forward pass of a recurrent layer.
///
/// Chunk by chunk, one product for the inputs of its steps; then, step by step, a product with weights packed once and one
/// pass over the gates. Each thread takes its own samples through a chunk: there is nothing to wait for between steps.
struct RecurrentKernel: HostKernel {
  enum Operand: Int, CaseIterable {
    case x, inputWeights, recurrentWeights, inputBias, recurrentBias
    /// y [T, N, H].
    case y
    case finalHidden
    /// [T, N, ΓH]; `y` for RNN.
    case gates
    /// [T, N, H]: LSTM's c, GRU's (W_hh h + b_hh)ₙ; `y` for RNN.
    case beside
    /// `finalHidden` where there is no c, or no initial state.
    case finalCell, initialHidden, initialCell
    case packed, bias, product, zeros, scratchpad
  }

  let shape: RecurrentShape
  let parts: [Range<Int>]
  /// By chunk.
  let inputProducts: [ProductPlan<Operand>]
  let stepProduct: StepProduct
  let scratchpadByteCount: Int

  init(_ shape: RecurrentShape) throws {
    self.shape = shape
    parts = shape.parts(threads: Threads.count)
    let (units, features, gates) = (shape.units, shape.features, shape.gateCount)
    var products = RowProducts { rows, _ in
      try .matrixProduct(
        .plain([rows, features]), .matrix(rows: features, columns: gates, rowStride: 1, columnStride: features),
        bias: .plain([1, gates]), .plain([rows, gates]))
    }
    inputProducts = try shape.chunks.map { chunk in
      let first = chunk.steps.lowerBound * shape.samples
      return ProductPlan(
        try products.primitive(rows: chunk.steps.count * shape.samples), (.source, .x, first * features),
        (.weights, .inputWeights, 0), (.bias, .bias, 0), (.destination, .gates, first * gates))
    }
    stepProduct = try StepProduct(
      parts: parts, weights: .matrix(rows: units, columns: gates, rowStride: 1, columnStride: units), inner: units,
      columns: gates, accumulates: false)
    scratchpadByteCount = max(
      stepProduct.scratchpadByteCount * parts.count, stepProduct.packing.scratchpadByteCount,
      products.scratchpadByteCount)
  }

  /// The product of a part at a place in the order of the recurrence; nil where there is no previous state.
  func stepPlan(_ part: Int, _ index: Int) -> ProductPlan<Operand>? {
    guard shape.hasPrevious(index) else { return nil }
    let first = parts[part].lowerBound
    let previous: (Primitive.Argument, Operand, Int) =
      index == 0
      ? (.source, .initialHidden, first * shape.units)
      : (.source, .y, (shape.step(index - 1) * shape.samples + first) * shape.units)
    return ProductPlan(
      stepProduct.primitives[part], previous, (.weights, .packed, 0),
      (.destination, .product, first * shape.gateCount))
  }

  func bind(_ memory: HostMemory) throws -> HostRun {
    let pass = try RecurrentPass(self, memory)
    return { stream, _ in try pass.run(stream) }
  }
}

/// A forward pass bound to memory.
@safe private final class RecurrentPass {
  private let kernel: RecurrentKernel
  private let memory: HostMemory
  private let packing: KernelCall
  /// By chunk.
  private let inputCalls: [KernelCall]
  /// By part, then by place in the order of the recurrence.
  private let stepCalls: [[KernelCall?]]
  private let streams: [Stream]

  init(_ kernel: RecurrentKernel, _ memory: HostMemory) throws {
    self.kernel = kernel
    self.memory = memory
    let packing = ProductPlan<RecurrentKernel.Operand>(
      kernel.stepProduct.packing, (.source, .recurrentWeights, 0), (.destination, .packed, 0))
    self.packing = try packing.bind(memory, scratchpad: (.scratchpad, 0))
    inputCalls = try kernel.inputProducts.map { try $0.bind(memory, scratchpad: (.scratchpad, 0)) }
    streams = try kernel.parts.map { _ in try Stream() }
    stepCalls = try kernel.parts.indices.map { part in
      let scratchpad = part * kernel.stepProduct.scratchpadByteCount / 4
      return try (0..<kernel.shape.steps).map {
        try kernel.stepPlan(part, $0)?.bind(memory, scratchpad: (.scratchpad, scratchpad))
      }
    }
  }

  @unsafe private func floats(_ operand: RecurrentKernel.Operand) -> UnsafeMutablePointer<Float> {
    unsafe memory.floats(operand.rawValue)
  }

  func run(_ stream: Stream) throws {
    let shape = kernel.shape
    try packing.run(on: stream)
    sumBiases()
    unsafe floats(.zeros).update(repeating: 0, count: shape.units)
    if !shape.hasPrevious(0) {
      unsafe floats(.product).update(repeating: 0, count: shape.samples * shape.gateCount)
    }
    for (chunk, call) in zip(shape.chunks, inputCalls) {
      try call.run(on: stream)
      try Threads.apart(kernel.parts.count) { part in try run(chunk.indices, part) }
    }
    let last = shape.step(shape.steps - 1) * shape.samples * shape.units
    unsafe floats(.finalHidden).update(from: floats(.y) + last, count: shape.samples * shape.units)
    if shape.cell.hasCellState {
      unsafe floats(.finalCell).update(from: floats(.beside) + last, count: shape.samples * shape.units)
    }
  }

  /// b_ih + b_hh, but for GRU's n, whose b_hh goes through the reset gate.
  private func sumBiases() {
    let (shape, sum) = unsafe (kernel.shape, floats(.bias))
    let (input, recurrent) = unsafe (floats(.inputBias), floats(.recurrentBias))
    let both = shape.cell == .gru ? 2 * shape.units : shape.gateCount
    for j in 0..<both { unsafe sum[j] = input[j] + recurrent[j] }
    for j in both..<shape.gateCount { unsafe sum[j] = input[j] }
  }

  private func run(_ indices: Range<Int>, _ part: Int) throws {
    let stream = streams[part]
    for index in indices {
      try stepCalls[part][index]?.run(on: stream)
      for sample in kernel.parts[part] {
        unsafe kernel.shape.cell.forward(row(index, sample), units: kernel.shape.units)
      }
    }
  }

  @unsafe private func row(_ index: Int, _ sample: Int) -> ForwardRow {
    let shape = kernel.shape
    let position = shape.step(index) * shape.samples + sample
    let (hidden, beside) = unsafe (floats(.y), floats(.beside))
    var (previousHidden, previousCell) = unsafe (floats(.zeros), floats(.zeros))
    if index > 0 {
      let previous = (shape.step(index - 1) * shape.samples + sample) * shape.units
      unsafe (previousHidden, previousCell) = unsafe (hidden + previous, beside + previous)
    } else if shape.hasInitialState {
      let place = sample * shape.units
      unsafe (previousHidden, previousCell) = unsafe (floats(.initialHidden) + place, floats(.initialCell) + place)
    }
    return unsafe ForwardRow(
      gates: floats(.gates) + position * shape.gateCount, recurrent: floats(.product) + sample * shape.gateCount,
      recurrentBias: floats(.recurrentBias), previousHidden: previousHidden, previousCell: previousCell,
      hidden: hidden + position * shape.units, beside: beside + position * shape.units)
  }
}
