package import Catalog
import Units

/// The groups of the catalog that a job could run on, and why the other instance types are none.
package struct CatalogGroups: Sendable {
  package private(set) var groups: [NodeGroup] = []
  package private(set) var rejections: [Rejection] = []

  /// - Parameters:
  ///   - names: instance types to consider; nil for all current ones.
  ///   - nodeCounts: nodes of each group.
  /// - Throws: `CatalogError` if a name is not in the catalog.
  package init(
    _ catalog: Catalog, names: [String]? = nil, nodeCounts: [Int] = CatalogGroups.powersOfTwo,
    purchase: Price.Kind = .onDemand, region: String = Price.defaultRegion
  ) throws {
    let instances = try names.map { try $0.map { try catalog.instance(named: $0) } } ?? catalog.sortedInstances
    for instance in instances {
      if let rejection = Self.rejection(of: instance, isAskedFor: names != nil, purchase, region) {
        rejections.append(rejection)
        continue
      }
      guard let price = instance.price(purchase, region: region) else { continue }
      for nodes in nodeCounts {
        groups.append(
          NodeGroup(
            instance: instance.name, nodes: nodes, acceleratorsPerNode: instance.acceleratorCount.value,
            memory: instance.accelerator.usableMemory, purchase: purchase, hourly: price.hourly))
      }
    }
  }

  package static let powersOfTwo = (0...9).map { 1 << $0 }

  private static func rejection(
    of instance: InstanceType, isAskedFor: Bool, _ purchase: Price.Kind, _ region: String
  ) -> Rejection? {
    if !instance.canTrain.value {
      let why = instance.canTrain.note.map { ": \($0)" } ?? ""
      return Rejection(.cannotTrain, instance.name, "its \(instance.accelerator.name.value) does not train\(why)")
    }
    if !instance.isCurrent, !isAskedFor {
      return Rejection(.retired, instance.name, "is \(instance.status.value.rawValue); name it to plan on it anyway")
    }
    if instance.price(purchase, region: region) == nil {
      return Rejection(
        .noPrice, instance.name, "no \(purchase.rawValue) price in \(region) is known; import a price list")
    }
    return nil
  }
}
