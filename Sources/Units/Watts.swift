/// Electrical power.
package struct Watts: Quantity {
  package var count: Double
  package init(count: Double) { self.count = count }

  /// "400 W", "1.00 kW".
  package var description: String { scaled(count, base: 1000, units: ["W", "kW", "MW", "GW"]) }
}
