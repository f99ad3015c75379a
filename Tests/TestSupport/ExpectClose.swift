package import Testing

/// Expects every element of `actual` within `relative` × the largest magnitude of `expected` (plus `absolute`).
///
/// The scale is the largest magnitude of the whole array, not of the element: a gradient that is zero by cancellation
/// carries the rounding error of the terms that cancelled.
package func expectClose<Values: Collection, Expected: Collection>(
  _ actual: Values, _ expected: Expected, relative: Double, absolute: Double = 0, _ name: String = "values",
  sourceLocation: SourceLocation = #_sourceLocation
) where Values.Element: BinaryFloatingPoint, Expected.Element: BinaryFloatingPoint {
  precondition(relative >= 0 && relative < 0.5 && absolute >= 0, "a tolerance that proves nothing")
  guard actual.count == expected.count else {
    Issue.record("\(name): \(actual.count) elements, expected \(expected.count)", sourceLocation: sourceLocation)
    return
  }
  let scale = expected.reduce(0.0) { max($0, abs(Double($1))) }
  let bound = relative * scale + absolute
  var worst = (index: 0, error: 0.0, actual: 0.0, expected: 0.0)
  for (index, pair) in zip(actual, expected).enumerated() {
    let difference = abs(Double(pair.0) - Double(pair.1))
    let error = difference.isNaN ? .infinity : difference
    if error > worst.error { worst = (index, error, Double(pair.0), Double(pair.1)) }
  }
  if worst.error > bound {
    Issue.record(
      "\(name)[\(worst.index)]: \(worst.actual), expected \(worst.expected) within \(bound) (scale \(scale))",
      sourceLocation: sourceLocation)
  }
}

/// The same of one number.
package func expectClose(
  _ actual: Double, _ expected: Double, relative: Double, absolute: Double = 0, _ name: String = "value",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  expectClose([actual], [expected], relative: relative, absolute: absolute, name, sourceLocation: sourceLocation)
}
