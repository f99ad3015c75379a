package import Units

/// Of inventory files, `apus: 1`.
package enum InventoryFormat: FileFormat {
  package static let name = "inventory"
  package static let number = 1
}

/// The nodes that somebody has or may rent: the content of an inventory file, `cluster/inventories/*.yaml`.
package struct Inventory: Hashable, Codable, Sendable {
  package var formatVersion = FormatVersion<InventoryFormat>.current
  package var name: String
  /// Whose prices count where a group gives none; nil for the catalog's default.
  package var region: String?
  package var groups: [Group]

  /// Nodes of one kind that are bought in one way.
  package struct Group: Hashable, Codable, Sendable {
    /// How nodes are paid for; the catalog's words.
    package enum Purchase: String, Hashable, Codable, Sendable, CaseIterable {
      case onDemand = "on-demand"
      case spot
      case reserved1Year = "reserved-1y"
      case reserved3Years = "reserved-3y"
      case reserved
    }

    /// Unique in the file; default: the instance type.
    package var name: String
    /// Such as "p4d.24xlarge"; whether there is one of this name the catalog knows.
    package var instance: String
    package var nodes: Int
    package var purchase: Purchase
    /// Of a node; nil for the catalog's price. $0 for nodes that are paid for already.
    package var hourly: Money?
    /// Availability zone.
    package var zone: String?
    /// Of a node: how often it is taken back or fails; nil for what a plan assumes.
    package var interruptionsPerHour: Double?

    package init(
      name: String? = nil, instance: String, nodes: Int, purchase: Purchase = .onDemand, hourly: Money? = nil,
      zone: String? = nil, interruptionsPerHour: Double? = nil
    ) {
      self.name = name ?? instance
      self.instance = instance
      self.nodes = nodes
      self.purchase = purchase
      self.hourly = hourly
      self.zone = zone
      self.interruptionsPerHour = interruptionsPerHour
    }
  }

  package init(name: String, region: String? = nil, groups: [Group]) {
    self.name = name
    self.region = region
    self.groups = groups
  }
}
