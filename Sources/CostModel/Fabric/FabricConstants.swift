import CCostModel
package import Catalog

/// One number of a fabric.
package struct FabricConstant: Hashable, Sendable, Comparable {
  package enum Name: String, CaseIterable, Codable, Hashable, Sendable {
    case launch, step, bandwidth, localBandwidth = "local_bandwidth", rootCost = "root_cost"
    case smallLaunch = "small_launch", smallStep = "small_step", smallBandwidth = "small_bandwidth", floor
    case switchBandwidth = "switch_bandwidth", switchChunk = "switch_chunk", latency, smallLatency = "small_latency",
      rootFactor = "root_factor"

    /// The unit that the file has, and what it is in seconds and bytes.
    var unit: (name: String, size: Double) {
      switch self {
      case .launch, .step, .smallLaunch, .smallStep, .floor, .latency, .smallLatency: ("us", 1e-6)
      case .bandwidth, .localBandwidth, .smallBandwidth, .switchBandwidth: ("GB/s", 1e9)
      case .rootCost: ("us/sqrt(MiB)", 1e-6 / 1024)
      case .switchChunk: ("MiB", 0x1p20)
      case .rootFactor: ("1", 1)
      }
    }
  }

  package let name: Name
  /// Nil if it holds for any number of ranks.
  package let ranks: Int?

  package init(_ name: Name, ranks: Int? = nil) {
    self.name = name
    self.ranks = ranks
  }

  package static func < (left: Self, right: Self) -> Bool {
    (left.name.rawValue, left.ranks ?? 0) < (right.name.rawValue, right.ranks ?? 0)
  }
}

/// The constants of one fabric with where they come from. Values are in seconds, bytes and bytes a second.
package struct FabricEntry: Hashable, Sendable {
  package let key: String
  package var values: [FabricConstant: Double]
  /// Constants that no measurement fixes: taken from a fabric named in the source, or from a rating.
  package var assumed: Set<FabricConstant>
  /// Standard deviation of ln(measured / modelled), and of how many points.
  package var residual: Double
  /// Scored points that fixed the values; 0 if none is fit to.
  package var points: Int
  package var source: String
  package var asOf: String

  package init(
    key: String, values: [FabricConstant: Double], assumed: Set<FabricConstant> = [], residual: Double = 0.3,
    points: Int = 0, source: String, asOf: String
  ) {
    self.key = key
    self.values = values
    self.assumed = assumed
    self.residual = residual
    self.points = points
    self.source = source
    self.asOf = asOf
  }

  package subscript(_ name: FabricConstant.Name) -> Double? { values[FabricConstant(name)] }

  /// Whether points fix the bandwidth, which is what a plan of any size hangs on.
  package var isMeasured: Bool {
    points > 0
      && [.bandwidth, .switchBandwidth].contains { name in
        values[FabricConstant(name)] != nil && !assumed.contains(FabricConstant(name))
      }
  }

  /// Of the accelerators of a node.
  package func node(structure: LinkStructure? = nil) -> NodeFabric {
    var node = NodeFabric()
    node.isMeasured = isMeasured
    node.residual = residual
    node.structure = structure
    node.launch = self[.launch] ?? 0
    node.step = self[.step] ?? 0
    node.bandwidth = self[.bandwidth] ?? .infinity
    node.localPerByte = self[.localBandwidth].map { 1 / $0 } ?? 0
    node.perRoot = self[.rootCost] ?? 0
    node.switchBandwidth = self[.switchBandwidth]
    guard let bandwidth = self[.smallBandwidth] else { return node }
    var small = NodeFabric.Small()
    small.launch = self[.smallLaunch] ?? 0
    small.step = self[.smallStep] ?? 0
    small.bandwidth = bandwidth
    small.switchChunk = self[.switchChunk] ?? 0
    for (constant, value) in values where constant.name == .floor { small.floors[constant.ranks ?? 2] = value }
    node.small = small
    return node
  }

  /// Of a network between nodes.
  package var network: NetworkFabric {
    var network = NetworkFabric()
    network.isMeasured = isMeasured
    network.residual = residual
    network.latency = self[.latency] ?? 0
    network.bandwidth = self[.bandwidth] ?? 0
    network.rootFactor = self[.rootFactor] ?? 1
    network.smallLatency = self[.smallLatency] ?? .infinity
    network.smallBandwidth = self[.smallBandwidth] ?? .infinity
    return network
  }
}

