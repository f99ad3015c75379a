import Glibc
import ModelGraph

/// Columns that a softmax along an outer dimension works on at a time.
private let columnsAtOnce = 256

extension DimensionCut {
  /// Calls `body` with the start and width of every stripe of neighbouring columns.
  @inline(__always)
  fileprivate func forEachStripe(_ body: (_ start: Int, _ width: Int) -> Void) {
    for row in 0..<outer {
      for column in stride(from: 0, to: inner, by: columnsAtOnce) {
        body(row * count * inner + column, min(columnsAtOnce, inner - column))
      }
    }
  }
}

/// Softmax, or its logarithm, along a dimension with others behind it. Operands: x, y.
struct SoftmaxKernel: HostKernel {
  let cut: DimensionCut
  let isLogarithm: Bool

  func bind(_ memory: HostMemory) -> HostRun {
    let (cut, isLogarithm) = (cut, isLogarithm)
    let (x, y) = unsafe (memory.floats(0), memory.floats(1))
    return { _, _ in
      unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * columnsAtOnce) { buffer in
        guard let largest = buffer.baseAddress else { return }
        let total = unsafe largest + columnsAtOnce
        cut.forEachStripe { start, width in
          let (x, y) = unsafe (x + start, y + start)
          for c in 0..<width { unsafe (largest[c], total[c]) = unsafe (x[c], 0) }
          for k in 1..<max(cut.count, 1) {
            let x = unsafe x + k * cut.inner
            for c in 0..<width { unsafe largest[c] = x[c] > largest[c] ? x[c] : largest[c] }
          }
          for k in 0..<cut.count {
            let (x, y) = unsafe (x + k * cut.inner, y + k * cut.inner)
            for c in 0..<width {
              let power = unsafe VectorFunctions.exponential(x[c] - largest[c])
              unsafe y[c] = power
              unsafe total[c] += power
            }
          }
          if isLogarithm {
            for c in 0..<width { unsafe total[c] = logf(total[c]) }
          } else {
            for c in 0..<width { unsafe total[c] = 1 / total[c] }
          }
          for k in 0..<cut.count {
            let (x, y) = unsafe (x + k * cut.inner, y + k * cut.inner)
            for c in 0..<width { unsafe y[c] = isLogarithm ? x[c] - largest[c] - total[c] : y[c] * total[c] }
          }
        }
      }
    }
  }
}

/// Operands: y, dy, dx.
struct SoftmaxBackwardKernel: HostKernel {
  let cut: DimensionCut
  let isLogarithm: Bool

  func bind(_ memory: HostMemory) -> HostRun {
    let (cut, isLogarithm) = (cut, isLogarithm)
    let (y, dy, dx) = unsafe (memory.floats(0), memory.floats(1), memory.floats(2))
    return { _, _ in
      unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: columnsAtOnce) { buffer in
        guard let sum = buffer.baseAddress else { return }
        cut.forEachStripe { start, width in
          for c in 0..<width { unsafe sum[c] = 0 }
          for k in 0..<cut.count {
            let (y, dy) = unsafe (y + start + k * cut.inner, dy + start + k * cut.inner)
            for c in 0..<width { unsafe sum[c] += isLogarithm ? dy[c] : y[c] * dy[c] }
          }
          for k in 0..<cut.count {
            let at = start + k * cut.inner
            let (y, dy, dx) = unsafe (y + at, dy + at, dx + at)
            if isLogarithm {
              for c in 0..<width { unsafe dx[c] = dy[c] - VectorFunctions.exponential(y[c]) * sum[c] }
            } else {
              for c in 0..<width { unsafe dx[c] = y[c] * (dy[c] - sum[c]) }
            }
          }
        }
      }
    }
  }
}
