import Kernels
import ModelGraph

/// The backward pass of a recurrent layer.
///
/// Step by step against the recurrence: one pass over the gates, which turns what forward kept into gradients in place
/// and sums the biases', and one product with weights packed once. Then the gradients of weights and input as products
/// over all steps at once.
struct RecurrentBackwardKernel: HostKernel {
  enum Operand: Int, CaseIterable {
    case x, inputWeights, recurrentWeights
    /// These two are `y` without an initial state, or in a cell without c.
    case initialHidden, initialCell
    case y
    /// What forward kept; the gradients of the gates afterwards. RNN keeps none: memory of this step.
    case gates
    /// `y` in a cell without c.
    case cells
    /// `y` where there is no such gradient.
    case outputGradient, finalHiddenGradient, finalCellGradient
    case inputWeightsGradient, recurrentWeightsGradient, inputBiasGradient, recurrentBiasGradient
    /// These are `hiddenGradient` where they are not wanted.
    case inputGradient, initialHiddenGradient, initialCellGradient
    case packed, hiddenGradient, cellGradient, sums, row, zeros, scratchpad
  }

  let shape: RecurrentShape
  let rule: RecurrentBackward
  let parts: [Range<Int>]
  let stepProduct: StepProduct
  /// By block of gates.
  let inputWeightsProducts: [Primitive]
  let inputGradientProducts: [Primitive]
  /// Over all steps but the first; nil if there is only one.
  let recurrentWeightsProduct: Primitive?
  /// With the initial state.
  let initialWeightsProduct: Primitive?

  init(_ rule: RecurrentBackward, _ shape: RecurrentShape) throws {
    self.rule = rule
    self.shape = shape
    parts = shape.parts(threads: Threads.count)
    let (units, features, width) = (shape.units, shape.features, shape.gateWidth)
    stepProduct = try StepProduct(
      shape, parts: parts, weights: .matrix(rows: shape.gateRows, columns: units, rowStride: units),
      inner: shape.gateRows, columns: units, strides: (width, units), accumulates: shape.cell == .gru)
    func gates(_ count: Int, positions: Int) throws -> Layout {
      try .matrix(rows: count, columns: positions, rowStride: 1, columnStride: width)
    }
    inputWeightsProducts = try shape.inputBlocks.map { block in
      let count = block.count * units
      return try Primitive.matrixProduct(
        gates(count, positions: shape.positions),
        .matrix(rows: shape.positions, columns: features, rowStride: features),
        .matrix(rows: count, columns: features, rowStride: features))
    }
    inputGradientProducts = try shape.inputBlocks.enumerated().map { index, block in
      let count = block.count * units
      return try Primitive.matrixProduct(
        .matrix(rows: shape.positions, columns: count, rowStride: width),
        .matrix(rows: count, columns: features, rowStride: features),
        .matrix(rows: shape.positions, columns: features, rowStride: features), accumulates: index > 0)
    }
    func recurrentWeights(positions: Int, accumulates: Bool) throws -> Primitive {
      try .matrixProduct(
        gates(shape.gateRows, positions: positions), .matrix(rows: positions, columns: units, rowStride: units),
        .matrix(rows: shape.gateRows, columns: units, rowStride: units), accumulates: accumulates)
    }
    let behindFirst = (shape.steps - 1) * shape.samples
    recurrentWeightsProduct =
      behindFirst > 0 ? try recurrentWeights(positions: behindFirst, accumulates: false) : nil
    initialWeightsProduct =
      shape.hasInitialState ? try recurrentWeights(positions: shape.samples, accumulates: behindFirst > 0) : nil
  }

  var scratchpadByteCount: Int {
    let products =
      inputWeightsProducts + inputGradientProducts + [recurrentWeightsProduct, initialWeightsProduct].compactMap { $0 }
    return (products + [stepProduct.packing]).map(\.scratchpadByteCount)
      .reduce(stepProduct.scratchpadByteCount * parts.count, max)
  }

