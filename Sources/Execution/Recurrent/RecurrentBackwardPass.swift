import Kernels
import ModelGraph

/// A backward pass bound to memory.
@safe final class RecurrentBackwardPass {
  private typealias Operand = RecurrentBackwardKernel.Operand

  private let kernel: RecurrentBackwardKernel
  private let memory: HostMemory
  private let packing: KernelCall
  /// By part, then by place in the order of the recurrence.
  private let stepCalls: [[KernelCall?]]
  /// By chunk.
  private let chunkCalls: [[KernelCall]]
  private let streams: [Stream]
  private let sumCount: Int

  init(_ kernel: RecurrentBackwardKernel, _ memory: HostMemory) throws {
    self.kernel = kernel
    self.memory = memory
    sumCount = kernel.sumCount
    let packing = ProductPlan<Operand>(
      kernel.stepProduct.packing, (.source, .recurrentWeights, 0), (.destination, .packed, 0))
    self.packing = try packing.bind(memory, scratchpad: (.scratchpad, 0))
    chunkCalls = try kernel.chunkProducts.map { plans in
      try plans.map { try $0.bind(memory, scratchpad: (.scratchpad, 0)) }
    }
    streams = try kernel.parts.map { _ in try Stream() }
    stepCalls = try kernel.parts.indices.map { part in
      let scratchpad = part * kernel.stepProduct.scratchpadByteCount / 4
      return try (0..<kernel.shape.steps).map {
        try kernel.stepPlan(part, $0)?.bind(memory, scratchpad: (.scratchpad, scratchpad))
      }
    }
  }

  @unsafe private func floats(_ operand: Operand) -> UnsafeMutablePointer<Float> {
    unsafe memory.floats(operand.rawValue)
  }

  func run(_ stream: Stream) throws {
    let shape = kernel.shape
    try packing.run(on: stream)
    unsafe floats(.zeros).update(repeating: 0, count: shape.units)
    for part in kernel.parts.indices { begin(part) }
    for (chunk, calls) in zip(shape.chunks, chunkCalls).reversed() {
      try Threads.apart(kernel.parts.count) { part in try run(chunk.indices, part) }
      for call in calls { try call.run(on: stream) }
    }
    if shape.steps == 1, !shape.hasInitialState {
      unsafe floats(.recurrentWeightsGradient).update(repeating: 0, count: shape.gateCount * shape.units)
    }
    sumBiases()
    guard kernel.rule.wantsState else { return }
    let count = shape.samples * shape.units
    unsafe floats(.initialHiddenGradient).update(from: floats(.hiddenGradient), count: count)
    if shape.cell.hasCellState {
      unsafe floats(.initialCellGradient).update(from: floats(.cellGradient), count: count)
    }
  }

  /// Begins a part's running gradients with those that were given for the final state, or with 0.
  private func begin(_ part: Int) {
    let shape = kernel.shape
    let (first, count) = (
      kernel.parts[part].lowerBound * shape.units, kernel.parts[part].count * shape.units
    )
    let running: [(Operand, from: Operand, isGiven: Bool)] = [
      (.hiddenGradient, .finalHiddenGradient, kernel.rule.hasOutputGradient[1]),
      (.cellGradient, .finalCellGradient, shape.cell.hasCellState && kernel.rule.hasOutputGradient[2]),
    ]
    for (gradient, given, isGiven) in running.prefix(shape.cell.hasCellState ? 2 : 1) {
      if isGiven {
        unsafe (floats(gradient) + first).update(from: floats(given) + first, count: count)
      } else {
        unsafe (floats(gradient) + first).update(repeating: 0, count: count)
      }
    }
    unsafe (floats(.sums) + part * sumCount).update(repeating: 0, count: sumCount)
  }

  private func run(_ indices: Range<Int>, _ part: Int) throws {
    let (shape, samples) = (kernel.shape, kernel.parts[part])
    let sums = unsafe floats(.sums) + part * sumCount
    for index in indices.reversed() {
      if kernel.rule.hasOutputGradient[0] {
        let (first, count) = (samples.lowerBound * shape.units, samples.count * shape.units)
        let dy = unsafe floats(.outputGradient) + shape.step(index) * shape.samples * shape.units + first
        let dh = unsafe floats(.hiddenGradient) + first
        for j in 0..<count { unsafe dh[j] += dy[j] }
      }
      for sample in samples {
        let row = unsafe self.row(index, sample, part)
        unsafe shape.cell.backward(row, units: shape.units)
        let gates = unsafe row.gates
        for j in 0..<shape.gateCount { unsafe sums[j] += gates[j] }
        guard shape.cell == .gru else { continue }
        let (inner, innerSums) = unsafe (row.stateGates + 2 * shape.units, sums + shape.gateCount)
        for j in 0..<shape.units { unsafe innerSums[j] += inner[j] }
      }
      try stepCalls[part][index]?.run(on: streams[part])
    }
  }

  /// Adds up the parts' sums; both biases of a gate have the same gradient but for GRU's n.
  private func sumBiases() {
    let shape = kernel.shape
    let sums = unsafe floats(.sums)
    for part in kernel.parts.indices.dropFirst() {
      let other = unsafe sums + part * sumCount
      for j in 0..<sumCount { unsafe sums[j] += other[j] }
    }
    unsafe floats(.inputBiasGradient).update(from: sums, count: shape.gateCount)
    unsafe floats(.recurrentBiasGradient).update(from: sums, count: shape.gateCount)
    if shape.cell == .gru {
      unsafe (floats(.recurrentBiasGradient) + 2 * shape.units).update(from: sums + shape.gateCount, count: shape.units)
    }
  }

  @unsafe private func row(_ index: Int, _ sample: Int, _ part: Int) -> BackwardRow {
    let shape = kernel.shape
    let step = shape.step(index)
    let position = step * shape.samples + sample
    let (hidden, beside) = unsafe (floats(.y), floats(.beside))
    var (previousHidden, previousCell) = unsafe (floats(.zeros), floats(.zeros))
    if index > 0 {
      let previous = (shape.step(index - 1) * shape.samples + sample) * shape.units
      unsafe (previousHidden, previousCell) = unsafe (hidden + previous, beside + previous)
    } else if shape.hasInitialState {
      let place = sample * shape.units
      unsafe (previousHidden, previousCell) = unsafe (floats(.initialHidden) + place, floats(.initialCell) + place)
    }
    let state = unsafe floats(.chunk) + (kernel.chunkRow(step) + sample) * shape.gateCount
    return unsafe BackwardRow(
      gates: shape.cell == .rnn ? state : floats(.gates) + position * shape.gateCount, stateGates: state,
      hidden: hidden + position * shape.units, beside: beside + position * shape.units,
      previousHidden: previousHidden, previousCell: previousCell,
      hiddenGradient: floats(.hiddenGradient) + sample * shape.units,
      cellGradient: floats(.cellGradient) + sample * shape.units, scratch: floats(.row) + part * shape.units)
  }
}
