package import Catalog
package import Jobs
package import Units

/// How nodes are bought and at what price.
package struct Market: Hashable, Sendable, Codable {
  /// Each is a group of its own.
  package var purchases: [Price.Kind]
  package var region: String
  /// Share of the on-demand price that a spot node costs where no spot price is known; nil to plan on known ones alone.
  package var spotShare: Double?

  package init(
    purchases: [Price.Kind] = [.onDemand], region: String = Price.defaultRegion, spotShare: Double? = nil
  ) {
    self.purchases = purchases
    self.region = region
    self.spotShare = spotShare
  }

  /// The price of a node and where it is from; nil if none is known.
  package func price(_ instance: InstanceType, _ kind: Price.Kind) -> (hourly: Money, source: String)? {
    if let price = instance.price(kind, region: region) {
      return (price.hourly, "\(region), \(price.asOf), \(price.source.title)")
    }
    guard kind == .spot, let spotShare, let price = instance.price(.onDemand, region: region) else { return nil }
    return (
      price.hourly * spotShare,
      "assumed: \(fixedPoint(spotShare * 100, decimals: 0)) % of \(price.hourly.exact) on demand"
    )
  }
}

/// The groups of the catalog or of an inventory that a job could run on, and why the others are none.
package struct CatalogGroups: Sendable {
  package private(set) var groups: [NodeGroup] = []
  package private(set) var rejections: [Rejection] = []
  /// Groups of an inventory that could train together.
  package private(set) var mixes: [[NodeGroup]] = []
  private let catalog: Catalog
  private let market: Market

  /// - Parameters:
  ///   - names: instance types to consider; nil for all current ones.
  ///   - nodeCounts: nodes of each group.
  /// - Throws: `CatalogError` if a name is not in the catalog.
  package init(
    _ catalog: Catalog, names: [String]? = nil, nodeCounts: [Int] = CatalogGroups.powersOfTwo,
    market: Market = Market()
  ) throws {
    self.catalog = catalog
    self.market = market
    let instances = try names.map { try $0.map { try catalog.instance(named: $0) } } ?? catalog.sortedInstances
    for instance in instances {
      if let rejection = Self.rejection(of: instance, isAskedFor: names != nil) {
        rejections.append(rejection)
        continue
      }
      for kind in market.purchases {
        guard let price = market.price(instance, kind) else {
          rejections.append(unpriced(instance.name, kind))
          continue
        }
        for nodes in nodeCounts {
          groups.append(group(instance, nodes: nodes, kind, price))
        }
      }
    }
  }

  /// The groups of an inventory: each alone, with fewer nodes too, and several together with all of theirs.
  ///
  /// - Parameter nodeCounts: nodes of each group alone; nil for 1, 2, 4 … and all.
  /// - Throws: `InvalidJob` at the line of an instance type that the catalog does not know or that has no price.
  package init(
    _ catalog: Catalog, _ file: InventoryFile, nodeCounts: [Int]? = nil, market: Market = Market()
  ) throws {
    self.catalog = catalog
    var market = market
    if let region = file.inventory.region { market.region = region }
    self.market = market
    // By vendor.
    var whole: [String: [NodeGroup]] = [:]
    var problems: [JobProblem] = []
    for (index, entry) in file.inventory.groups.enumerated() {
      let instance: InstanceType
      do {
        instance = try catalog.instance(named: entry.instance)
      } catch {
        problems.append(file.problem(group: index, "instance", "\(error)"))
        continue
      }
      if let rejection = Self.rejection(of: instance, isAskedFor: true) {
        rejections.append(Rejection(rejection.code, entry.label, rejection.message))
        continue
      }
      let kind = Price.Kind(entry.purchase)
      let known = entry.hourly.map { ($0, "the inventory") } ?? market.price(instance, kind)
      guard let price = known else {
        problems.append(
          file.problem(
            group: index, "purchase", "\(unpriced(instance.name, kind).message), or add 'hourly' to the group"))
        continue
      }
      var group = group(instance, nodes: entry.nodes, kind, price)
      group.zone = entry.zone
      group.interruptionsPerHour = entry.interruptionsPerHour
      whole[instance.accelerator.vendor.value, default: []].append(group)
      let counts = Self.counts(of: entry.nodes, asked: nodeCounts)
      if counts.isEmpty {
        rejections.append(
          Rejection(.noLegalLayout, entry.label, "the inventory has \(entry.nodes) of it; ask for as many or fewer"))
      }
      for nodes in counts {
        group.nodes = nodes
        groups.append(group)
      }
    }
    guard problems.isEmpty else { throw InvalidJob(problems) }
    mixes = whole.sorted { $0.key < $1.key }.flatMap { Self.mixes($0.value) }
    if whole.count > 1 {
      rejections.append(
        Rejection(
          .noLegalLayout, whole.keys.sorted().joined(separator: " + "),
          "their collective libraries do not reach each other's accelerators; each is planned without the other"))
    }
  }

  package static let powersOfTwo = (0...9).map { 1 << $0 }

  private static func counts(of nodes: Int, asked: [Int]?) -> [Int] {
    if let asked { return asked.filter { $0 <= nodes } }
    return powersOfTwo.filter { $0 < nodes } + [nodes]
  }

  /// Every lot of two and more groups, where they are few; else pairs and all.
  private static func mixes(_ groups: [NodeGroup]) -> [[NodeGroup]] {
    guard groups.count > 1 else { return [] }
    if groups.count <= 4 {
      return (1..<(1 << groups.count)).filter { $0.nonzeroBitCount > 1 }.map { set in
        groups.indices.filter { set & (1 << $0) != 0 }.map { groups[$0] }
      }
    }
    let pairs = groups.indices.flatMap { a in groups.indices.filter { $0 > a }.map { [groups[a], groups[$0]] } }
    return Array(pairs.prefix(28)) + [groups]
  }

  /// The nodes of `group` in each of the ways that a price is known of, as they are among them.
  package func offers(_ group: NodeGroup) -> [NodeGroup] {
    guard let instance = try? catalog.instance(named: group.instance) else { return [group] }
    return [group]
      + Price.Kind.allCases.filter { $0 != group.purchase }.compactMap { kind in
        market.price(instance, kind).map { price in
          var offer = self.group(instance, nodes: group.nodes, kind, price)
          offer.zone = group.zone
          return offer
        }
      }
  }

  private func group(
    _ instance: InstanceType, nodes: Int, _ kind: Price.Kind, _ price: (hourly: Money, source: String)
  ) -> NodeGroup {
    var group = NodeGroup(
      instance: instance.name, nodes: nodes, acceleratorsPerNode: instance.acceleratorCount.value,
      memory: instance.accelerator.usableMemory, purchase: kind, hourly: price.hourly)
    group.priceSource = price.source
    group.accelerator = instance.accelerator.key
    group.storage = instance.host.ebsBaseline?.value
    return group
  }

  private func unpriced(_ name: String, _ kind: Price.Kind) -> Rejection {
    let other = kind == .spot ? ", or give --spot-discount" : ""
    return Rejection(
      .noPrice, name,
      "no \(kind.rawValue) price in \(market.region) is known; import a price list (apus catalog import)\(other)")
  }

  private static func rejection(of instance: InstanceType, isAskedFor: Bool) -> Rejection? {
    if !instance.canTrain.value {
      let why = instance.canTrain.note.map { ": \($0)" } ?? ""
      return Rejection(.cannotTrain, instance.name, "its \(instance.accelerator.name.value) cannot train\(why)")
    }
    if !instance.isCurrent, !isAskedFor {
      return Rejection(.retired, instance.name, "is \(instance.status.value.rawValue); name it to plan on it anyway")
    }
    return nil
  }
}

extension Price.Kind {
  init(_ purchase: Inventory.Group.Purchase) {
    switch purchase {
    case .onDemand: self = .onDemand
    case .spot: self = .spot
    case .reserved1Year: self = .reserved1Year
    case .reserved3Years: self = .reserved3Years
    case .reserved: self = .reserved
    }
  }
}

extension Inventory.Group {
  fileprivate var label: String { name == instance ? "\(instance) ×\(nodes)" : "\(name) (\(instance) ×\(nodes))" }
}
