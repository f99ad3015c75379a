package import Units

/// What instances cost for a time. Billed by the second, a minute at least, for each instance (Amazon EC2, Linux).
package struct Billing: Hashable, Sendable, Codable {
  /// Of one instance.
  package let hourly: Money
  package let instances: Int

  package static let leastTime = Seconds(minutes: 1)

  package init(hourly: Money, instances: Int) {
    self.hourly = hourly
    self.instances = instances
  }

  /// Of all instances.
  package var hourlyTotal: Money { hourly * Double(instances) }

  /// The seconds that are billed: begun ones are whole.
  package static func billed(_ time: Seconds) -> Seconds { max(leastTime, Seconds(time.count.rounded(.up))) }

  /// - Parameter time: between start and end of the instances.
  package func cost(_ time: Seconds) -> Money { hourlyTotal * (Self.billed(time).count / 3600) }

  package func instanceHours(_ time: Seconds) -> Double { Self.billed(time).count / 3600 * Double(instances) }

  /// - Parameter accelerators: of one instance.
  package func acceleratorHours(_ time: Seconds, accelerators: Int) -> Double {
    instanceHours(time) * Double(accelerators)
  }
}
