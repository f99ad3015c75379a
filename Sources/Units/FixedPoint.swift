/// `value` with exactly `decimals` digits after the point, halves rounded away from zero: 2.306, 2 → "2.31".
package func fixedPoint(_ value: Double, decimals: Int) -> String {
  precondition(decimals >= 0 && decimals <= 9, "0 to 9 decimals")
  var power: Int64 = 1
  for _ in 0..<decimals { power *= 10 }
  let rounded = (abs(value) * Double(power)).rounded()
  guard rounded < 0x1p63 else { return "\(value)" }  // infinite, not a number, or beyond what digits can tell
  let digits = Int64(rounded)
  let sign = value < 0 && digits > 0 ? "-" : ""
  if decimals == 0 { return "\(sign)\(digits)" }
  let fraction = String(digits % power)
  return "\(sign)\(digits / power)." + String(repeating: "0", count: decimals - fraction.count) + fraction
}

/// A share in per cent, "–" for none: 0.9753, 1 → "97.5 %".
package func percent(_ share: Double?, decimals: Int) -> String {
  share.map { fixedPoint($0 * 100, decimals: decimals) + " %" } ?? "–"
}

/// `value` in the largest of `units` (each `base` times the one before) that leaves at least 1: two decimals below 100,
/// one from there. The first unit has no decimals if it cannot be split.
func scaled(_ value: Double, base: Double, units: [String], wholeBaseUnit: Bool = true) -> String {
  var size = value
  var index = 0
  // Compared as it will be printed: 1023.97 KiB is 1.00 MiB, never "1024.0 KiB".
  while index + 1 < units.count, (abs(size) * 10).rounded() >= base * 10 {
    size /= base
    index += 1
  }
  if index == 0 && wholeBaseUnit && size == size.rounded() {
    return fixedPoint(size, decimals: 0) + " " + units[0]
  }
  let decimals = (abs(size) * 100).rounded() >= 10_000 ? 1 : 2
  return fixedPoint(size, decimals: decimals) + " " + units[index]
}

extension Int {
  /// With groups of thousands: "60,000".
  package var grouped: String {
    var text = String(magnitude)
    var index = text.count - 3
    while index > 0 {
      text.insert(",", at: text.index(text.startIndex, offsetBy: index))
      index -= 3
    }
    return (self < 0 ? "-" : "") + text
  }
}
