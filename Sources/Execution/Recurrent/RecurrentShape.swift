import Kernels
import ModelGraph

/// The extents of a recurrent layer, and where its gates lie in memory.
///
/// Inside, sequences lie time-major: [T, N, ·]. A step's gates are columns of H numbers, `columns` of them side by side.
/// Forward keeps them, backward turns them into gradients in place. GRU has n, r, z and (W_hh h + b_hh)ₙ: so both the
/// gradients n, r, z that belong to x and the gradients r, z, n that belong to h lie side by side.
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

  /// Columns of gates that belong to x, with the rows of the weights that they come from; in units of H.
  struct Block {
    let column: Int
    let row: Int
    let count: Int
  }

  var inputBlocks: [Block] {
    cell == .gru
      ? [Block(column: 0, row: 2, count: 1), Block(column: 1, row: 0, count: 2)]
      : [Block(column: 0, row: 0, count: cell.gateCount)]
  }

  /// The first of the `gateCount` columns whose gradients belong to h.
  var recurrentColumn: Int { cell == .gru ? 1 : 0 }

  /// Columns of H numbers of a sample at a step.
  var columns: Int { max(1, cell.savedColumns) }

  /// Floats of a sample's gates at a step.
  var gateWidth: Int { columns * units }
  /// Rows of the weights.
  var gateRows: Int { cell.gateCount * units }
  var positions: Int { steps * samples }

  /// The steps in the order of the recurrence.
  func step(_ index: Int) -> Int { direction == .forward ? index : steps - 1 - index }

  /// Whether there is a product with the previous state at a place in the order of the recurrence.
  func hasPrevious(_ index: Int) -> Bool { index > 0 || hasInitialState }

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

  /// - Parameters:
  ///   - weights: the right matrix as it lies in the parameter.
  ///   - strides: of the left matrix and of the result.
  init(
    _ shape: RecurrentShape, parts: [Range<Int>], weights: Layout, inner: Int, columns: Int,
    strides: (left: Int, result: Int), accumulates: Bool
  ) throws {
    var right = try Layout.any([inner, columns])
    var made: [Int: Primitive] = [:]
    primitives = try parts.map { part in
      if let primitive = made[part.count] { return primitive }
      let primitive = try Threads.onOne {
        try Primitive.matrixProduct(
          .matrix(rows: part.count, columns: inner, rowStride: strides.left), right,
          .matrix(rows: part.count, columns: columns, rowStride: strides.result), accumulates: accumulates)
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
