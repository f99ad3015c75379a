import Units

/// Accelerators, the instance types that carry them, and their prices: validated, each value with source and date.
package struct Catalog: Sendable {
  /// By key.
  package let accelerators: [String: Accelerator]
  /// By name.
  package let instances: [String: InstanceType]
  /// By key.
  let sources: [String: FactSource]

  /// The instance type of this name.
  ///
  /// - Throws: `CatalogError` with code `.unknownName` and the name that may have been meant.
  package func instance(named name: String) throws(CatalogError) -> InstanceType {
    guard let instance = instances[name] else {
      throw .unknown("instance type", name, among: sortedInstances.map(\.name), list: "apus catalog list")
    }
    return instance
  }

  /// The accelerator of this key.
  ///
  /// - Throws: `CatalogError` with code `.unknownName` and the key that may have been meant.
  package func accelerator(_ key: String) throws(CatalogError) -> Accelerator {
    guard let accelerator = accelerators[key] else {
      throw .unknown("accelerator", key, among: accelerators.keys.sorted(), list: "apus catalog list --accelerators")
    }
    return accelerator
  }

  /// By family, then from the smallest to the largest.
  package var sortedInstances: [InstanceType] {
    instances.values.sorted {
      ($0.family, $0.acceleratorCount.value, $0.host.vCPUs.value, $0.host.memory.value, $0.name)
        < ($1.family, $1.acceleratorCount.value, $1.host.vCPUs.value, $1.host.memory.value, $1.name)
    }
  }

  /// The accelerator that the EC2 API means: its names are ambiguous without the memory of one device, in MiB.
  package func accelerator(apiName: String, memoryMiB: Int) -> Accelerator? {
    accelerators.values.first { accelerator in
      guard let name = accelerator.apiName?.value, let reported = accelerator.reportedMemory?.value else {
        return false
      }
      return name.lowercased() == apiName.lowercased() && reported.count == Int64(memoryMiB) << 20
    }
  }
}

extension CatalogError {
  static func unknown(_ what: String, _ name: String, among candidates: [String], list: String) -> CatalogError {
    let near = candidates.filter { editDistance($0, name) <= max(1, name.count / 5) }
      .min { editDistance($0, name) < editDistance($1, name) }
    let family = candidates.filter { $0.hasPrefix(name.prefix { $0 != "." } + ".") }
    let remedy =
      if let near { "did you mean '\(near)'?" } else if !family.isEmpty {
        "this family has \(family.joined(separator: ", "))"
      } else { "`\(list)` names all" }
    return CatalogError(.unknownName, "the catalog has no \(what) '\(name)'", remedy: remedy)
  }

  /// Insertions, deletions and substitutions that make `a` of `b`, whatever their case (Levenshtein 1966).
  private static func editDistance(_ a: String, _ b: String) -> Int {
    let b = Array(b.lowercased())
    var last = Array(0...b.count)
    for (i, character) in a.lowercased().enumerated() {
      var row = [i + 1]
      for j in b.indices { row.append(min(row[j] + 1, last[j + 1] + 1, last[j] + (character == b[j] ? 0 : 1))) }
      last = row
    }
    return last[b.count]
  }
}
