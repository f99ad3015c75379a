import Kernels
import ModelGraph

/// The forward pass of a recurrent layer.
///
/// One product for the inputs of all steps; then, step by step, a product with weights packed once and one pass over
/// the gates. Each thread takes its own samples through all steps, so there is nothing to wait for between steps.
struct RecurrentKernel: HostKernel {
  enum Operand: Int, CaseIterable {
    case x, inputWeights, recurrentWeights, inputBias, recurrentBias
    /// y [T, N, H]; RNN's gates too.
    case y
    case finalHidden
    /// Those of `y` for RNN.
    case gates
    /// Of the cell: these three are those of `finalHidden` where there is none.
    case cells, finalCell
    case initialHidden, initialCell
    case packed, bias, product, zeros, scratchpad
  }

  let shape: RecurrentShape
  let parts: [Range<Int>]
  let inputProducts: [Primitive]
  let stepProduct: StepProduct

  init(_ shape: RecurrentShape) throws {
    self.shape = shape
    parts = shape.parts(threads: Threads.count)
    let (units, features) = (shape.units, shape.features)
    inputProducts = try shape.inputBlocks.map { block in
      let columns = block.count * units
      return try Primitive.matrixProduct(
        .matrix(rows: shape.positions, columns: features, rowStride: features),
        .matrix(rows: features, columns: columns, rowStride: 1, columnStride: features),
        bias: .matrix(rows: 1, columns: columns, rowStride: columns),
        .matrix(rows: shape.positions, columns: columns, rowStride: shape.gateWidth))
    }
    stepProduct = try StepProduct(
      shape, parts: parts,
      weights: .matrix(rows: units, columns: shape.gateRows, rowStride: 1, columnStride: units),
      inner: units, columns: shape.gateRows, strides: (units, shape.gateRows), accumulates: false)
  }

  var scratchpadByteCount: Int {
    max(
      stepProduct.scratchpadByteCount * parts.count, stepProduct.packing.scratchpadByteCount,
      inputProducts.map(\.scratchpadByteCount).max() ?? 0)
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
  private let inputCalls: [KernelCall]
  /// By part, then by place in the order of the recurrence; nil where there is no previous state.
  private let stepCalls: [[KernelCall?]]
  private let streams: [Stream]

  init(_ kernel: RecurrentKernel, _ memory: HostMemory) throws {
    self.kernel = kernel
    self.memory = memory
    let shape = kernel.shape
    func at(_ operand: RecurrentKernel.Operand, _ offset: Int = 0) -> UnsafeMutableRawPointer {
      unsafe UnsafeMutableRawPointer(memory.floats(operand.rawValue) + offset)
    }
    packing = unsafe try KernelCall(
      kernel.stepProduct.packing,
      [
        Operand(.source, at(.recurrentWeights)), Operand(.destination, at(.packed)),
        Operand(.scratchpad, at(.scratchpad)),
      ])
    inputCalls = try zip(shape.inputBlocks, kernel.inputProducts).map { block, primitive in
      unsafe try KernelCall(
        primitive,
        [
          Operand(.source, at(.x)), Operand(.weights, at(.inputWeights, block.row * shape.units * shape.features)),
          Operand(.bias, at(.bias, block.column * shape.units)),
          Operand(.destination, at(.gates, block.column * shape.units)), Operand(.scratchpad, at(.scratchpad)),
        ])
    }
    streams = try kernel.parts.map { _ in try Stream() }
    let scratch = kernel.stepProduct.scratchpadByteCount
    stepCalls = try kernel.parts.indices.map { part in
      let first = kernel.parts[part].lowerBound
      return try (0..<shape.steps).map { index in
        guard shape.hasPrevious(index) else { return nil }
        let previous: (RecurrentKernel.Operand, Int) =
          index == 0
          ? (.initialHidden, first * shape.units)
          : (.y, (shape.step(index - 1) * shape.samples + first) * shape.units)
        return unsafe try KernelCall(
          kernel.stepProduct.primitives[part],
          [
            Operand(.source, at(previous.0, previous.1)), Operand(.weights, at(.packed)),
            Operand(.destination, at(.product, first * shape.gateRows)),
            Operand(.scratchpad, at(.scratchpad) + part * scratch),
          ])
      }
    }
  }

  @unsafe private func floats(_ operand: RecurrentKernel.Operand) -> UnsafeMutablePointer<Float> {
    unsafe memory.floats(operand.rawValue)
  }

  func run(_ stream: Stream) throws {
    try packing.run(on: stream)
    sumBiases()
    for call in inputCalls { try call.run(on: stream) }
    let shape = kernel.shape
    unsafe floats(.zeros).update(repeating: 0, count: shape.units)
    try Threads.apart(kernel.parts.count) { part in try run(part) }
    let last = shape.step(shape.steps - 1) * shape.samples * shape.units
    unsafe floats(.finalHidden).update(from: floats(.y) + last, count: shape.samples * shape.units)
    if shape.cell.hasCellState {
      unsafe floats(.finalCell).update(from: floats(.cells) + last, count: shape.samples * shape.units)
    }
  }

  /// b_ih + b_hh by column of the gates; a column that only one of them has gets that one.
  private func sumBiases() {
    let shape = kernel.shape
    let bias = unsafe floats(.bias)
    unsafe bias.update(repeating: 0, count: shape.gateWidth)
    for block in shape.inputBlocks {
      let (target, source) = unsafe (
        bias + block.column * shape.units, floats(.inputBias) + block.row * shape.units
      )
      for j in 0..<block.count * shape.units { unsafe target[j] += source[j] }
    }
    let (target, source) = unsafe (bias + shape.recurrentColumn * shape.units, floats(.recurrentBias))
    for j in 0..<shape.gateRows { unsafe target[j] += source[j] }
  }

  private func run(_ part: Int) throws {
    let (shape, samples, stream) = (kernel.shape, kernel.parts[part], streams[part])
    if !shape.hasPrevious(0) {
      unsafe (floats(.product) + samples.lowerBound * shape.gateRows).update(
        repeating: 0, count: samples.count * shape.gateRows)
    }
    for index in 0..<shape.steps {
      try stepCalls[part][index]?.run(on: stream)
      for sample in samples { unsafe shape.cell.forward(row(index, sample), units: shape.units) }
    }
  }

  @unsafe private func row(_ index: Int, _ sample: Int) -> ForwardRow {
    let shape = kernel.shape
    let position = shape.step(index) * shape.samples + sample
    let (hidden, cell) = unsafe (floats(.y), floats(.cells))
    let previousHidden: UnsafeMutablePointer<Float>
    let previousCell: UnsafeMutablePointer<Float>
    if index > 0 {
      let previous = (shape.step(index - 1) * shape.samples + sample) * shape.units
      unsafe (previousHidden, previousCell) = unsafe (hidden + previous, cell + previous)
    } else if shape.hasInitialState {
      let place = sample * shape.units
      unsafe (previousHidden, previousCell) = unsafe (floats(.initialHidden) + place, floats(.initialCell) + place)
    } else {
      unsafe (previousHidden, previousCell) = unsafe (floats(.zeros), floats(.zeros))
    }
    return unsafe ForwardRow(
      gates: floats(.gates) + position * shape.gateWidth, recurrent: floats(.product) + sample * shape.gateRows,
      bias: floats(.bias), previousHidden: previousHidden, previousCell: previousCell,
      hidden: hidden + position * shape.units, cell: cell + position * shape.units)
  }
}
