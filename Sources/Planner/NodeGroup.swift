package import Catalog
package import Units

/// Nodes of one kind that a job could run on, and what they cost.
package struct NodeGroup: Hashable, Sendable, Codable {
  /// Such as "p4d.24xlarge".
  package var instance: String
  package var nodes: Int
  package var acceleratorsPerNode: Int
  /// Key of the accelerator in the catalog; nil if not known.
  package var accelerator: String?
  /// Of one accelerator.
  package var memory: Bytes
  package var purchase: Price.Kind
  /// Of one node.
  package var hourly: Money
  /// Where the price is from, and of when: "us-east-1, 2026-07-20, Karpenter".
  package var priceSource: String?
  /// What the network's bandwidth is multiplied by: 1, but where a plan asks what another network would change.
  package var networkScale: Double
  /// Nodes of other kinds that the same gradients are reduced with.
  package var companions: Int
  /// Availability zone, where an inventory names one.
  package var zone: String?
  /// Of a node to where checkpoints go; nil for what the request assumes.
  package var storage: Bandwidth?
  /// Of a node, failures too; nil for what the request assumes.
  package var interruptionsPerHour: Double?

  package init(
    instance: String, nodes: Int, acceleratorsPerNode: Int, memory: Bytes, purchase: Price.Kind = .onDemand,
    hourly: Money, networkScale: Double = 1, companions: Int = 0
  ) {
    self.instance = instance
    self.nodes = nodes
    self.acceleratorsPerNode = acceleratorsPerNode
    self.memory = memory
    self.purchase = purchase
    self.hourly = hourly
    self.networkScale = networkScale
    self.companions = companions
  }

  package var accelerators: Int { nodes * acceleratorsPerNode }
  /// Of all nodes.
  package var hourlyTotal: Money { hourly * Double(nodes) }

  /// The same for groups on which steps take the same: what is left of it without price and purchase.
  var hardware: NodeGroup {
    var group = self
    group.purchase = .onDemand
    group.hourly = .zero
    group.priceSource = nil
    group.zone = nil
    group.storage = nil
    group.interruptionsPerHour = nil
    return group
  }
}

extension NodeGroup: CustomStringConvertible {
  /// "p4d.24xlarge ×4"; how it is bought where that is not on demand, and where it is if that is known.
  package var description: String {
    let how = [purchase == .onDemand ? nil : purchase.rawValue, zone].compactMap { $0 }.joined(separator: ", ")
    return "\(instance) ×\(nodes)" + (how.isEmpty ? "" : " (\(how))")
  }
}

/// Why nodes, or a layout on them, are not in a plan.
package struct Rejection: Error, Hashable, Sendable, Codable, CustomStringConvertible {
  package enum Code: String, Hashable, Sendable, Codable, CaseIterable {
    case cannotTrain, retired, noPrice, missingFact, noLegalLayout, memory, deadline, budget
  }

  package let code: Code
  /// Group or instance type.
  package let subject: String
  package let message: String
  package var description: String { "\(subject): \(message)" }

  package init(_ code: Code, _ subject: String, _ message: String) {
    self.code = code
    self.subject = subject
    self.message = message
  }
}
