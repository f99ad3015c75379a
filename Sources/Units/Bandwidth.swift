/// Bytes per second over a link, a memory or a network interface, in one direction.
package struct Bandwidth: Quantity {
  package var count: Double
  package init(count: Double) { self.count = count }

  /// 10⁹ bytes a second, as vendors rate links and memories.
  package init(gigabytesPerSecond: Double) { count = gigabytesPerSecond * 1e9 }
  /// 10⁹ bits a second, as networks are rated: 400 Gbit/s are 50 GB/s.
  package init(gigabitsPerSecond: Double) { count = gigabitsPerSecond * 1e9 / 8 }
  /// 2³⁰ bytes a second, as some benchmarks print.
  package init(gibibytesPerSecond: Double) { count = gibibytesPerSecond * 0x1p30 }

  /// SI prefixes, two decimals below 10 and one from there: "1.25 GB/s", "50.0 GB/s".
  package var description: String {
    guard count.isFinite else { return "\(count) B/s" }
    let units = ["B/s", "kB/s", "MB/s", "GB/s", "TB/s", "PB/s"]
    var size = count
    var index = 0
    // Compared as it will be printed: 999.96 MB/s is 1.00 GB/s, never "1000.0 MB/s".
    while index + 1 < units.count, (abs(size) * 10).rounded() >= 10_000 {
      size /= 1000
      index += 1
    }
    return fixedPoint(size, decimals: (abs(size) * 100).rounded() >= 1000 ? 1 : 2) + " " + units[index]
  }
}

extension Bandwidth {
  /// "400 Gbit/s", as networks are sold.
  package var gigabits: String {
    let number = count * 8 / 1e9
    return "\(fixedPoint(number, decimals: number == number.rounded() ? 0 : number < 10 ? 2 : 1)) Gbit/s"
  }
}

extension Bytes {
  /// The time that `bytes` take at `bandwidth`; infinite at no bandwidth.
  package static func / (bytes: Bytes, bandwidth: Bandwidth) -> Seconds {
    Seconds(Double(bytes.count) / bandwidth.count)
  }
}
