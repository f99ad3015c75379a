/// Floating-point operations a second: what a processor can do, or what it did.
package struct FLOPRate: Quantity {
  package var count: Double
  package init(count: Double) { self.count = count }
  package init(gigaFLOPsPerSecond: Double) { count = gigaFLOPsPerSecond * 1e9 }
  package init(teraFLOPsPerSecond: Double) { count = teraFLOPsPerSecond * 1e12 }

  package var teraFLOPsPerSecond: Double { count / 1e12 }

  /// SI prefixes: "312.0 TFLOP/s".
  package var description: String {
    scaled(count, base: 1000, units: ["", "k", "M", "G", "T", "P", "E"].map { $0 + "FLOP/s" })
  }
}

extension FLOPs {
  package static func / (work: Self, time: Seconds) -> FLOPRate { FLOPRate(work.count / time.count) }
  /// The time that `work` takes at `rate`; infinite at a rate of 0.
  package static func / (work: Self, rate: FLOPRate) -> Seconds { Seconds(work.count / rate.count) }
}