  func bind(_ memory: HostMemory) throws -> HostRun {
    let pass = try RecurrentBackwardPass(self, memory)
    return { stream, _ in try pass.run(stream) }
  }
}

/// A backward pass bound to memory.
@safe private final class RecurrentBackwardPass {
  private typealias Operand = RecurrentBackwardKernel.Operand

  private let kernel: RecurrentBackwardKernel
  private let memory: HostMemory
  private let packing: KernelCall
  /// By part, then by place in the order of the recurrence; nil where no gradient of a previous state is wanted.
  private let stepCalls: [[KernelCall?]]
  /// After the steps, in order.
  private let productCalls: [KernelCall]
  private let streams: [Stream]

  init(_ kernel: RecurrentBackwardKernel, _ memory: HostMemory) throws {
    self.kernel = kernel
    self.memory = memory
    let shape = kernel.shape
    let addresses = Addresses(memory)
    packing = try addresses.call(
      kernel.stepProduct.packing, (.source, .recurrentWeights, 0), (.destination, .packed, 0))
    productCalls = try Self.products(kernel, addresses)
    streams = try kernel.parts.map { _ in try Stream() }
    stepCalls = try kernel.parts.indices.map { part in
      let first = kernel.parts[part].lowerBound
      return try (0..<shape.steps).map { index in
        guard index > 0 || kernel.rule.wantsState else { return nil }
        let position = shape.step(index) * shape.samples + first
        return try addresses.call(
          kernel.stepProduct.primitives[part],
          (.source, .gates, position * shape.gateWidth + shape.recurrentColumn * shape.units), (.weights, .packed, 0),
          (.destination, .hiddenGradient, first * shape.units),
          scratchpad: part * kernel.stepProduct.scratchpadByteCount / 4)
      }
    }
  }

  /// Operands as arguments of library calls.
  @safe private struct Addresses {
    let memory: HostMemory

    init(_ memory: HostMemory) { self.memory = memory }

    /// - Parameter scratchpad: the offset of the call's own; offsets are in floats.
    func call(
      _ primitive: Primitive, _ arguments: (Primitive.Argument, Operand, Int)..., scratchpad: Int = 0
    ) throws -> KernelCall {
      try KernelCall(
        primitive,
        (arguments + [(.scratchpad, .scratchpad, scratchpad)]).map { argument, operand, offset in
          unsafe Kernels.Operand(argument, UnsafeMutableRawPointer(memory.floats(operand.rawValue) + offset))
        })
    }
  }

  /// dW_ih, dx and dW_hh.
  private static func products(_ kernel: RecurrentBackwardKernel, _ addresses: Addresses) throws -> [KernelCall] {
    let shape = kernel.shape
    var calls: [KernelCall] = []
    for (index, block) in shape.inputBlocks.enumerated() {
      let (column, row) = (block.column * shape.units, block.row * shape.units * shape.features)
      calls.append(
        try addresses.call(
          kernel.inputWeightsProducts[index], (.source, .gates, column), (.weights, .x, 0),
          (.destination, .inputWeightsGradient, row)))
      guard kernel.rule.wantsInput else { continue }
      calls.append(
        try addresses.call(
          kernel.inputGradientProducts[index], (.source, .gates, column), (.weights, .inputWeights, row),
          (.destination, .inputGradient, 0)))
    }
    let (column, step) = (shape.recurrentColumn * shape.units, shape.samples)
    let isForward = shape.direction == .forward
    if let primitive = kernel.recurrentWeightsProduct {
      calls.append(
        try addresses.call(
          primitive, (.source, .gates, (isForward ? step * shape.gateWidth : 0) + column),
          (.weights, .y, isForward ? 0 : step * shape.units), (.destination, .recurrentWeightsGradient, 0)))
    }
    if let primitive = kernel.initialWeightsProduct {
      calls.append(
        try addresses.call(
          primitive, (.source, .gates, shape.step(0) * step * shape.gateWidth + column),
          (.weights, .initialHidden, 0), (.destination, .recurrentWeightsGradient, 0)))
    }
    return calls
  }

