/// An amount of US dollars. Prices of six decimals are exact to the last one up to nine billion dollars.
package struct Money: Quantity {
  package var count: Double
  package init(count: Double) { self.count = count }
  package init(dollars: Double) { count = dollars }

  package var dollars: Double { count }

  /// Cents, with groups of thousands: "$21.96", "$1,234.50". Below a dime, where cents say too little, two significant
  /// digits: "$0.068", "$0.00012".
  package var description: String {
    guard count.isFinite else { return "$\(count)" }
    var decimals = 2
    // Compared as it will be printed: 0.0996 is $0.10, 0.00995 is $0.010.
    var least = 0.0995
    while abs(count) < least, count != 0, decimals < 9 {
      decimals += 1
      least /= 10
    }
    return text(decimals: decimals)
  }

  /// All that a price list says, cents at least: "$21.957642", "$24.48", "$0.9835".
  package var exact: String {
    guard count.isFinite, abs(count) < 1e9 else { return description }
    var text = text(decimals: 6)
    for _ in 0..<4 where text.last == "0" { text.removeLast() }
    return text
  }

  private func text(decimals: Int) -> String {
    let digits = fixedPoint(abs(count), decimals: decimals)
    let sign = count < 0 && digits.contains { $0.isNumber && $0 != "0" } ? "-" : ""
    guard !digits.contains("e") else { return "\(sign)$\(digits)" }
    let whole = Array(digits.prefix { $0 != "." })
    var grouped = ""
    for (index, digit) in whole.enumerated() {
      if index > 0, (whole.count - index).isMultiple(of: 3) { grouped.append(",") }
      grouped.append(digit)
    }
    return "\(sign)$\(grouped)\(digits.dropFirst(whole.count))"
  }
}
