/// Bytes a second over a link, in one direction, or to and from a memory.
package struct Bandwidth: Quantity {
  package var count: Double
  package init(count: Double) { self.count = count }
  package init(gigabytesPerSecond: Double) { count = gigabytesPerSecond * 1e9 }
  /// 8 Gbit/s are 1 GB/s.
  package init(gigabitsPerSecond: Double) { count = gigabitsPerSecond * 1e9 / 8 }

  package var gigabytesPerSecond: Double { count / 1e9 }
  package var gigabitsPerSecond: Double { count * 8 / 1e9 }

  /// SI prefixes: "300.0 GB/s".
  package var description: String { scaled(count, base: 1000, units: ["B/s", "kB/s", "MB/s", "GB/s", "TB/s", "PB/s"]) }
}
