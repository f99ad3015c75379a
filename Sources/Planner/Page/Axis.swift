import Units

/// Values along a line of a drawing, with marks at round ones.
struct Axis {
  struct Mark {
    let place: Double
    let label: String
  }

  private let low: Double
  private let high: Double
  private let from: Double
  private let to: Double
  private let isLogarithmic: Bool
  private(set) var marks: [Mark] = []

  /// Positive values on a logarithmic axis; `candidates` are what may be marked, with their labels.
  ///
  /// - Parameter room: least distance of two marks.
  init(
    logarithmic values: [Double], from: Double, to: Double, room: Double, candidates: [(value: Double, label: String)]
  ) {
    let positive = values.filter { $0 > 0 && $0.isFinite }
    low = (positive.min() ?? 1) / 1.25
    high = max((positive.max() ?? 10) * 1.25, low * 2)
    self.from = from
    self.to = to
    isLogarithmic = true
    for candidate in candidates where candidate.value >= low && candidate.value <= high {
      let place = self[candidate.value]
      if let last = marks.last, abs(place - last.place) < room { continue }
      marks.append(Mark(place: place, label: candidate.label))
    }
  }

  /// From 0 to `largest`, with about `count` marks.
  init(
    linear largest: Double, from: Double, to: Double, count: Int = 6, label: (_ value: Double, _ step: Double) -> String
  ) {
    low = 0
    high = max(largest, .leastNormalMagnitude)
    self.from = from
    self.to = to
    isLogarithmic = false
    let step = Self.roundStep(high / Double(count))
    var value = 0.0
    while value <= high * (1 + 1e-9), step > 0, marks.count < 100 {
      marks.append(Mark(place: self[value], label: label(value, step)))
      value = Double(marks.count) * step
    }
  }

  subscript(value: Double) -> Double {
    let share =
      isLogarithmic ? (max(value, low) / low).logarithm / (high / low).logarithm : (value - low) / (high - low)
    return from + (to - from) * min(max(share, 0), 1)
  }

  /// `value` with as many digits as marks `step` apart need.
  static func text(_ value: Double, step: Double) -> String {
    fixedPoint(value, decimals: step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3)
  }

  /// The largest of 1, 2 and 5 times a power of ten that is at most about `step`.
  static func roundStep(_ step: Double) -> Double {
    guard step > 0, step.isFinite else { return 1 }
    var unit = 1.0
    while unit * 10 <= step { unit *= 10 }
    while unit > step { unit /= 10 }
    return unit * (step / unit >= 5 ? 5 : step / unit >= 2 ? 2 : 1)
  }

  /// $0.001, $0.002, $0.005, $0.01 …
  static let dollars: [(value: Double, label: String)] = (-4...9).flatMap { power in
    [1.0, 2, 5].map { digit in
      var value = digit
      for _ in 0..<abs(power) { value = power < 0 ? value / 10 : value * 10 }
      let label =
        switch value {
        case ..<1: Money(dollars: value).description
        case ..<1e4: "$" + Int(value).grouped
        case ..<1e6: "$\(Int(value / 1e3)) k"
        default: "$\(Int(value / 1e6).grouped) M"
        }
      return (value, label)
    }
  }

  static let times: [(value: Double, label: String)] =
    [
      (0.01, "10 ms"), (0.1, "0.1 s"), (1, "1 s"), (5, "5 s"), (10, "10 s"), (30, "30 s"), (60, "1 min"),
      (120, "2 min"), (300, "5 min"), (600, "10 min"), (900, "15 min"), (1800, "30 min"), (2700, "45 min"),
      (3600, "1 h"), (7200, "2 h"), (10_800, "3 h"), (21_600, "6 h"), (43_200, "12 h"), (86_400, "1 d"),
      (172_800, "2 d"), (345_600, "4 d"), (604_800, "1 week"), (1_209_600, "2 weeks"), (2_592_000, "30 d"),
      (7_776_000, "90 d"), (31_536_000, "1 year"), (94_608_000, "3 years"), (315_360_000, "10 years"),
      (3_153_600_000, "100 years"),
    ]
}
