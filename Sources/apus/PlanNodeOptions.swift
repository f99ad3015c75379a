import ArgumentParser
import Catalog
import CostModel
import Jobs
import Planner
import Units

/// Which nodes a plan considers, how they are bought, and what stops them.
struct NodeOptions: ParsableArguments {
  @Option(help: "Instance types, by comma; default: all of the catalog that train and can be launched.")
  var instances: String?

  @Option(help: ArgumentHelp("An inventory: the nodes that there are (cluster/inventories).", valueName: "file"))
  var cluster: String?

  @Option(help: "Numbers of nodes, by comma; default: 1, 2, 4 … 512, or as many as the inventory has.")
  var nodes: String?

  @Option(
    help: ArgumentHelp(
      """
      How instances are bought, by comma: \(Price.Kind.allCases.map(\.rawValue).joined(separator: ", ")); default: \
      on-demand.
      """, valueName: "kinds"))
  var purchase: String?

  @Option(help: "Region of the prices; default: \(Price.defaultRegion).")
  var region: String?

  @Option(
    help: ArgumentHelp(
      "What spot nodes are cheaper than on demand, in per cent, where no spot price is known.", valueName: "percent"))
  var spotDiscount: Double?

  @Option(
    help: ArgumentHelp(
      "How often a spot node is taken back in an hour; default: \(Disturbance.publishedSpotRate).", valueName: "times"))
  var interruptionsPerHour: Double?

  @Option(help: ArgumentHelp("From a stop to the next step; default: 5.", valueName: "minutes"))
  var restartMinutes: Double?

  private var nodeCounts: [Int]? {
    guard let nodes else { return nil }
    let parts = nodes.split(separator: ",", omittingEmptySubsequences: false)
    let counts = parts.compactMap { Int($0.filter { $0 != " " }) }.filter { $0 >= 1 && $0 <= 1 << 16 }
    return counts.count == parts.count && !counts.isEmpty ? counts : nil
  }

  private var kinds: [Price.Kind]? {
    guard let purchase else { return [.onDemand] }
    let parts = purchase.split(separator: ",", omittingEmptySubsequences: false).map { $0.filter { $0 != " " } }
    let kinds = parts.compactMap { Price.Kind(rawValue: $0) }
    return kinds.count == parts.count && Set(kinds).count == kinds.count ? kinds : nil
  }

  func check() throws {
    if nodes != nil, nodeCounts == nil {
      throw ValidationError("--nodes '\(nodes ?? "")': write whole numbers from 1, by comma, such as 1,2,4")
    }
    if kinds == nil {
      let all = Price.Kind.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--purchase '\(purchase ?? "")': write some of \(all), by comma")
    }
    if cluster != nil {
      let others = [("instances", instances != nil), ("purchase", purchase != nil)].filter(\.1).map(\.0)
      if let other = others.first {
        throw ValidationError("--cluster and --\(other) exclude each other: the inventory says it; give one of them")
      }
    }
    if let spotDiscount, !(spotDiscount >= 0 && spotDiscount < 100) {
      throw ValidationError("--spot-discount \(spotDiscount): give per cent from 0 to below 100")
    }
    if let interruptionsPerHour, !(interruptionsPerHour >= 0 && interruptionsPerHour <= 60) {
      throw ValidationError("--interruptions-per-hour \(interruptionsPerHour): give a number from 0 to 60")
    }
    if let restartMinutes, !(restartMinutes >= 0 && restartMinutes <= 1440) {
      throw ValidationError("--restart-minutes \(restartMinutes): give minutes from 0 to 1440")
    }
  }

  private var market: Market {
    Market(
      purchases: kinds ?? [.onDemand], region: region ?? Price.defaultRegion,
      spotShare: spotDiscount.map { 1 - $0 / 100 })
  }

  /// - Throws: `CatalogError` for an unknown instance type, `InvalidJob` for an inventory that is refused.
  func candidates(_ catalog: Catalog) throws -> CatalogGroups {
    if let cluster {
      return try CatalogGroups(catalog, InventoryFile(path: cluster), nodeCounts: nodeCounts, market: market)
    }
    let names = instances.map { $0.split(separator: ",").map { String($0.filter { $0 != " " }) } }
    return try CatalogGroups(
      catalog, names: names, nodeCounts: nodeCounts ?? CatalogGroups.powersOfTwo, market: market)
  }

  /// The whole catalog, where less was asked for.
  func elsewhere(_ catalog: Catalog) throws -> [NodeGroup] {
    guard instances != nil || cluster != nil || nodes != nil else { return [] }
    return try CatalogGroups(catalog, market: market).groups
  }

  func disturbance(checkpoint: Bytes) -> Disturbance {
    Disturbance(
      spotInterruptionsPerHour: interruptionsPerHour ?? Disturbance.publishedSpotRate,
      restart: Seconds(minutes: restartMinutes ?? 5), checkpoint: checkpoint)
  }
}
