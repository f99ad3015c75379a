import COpenBLAS

/// Matrix products in double precision, for the reference that gradients are checked against.
///
/// A matrix is a row-major run of elements without gaps; R rows and C columns of the result, K terms in each sum.
package enum DoubleMatrix {
  /// How an operand lies in memory.
  package enum Layout: Sendable {
    case asWritten
    /// The operand is the transpose of what is stored.
    case transposed
  }

  /// result = left · right, with left [R, K] and right [K, C], each stored as its layout says.
  ///
  /// - Precondition: `left`, `right` and `result` hold R·K, K·C and R·C elements, each count below 2³¹.
  package static func multiply(
    _ left: Span<Double>, _ leftLayout: Layout = .asWritten, _ right: Span<Double>,
    _ rightLayout: Layout = .asWritten, rows: Int, columns: Int, inner: Int, into result: inout MutableSpan<Double>
  ) {
    precondition(rows >= 0 && columns >= 0 && inner >= 0, "a matrix has no negative extent")
    precondition(max(rows, columns, inner) <= Int(Int32.max), "OpenBLAS counts in 32 bits")
    precondition(left.count == rows * inner, "left is \(left.count) elements, not \(rows)×\(inner)")
    precondition(right.count == inner * columns, "right is \(right.count) elements, not \(inner)×\(columns)")
    precondition(result.count == rows * columns, "the result is \(result.count) elements, not \(rows)×\(columns)")
    guard rows > 0, columns > 0 else { return }
    guard inner > 0 else {
      for index in result.indices { result[index] = 0 }
      return
    }
    let leftStride = leftLayout == .asWritten ? inner : rows
    let rightStride = rightLayout == .asWritten ? columns : inner
    unsafe left.withUnsafeBufferPointer { left in
      unsafe right.withUnsafeBufferPointer { right in
        unsafe result.withUnsafeMutableBufferPointer { result in
          unsafe cblas_dgemm(
            CblasRowMajor, leftLayout == .asWritten ? CblasNoTrans : CblasTrans,
            rightLayout == .asWritten ? CblasNoTrans : CblasTrans, Int32(rows), Int32(columns), Int32(inner), 1,
            left.baseAddress, Int32(leftStride), right.baseAddress, Int32(rightStride), 0, result.baseAddress,
            Int32(columns))
        }
      }
    }
  }
}
