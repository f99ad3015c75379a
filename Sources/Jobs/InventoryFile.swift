import Units

/// An inventory with the file it was read from, so that what goes wrong later still finds its line.
package struct InventoryFile: Hashable, Sendable {
  package let inventory: Inventory
  private let located: LocatedText

  /// Reads and checks the file at `path`.
  ///
  /// - Throws: `InvalidJob` with all problems of the file.
  package init(path: String) throws(InvalidJob) {
    let text = try SourceText.read(
      path: path, kind: "an inventory", example: "cluster/inventories/two-generations.yaml")
    try self.init(yaml: text, file: path)
  }

  /// Reads and checks the text of an inventory.
  ///
  /// - Parameter file: its path, for error texts.
  /// - Throws: `InvalidJob` with all problems of the text.
  package init(yaml: String, file: String) throws(InvalidJob) {
    let source = SourceText(file: file, text: yaml)
    let root = try YAMLNode.parse(source)
    let findings = Findings(source: source)
    let inventory = InventoryReader(findings: findings).inventory(root)
    guard findings.problems.isEmpty, let inventory else { throw InvalidJob(findings.sortedProblems) }
    self.inventory = inventory
    located = LocatedText(source: source, places: findings.places)
  }

  /// A problem with a key of group `group`, counted from 0, such as an instance type that the catalog does not know.
  ///
  /// One that the file leaves out is reported at its group.
  package func problem(group: Int, _ key: String, _ message: String) -> JobProblem {
    located.problem(at: "groups.\(group).\(key)", message)
  }
}

/// Reads an inventory from YAML.
struct InventoryReader {
  let findings: Findings

  func inventory(_ root: YAMLNode) -> Inventory? {
    guard case .mapping(let pairs) = root.content else {
      findings.report(root.place, "an inventory is a mapping, not \(root.description); start it with 'apus: 1'")
      return nil
    }
    let start = SourcePlace(line: 1, column: 1)
    var reader = MappingReader(pairs, path: "", label: "the inventory", place: start, findings: findings)
    guard let version = reader.hasVersion(of: InventoryFormat.self) else { return nil }
    let name = readName("name", &reader, .required(example: "two-generations"))
    let region = optionalText("region", &reader)
    let groups = readGroups(&reader)
    reader.finish()
    guard version, let name, let region, let groups else { return nil }
    return Inventory(name: name, region: region, groups: groups)
  }

  private func readName(_ key: String, _ reader: inout MappingReader, _ presence: Presence<String>) -> String? {
    let expected = "up to \(Limits.nameLength) letters, digits, '-', '_' and '.'"
    return reader.value(key, presence, expected: expected) { node in
      guard let text = node.text, !text.isEmpty, text.count <= Limits.nameLength else { return nil }
      return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) } ? text : nil
    }
  }

  /// - Returns: nil if it was reported; nil within if the key is absent.
  private func optionalText(_ key: String, _ reader: inout MappingReader) -> String?? {
    guard reader.has(key) else { return .some(nil) }
    return reader.text(key, .required(example: "us-east-1")).map { $0 }
  }

  private func readGroups(_ reader: inout MappingReader) -> [Inventory.Group]? {
    guard let entry = reader.entry("groups") else {
      reader.miss("groups", example: "groups: [{instance: p4d.24xlarge, nodes: 4}]")
      return nil
    }
    guard case .sequence(let items) = entry.value.content, !items.isEmpty else {
      reader.report(
        entry.value.isNull ? entry.keyPlace : entry.value.place,
        "'groups' in the inventory must be a list of nodes, not \(entry.value.description); for example "
          + "'- {instance: p4d.24xlarge, nodes: 4}'")
      return nil
    }
    guard items.count <= Limits.groups else {
      reader.report(entry.keyPlace, "\(items.count) groups are more than \(Limits.groups); put equal nodes into one")
      return nil
    }
    var groups: [Inventory.Group] = []
    var lines: [String: Int] = [:]
    for (index, item) in items.enumerated() {
      guard let group = group(item, index) else { continue }
      if let line = lines[group.name] {
        findings.report(
          item.place,
          "a second group '\(group.name)', the first is in line \(line); give one of them a 'name' of its own")
      }
      lines[group.name] = lines[group.name] ?? item.place.line
      groups.append(group)
    }
    return groups.count == items.count ? groups : nil
  }

  private func group(_ item: YAMLNode, _ index: Int) -> Inventory.Group? {
    let label = "group \(index + 1)"
    guard case .mapping(let pairs) = item.content else {
      findings.report(
        item.place,
        "\(label) must be a mapping, not \(item.description); for example '- {instance: p4d.24xlarge, nodes: 4}'")
      return nil
    }
    findings.note("groups.\(index)", at: item.place)
    var reader = MappingReader(
      pairs, path: "groups.\(index)", label: label, place: item.place, findings: findings)
    let instance = readName("instance", &reader, .required(example: "p4d.24xlarge"))
    let name = reader.has("name") ? readName("name", &reader, .required(example: "a100")) : instance
    let nodes = reader.integer("nodes", in: 1...Limits.nodes, .required(example: "4"))
    let purchase = reader.choice("purchase", .otherwise(Inventory.Group.Purchase.onDemand))
    let hourly = optionalNumber("hourly", "dollars an hour, a number from 0 to 100000", 0...1e5, "21.95", &reader)
    let zone = optionalText("zone", &reader)
    let interruptions = optionalNumber(
      "interruptions_per_hour", "a number from 0 to 60", 0...60, "0.05", &reader)
    reader.finish()
    guard let instance, let name, let nodes, let purchase, let hourly, let zone, let interruptions else { return nil }
    return Inventory.Group(
      name: name, instance: instance, nodes: nodes, purchase: purchase, hourly: hourly.map { Money(dollars: $0) },
      zone: zone, interruptionsPerHour: interruptions)
  }

  /// - Returns: nil if it was reported; nil within if the key is absent.
  private func optionalNumber(
    _ key: String, _ expected: String, _ range: ClosedRange<Double>, _ example: String, _ reader: inout MappingReader
  ) -> Double?? {
    guard reader.has(key) else { return .some(nil) }
    let number: Double? = reader.value(key, .required(example: example), expected: expected) { node in
      node.number.flatMap { range.contains($0) ? $0 : nil }
    }
    return number.map { $0 }
  }
}