/// The constants of every measured fabric: `Resources/fabrics.csv`.
package struct FabricConstants: Hashable, Sendable {
  package private(set) var entries: [FabricEntry]

  package init(_ entries: [FabricEntry]) { self.entries = entries }

  package subscript(_ key: String) -> FabricEntry? { entries.first { $0.key == key } }

  static let columns = [
    "fabric", "constant", "ranks", "value", "unit", "kind", "residual", "points", "source", "as_of",
  ]

  /// Reads a table of constants.
  ///
  /// - Throws: `CatalogError` with the place of a column, a constant, a unit or a number that is not one.
  package init(_ bytes: consuming ByteReader) throws(CatalogError) {
    var table = try CSVTable(CSVReader(bytes), required: Self.columns, optional: [])
    var entries: [FabricEntry] = []
    while let row = try table.next() {
      let key = row["fabric"].text
      guard let name = FabricConstant.Name(rawValue: row["constant"].text) else {
        throw CatalogError(
          .invalidValue, at: row["constant"].place, "'\(row["constant"].text)' is no constant of a fabric",
          remedy: "use one of " + FabricConstant.Name.allCases.map(\.rawValue).joined(separator: ", "))
      }
      guard let value = Double(row["value"].text), value.isFinite, value >= 0 else {
        throw CatalogError(
          .invalidValue, at: row["value"].place, "'\(row["value"].text)' is no number that is 0 or more",
          remedy: "write a decimal number in \(name.unit.name)")
      }
      guard row["unit"].text == name.unit.name else {
        throw CatalogError(
          .invalidValue, at: row["unit"].place, "\(name.rawValue) in '\(row["unit"].text)'",
          remedy: "give it in \(name.unit.name)")
      }
      let constant = FabricConstant(name, ranks: Int(row["ranks"].text))
      let index = entries.firstIndex { $0.key == key } ?? entries.count
      if index == entries.count {
        entries.append(
          FabricEntry(
            key: key, values: [:], residual: Double(row["residual"].text) ?? 0.3, points: Int(row["points"].text) ?? 0,
            source: row["source"].text, asOf: row["as_of"].text))
      }
      guard entries[index].values.updateValue(value * name.unit.size, forKey: constant) == nil else {
        throw CatalogError(
          .duplicate, at: row["constant"].place, "\(name.rawValue) of \(key) twice", remedy: "keep one of the rows")
      }
      if row["kind"].text == "assumed" { entries[index].assumed.insert(constant) }
    }
    self.entries = entries
  }

  /// The table that `init` reads, six digits a value.
  package var csv: String {
    var text = Self.columns.joined(separator: ",") + "\n"
    for entry in entries {
      for constant in entry.values.keys.sorted() {
        let unit = constant.name.unit
        let fields = [
          entry.key, constant.name.rawValue, constant.ranks.map(String.init) ?? "",
          significant((entry.values[constant] ?? 0) / unit.size), unit.name,
          entry.assumed.contains(constant) ? "assumed" : "fitted", significant(entry.residual), "\(entry.points)",
          "\"\(entry.source)\"", entry.asOf,
        ]
        text += fields.joined(separator: ",") + "\n"
      }
    }
    return text
  }

  /// Four significant digits: more than the measurements have.
  private func significant(_ value: Double) -> String {
    guard value > 0 else { return "0" }
    var scale = 1.0
    while value * scale < 1000 { scale *= 10 }
    return "\((value * scale).rounded() / scale)"
  }
}

extension FabricConstants {
  /// Of a folder of constants.
  package static let file = "fabrics.csv"

  /// What the command carries in itself.
  ///
  /// - Throws: `CatalogError`, if the shipped file does not fit this version.
  package static func shipped() throws(CatalogError) -> FabricConstants {
    try FabricConstants(unsafe Shipped.reader(file, unsafe ccostmodel_fabrics))
  }
}
