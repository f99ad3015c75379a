/// How values of several ranks become one, element by element.
package enum Reduction: String, Sendable, CaseIterable { case sum, minimum, maximum }

/// The element types that every transport can reduce.
package enum ElementKind: String, Sendable { case float, double, int32, int64, uint8 }

/// A number that groups reduce. Integer sums wrap around; minimum and maximum of NaN are unspecified.
package protocol GroupElement: BitwiseCopyable, Sendable, Comparable {
  static var kind: ElementKind { get }
  /// Replaces each element of `total` by its reduction with the element of `values` at the same index.
  static func reduce(_ values: Span<Self>, into total: inout MutableSpan<Self>, _ reduction: Reduction)
}

extension Float: GroupElement { package static var kind: ElementKind { .float } }
extension Double: GroupElement { package static var kind: ElementKind { .double } }
extension Int32: GroupElement { package static var kind: ElementKind { .int32 } }
extension Int64: GroupElement { package static var kind: ElementKind { .int64 } }
extension UInt8: GroupElement { package static var kind: ElementKind { .uint8 } }

extension GroupElement where Self: BinaryFloatingPoint {
  package static func reduce(_ values: Span<Self>, into total: inout MutableSpan<Self>, _ reduction: Reduction) {
    switch reduction {
    case .sum:
      precondition(values.count == total.count)
      for index in values.indices { total[index] += values[index] }
    default: reduceByOrder(values, into: &total, reduction)
    }
  }
}

extension GroupElement where Self: FixedWidthInteger {
  package static func reduce(_ values: Span<Self>, into total: inout MutableSpan<Self>, _ reduction: Reduction) {
    switch reduction {
    case .sum:
      precondition(values.count == total.count)
      for index in values.indices { total[index] &+= values[index] }
    default: reduceByOrder(values, into: &total, reduction)
    }
  }
}

extension GroupElement {
  @inline(__always)
  fileprivate static func reduceByOrder(
    _ values: Span<Self>, into total: inout MutableSpan<Self>, _ reduction: Reduction
  ) {
    precondition(values.count == total.count)
    if reduction == .minimum {
      for index in values.indices where values[index] < total[index] { total[index] = values[index] }
    } else {
      for index in values.indices where values[index] > total[index] { total[index] = values[index] }
    }
  }
}
