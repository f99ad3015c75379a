/// A length of time.
package struct Seconds: Quantity {
  package var count: Double
  package init(count: Double) { self.count = count }

  package init(milliseconds: Double) { count = milliseconds / 1e3 }
  package init(microseconds: Double) { count = microseconds / 1e6 }
  package init(minutes: Double) { count = minutes * 60 }
  package init(hours: Double) { count = hours * 3600 }
  package init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    count = Double(seconds) + Double(attoseconds) * 1e-18
  }

  /// "2.31 ms" below a minute, then two whole units: "3 min 12 s", "2 h 5 min", "11 d 4 h".
  package var description: String {
    guard count.isFinite else { return "\(count) s" }
    if count < 0 { return "-\(Seconds(-count))" }
    if count == 0 { return "0 s" }
    if count < 59.995 {
      // A thousandth of a nanosecond is below every clock: print it as 0.00 ns rather than with more prefixes.
      let nanoseconds = count * 1e9
      return scaled(nanoseconds, base: 1000, units: ["ns", "µs", "ms", "s"], wholeBaseUnit: false)
    }
    guard count < 1e15 else { return "\(count) s" }
    let steps: [(name: String, length: Int64)] = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)]
    for (larger, smaller) in zip(steps, steps.dropFirst()) {
      let total = Int64((count / Double(smaller.length)).rounded())
      let ratio = larger.length / smaller.length
      if total >= ratio { return "\(total / ratio) \(larger.name) \(total % ratio) \(smaller.name)" }
    }
    return "1 min 0 s"
  }
}
