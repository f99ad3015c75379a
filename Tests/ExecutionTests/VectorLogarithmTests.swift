import Execution
import Foundation
import TestSupport
import Testing

@Suite struct VectorLogarithmTests {
  @Test func logarithmsAreTheirsOverAllMagnitudes() {
    // From the smallest normal number to the largest, and close to 1, where the logarithm is small.
    let all = (0..<20_000).map { Float(exp(-87 + Double($0) * 0.00875)) } + [Float.leastNormalMagnitude]
    let near = (1..<2000).map { 1 + (Float($0) - 1000) / 3000 }
    for x in all + near {
      let expected = log(Double(x))
      let error = abs(Double(VectorFunctions.logarithm(x)) - expected)
      #expect(error <= 3e-7 * max(abs(expected), 1e-6), "log \(x)")
    }
    #expect(VectorFunctions.logarithm(1) == 0)
  }

  @Test func logarithmOfOnePlusASmallNumberKeepsItsDigits() {
    for exponent in 0..<600 {
      let x = Float(exp(-Double(exponent) * 0.05))
      let expected = log1p(Double(x))
      #expect(abs(Double(VectorFunctions.logarithm1p(x)) - expected) <= 4e-7 * expected, "log(1 + \(x))")
    }
    #expect(VectorFunctions.logarithm1p(0) == 0)
  }
}
