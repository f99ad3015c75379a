import Kernels
import ModelGraph

/// The extents of a recurrent layer, and the order in which it is computed.
///
/// Inside, sequences lie time-major: [T, N, ·]. The products that do not depend on the recurrence are made for chunks of
/// steps, so that what a chunk's steps need or give is still in the second-level cache: measured on a 1 MiB cache, the
/// weight gradients of an LSTM of 256 units run at 215 GFLOP/s a core in chunks of up to 512 rows, at 186 in one piece.
struct RecurrentShape {
  let cell: RecurrentCell
  let direction: SequenceDirection
  let hasInitialState: Bool
  let samples: Int
  let steps: Int
  let features: Int
  let units: Int

  init(_ rule: Recurrent, x: [Int], units: Int) {
    cell = rule.cell
    direction = rule.direction
    hasInitialState = rule.hasInitialState
    (samples, steps, features) = (x[0], x[1], x[2])
    self.units = units
  }

  /// Gates of a sample at a step; rows of the weights.
  var gateCount: Int { cell.gateCount * units }
  var positions: Int { steps * samples }

  /// The step at a place in the order of the recurrence.
  func step(_ index: Int) -> Int { direction == .forward ? index : steps - 1 - index }

  /// Whether there is a product with the previous state at a place in the order of the recurrence.
  func hasPrevious(_ index: Int) -> Bool { index > 0 || hasInitialState }

  /// A run of steps.
  struct Chunk {
    /// In the order of the recurrence.
    let indices: Range<Int>
    /// The same steps by their number, which is their order in memory.
    let steps: Range<Int>
  }

  /// Rows of a chunk, a few more if a step has more samples.
  private static let chunkRows = 256

  /// Steps of a chunk; the last one may have fewer.
  var chunkSteps: Int { min(steps, max(1, Self.chunkRows / samples)) }

  /// In the order of the recurrence.
  var chunks: [Chunk] {
    stride(from: 0, to: steps, by: chunkSteps).map { first in
      let end = min(first + chunkSteps, steps)
      return Chunk(indices: first..<end, steps: direction == .forward ? first..<end : steps - end..<steps - first)
    }
  }

  /// The samples of each part, for as many threads.
  func parts(threads: Int) -> [Range<Int>] {
    let count = max(1, min(threads, samples))
    return (0..<count).map { samples * $0 / count..<samples * ($0 + 1) / count }
  }
}

/// The product of each step: made for each number of samples that a part has, over weights packed once.
struct StepProduct {
  /// By part.
  let primitives: [Primitive]
  let packing: Primitive
  let packedByteCount: Int
  /// Of one part.
  let scratchpadByteCount: Int

  /// - Parameter weights: the right matrix [inner, columns] as it lies in the parameter.
  init(parts: [Range<Int>], weights: Layout, inner: Int, columns: Int, accumulates: Bool) throws {
    var right = try Layout.any([inner, columns])
    var made: [Int: Primitive] = [:]
    primitives = try parts.map { part in
      if let primitive = made[part.count] { return primitive }
      let primitive = try Threads.onOne {
        try Primitive.matrixProduct(
          .plain([part.count, inner]), right, .plain([part.count, columns]), accumulates: accumulates)
      }
      made[part.count] = primitive
      right = primitive.layout(.weights)
      return primitive
    }
    packing = try .reorder(from: weights, to: right)
    packedByteCount = right.byteCount
    scratchpadByteCount = WorkspacePlan.rounded(primitives.map(\.scratchpadByteCount).max() ?? 0)
  }
}

/// Products made once for each number of rows.
struct RowProducts {
  private let make: (_ rows: Int, _ accumulates: Bool) throws -> Primitive
  private struct Key: Hashable {
    let rows: Int
    let accumulates: Bool
  }
  private var made: [Key: Primitive] = [:]

  init(_ make: @escaping (_ rows: Int, _ accumulates: Bool) throws -> Primitive) { self.make = make }

  mutating func primitive(rows: Int, accumulates: Bool = false) throws -> Primitive {
    let key = Key(rows: rows, accumulates: accumulates)
    if let primitive = made[key] { return primitive }
    let primitive = try make(rows, accumulates)
    made[key] = primitive
    return primitive
  }

  var scratchpadByteCount: Int { made.values.map(\.scratchpadByteCount).max() ?? 0 }
}

/// A prepared product: which primitive over which operands, at which offsets in floats.
struct ProductPlan<Operand> {
  let primitive: Primitive
  let arguments: [(argument: Primitive.Argument, operand: Operand, offset: Int)]

  init(_ primitive: Primitive, _ arguments: (Primitive.Argument, Operand, Int)...) {
    self.primitive = primitive
    self.arguments = arguments.map { (argument: $0.0, operand: $0.1, offset: $0.2) }
  }
}

extension ProductPlan where Operand: RawRepresentable<Int> {
  func bind(_ memory: HostMemory, scratchpad: (operand: Operand, offset: Int)) throws -> KernelCall {
    try KernelCall(
      primitive,
      (arguments + [(argument: .scratchpad, operand: scratchpad.operand, offset: scratchpad.offset)]).map {
        unsafe Kernels.Operand(
          $0.argument, UnsafeMutableRawPointer(memory.floats($0.operand.rawValue) + $0.offset))
      })
  }
}
