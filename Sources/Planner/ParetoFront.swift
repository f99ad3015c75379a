/// The members that nothing beats in both of two costs.
package enum ParetoFront {
  /// Indices of `points` that no other point is at most as large in both and smaller in one; in the order of `x`. Of equal
  /// points the first.
  ///
  /// - Complexity: O(n log n).
  package static func indices(_ points: [(x: Double, y: Double)]) -> [Int] {
    let order = points.indices.sorted {
      (points[$0].x, points[$0].y, $0) < (points[$1].x, points[$1].y, $1)
    }
    var result: [Int] = []
    var least = Double.infinity
    for index in order where points[index].y < least {
      result.append(index)
      least = points[index].y
    }
    return result
  }
}