  @unsafe private func floats(_ operand: Operand) -> UnsafeMutablePointer<Float> {
    unsafe memory.floats(operand.rawValue)
  }

  func run(_ stream: Stream) throws {
    let shape = kernel.shape
    try packing.run(on: stream)
    unsafe floats(.zeros).update(repeating: 0, count: shape.units)
    try Threads.apart(kernel.parts.count) { part in try run(part) }
    for call in productCalls { try call.run(on: stream) }
    if kernel.recurrentWeightsProduct == nil, kernel.initialWeightsProduct == nil {
      unsafe floats(.recurrentWeightsGradient).update(repeating: 0, count: shape.gateRows * shape.units)
    }
    sumBiases()
    guard kernel.rule.wantsState else { return }
    let count = shape.samples * shape.units
    unsafe floats(.initialHiddenGradient).update(from: floats(.hiddenGradient), count: count)
    if shape.cell.hasCellState {
      unsafe floats(.initialCellGradient).update(from: floats(.cellGradient), count: count)
    }
  }

  private func run(_ part: Int) throws {
    let (shape, samples) = (kernel.shape, kernel.parts[part])
    let (first, count) = (samples.lowerBound * shape.units, samples.count * shape.units)
    unsafe start(.hiddenGradient, from: .finalHiddenGradient, output: 1, first, count)
    if shape.cell.hasCellState { unsafe start(.cellGradient, from: .finalCellGradient, output: 2, first, count) }
    let sums = unsafe floats(.sums) + part * shape.gateWidth
    unsafe sums.update(repeating: 0, count: shape.gateWidth)
    for index in (0..<shape.steps).reversed() {
      if kernel.rule.hasOutputGradient[0] {
        let dy = unsafe floats(.outputGradient) + shape.step(index) * shape.samples * shape.units + first
        let dh = unsafe floats(.hiddenGradient) + first
        for j in 0..<count { unsafe dh[j] += dy[j] }
      }
      for sample in samples {
        let row = unsafe self.row(index, sample, part)
        unsafe shape.cell.backward(row, units: shape.units)
        let gates = unsafe row.gates
        for j in 0..<shape.gateWidth { unsafe sums[j] += gates[j] }
      }
      try stepCalls[part][index]?.run(on: streams[part])
    }
  }

  /// Begins a running gradient with the one that was given for an output, or with 0.
  @unsafe private func start(_ running: Operand, from given: Operand, output: Int, _ first: Int, _ count: Int) {
    if kernel.rule.hasOutputGradient[output] {
      unsafe (floats(running) + first).update(from: floats(given) + first, count: count)
    } else {
      unsafe (floats(running) + first).update(repeating: 0, count: count)
    }
  }

  /// Adds up the parts' sums; both biases of a gate have the same gradient but for the product part of GRU's n.
  private func sumBiases() {
    let shape = kernel.shape
    let sums = unsafe floats(.sums)
    for part in kernel.parts.indices.dropFirst() {
      let other = unsafe sums + part * shape.gateWidth
      for j in 0..<shape.gateWidth { unsafe sums[j] += other[j] }
    }
    for block in shape.inputBlocks {
      unsafe (floats(.inputBiasGradient) + block.row * shape.units).update(
        from: sums + block.column * shape.units, count: block.count * shape.units)
    }
    unsafe floats(.recurrentBiasGradient).update(
      from: sums + shape.recurrentColumn * shape.units, count: shape.gateRows)
  }

  @unsafe private func row(_ index: Int, _ sample: Int, _ part: Int) -> BackwardRow {
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
    return unsafe BackwardRow(
      gates: floats(.gates) + position * shape.gateWidth, hidden: hidden + position * shape.units,
      cell: cell + position * shape.units, previousHidden: previousHidden, previousCell: previousCell,
      hiddenGradient: floats(.hiddenGradient) + sample * shape.units,
      cellGradient: floats(.cellGradient) + sample * shape.units, scratch: floats(.row) + part * shape.units)
  }
}
