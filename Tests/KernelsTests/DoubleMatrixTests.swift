import Kernels
import TestSupport
import Testing

@Suite struct DoubleMatrixTests {
  /// 2×3 times 3×4, each operand stored both ways.
  @Test(arguments: [false, true], [false, true])
  func theProductIsThatOfTheDefinition(leftIsTransposed: Bool, rightIsTransposed: Bool) {
    let (rows, columns, inner) = (2, 4, 3)
    func left(_ r: Int, _ k: Int) -> Double { Double(3 * r - 2 * k) + 0.5 }
    func right(_ k: Int, _ c: Int) -> Double { Double(k * k - 5 * c) - 0.25 }
    let a = (0..<(rows * inner)).map {
      leftIsTransposed ? left($0 % rows, $0 / rows) : left($0 / inner, $0 % inner)
    }
    let b = (0..<(inner * columns)).map {
      rightIsTransposed ? right($0 % inner, $0 / inner) : right($0 / columns, $0 % columns)
    }
    var result = Array(repeating: 9.0, count: rows * columns)
    var span = result.mutableSpan
    DoubleMatrix.multiply(
      a.span, leftIsTransposed ? .transposed : .asWritten, b.span, rightIsTransposed ? .transposed : .asWritten,
      rows: rows, columns: columns, inner: inner, into: &span)
    let expected = (0..<(rows * columns)).map { index in
      (0..<inner).reduce(0) { $0 + left(index / columns, $1) * right($1, index % columns) }
    }
    expectClose(result, expected, relative: 1e-15)
  }

  @Test func aSumOfNoTermsIsZero() {
    var result = [5.0, 6]
    var span = result.mutableSpan
    let none: [Double] = []
    DoubleMatrix.multiply(none.span, .asWritten, none.span, rows: 1, columns: 2, inner: 0, into: &span)
    #expect(result == [0, 0])
  }
}
