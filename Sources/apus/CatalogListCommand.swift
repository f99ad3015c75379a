import ArgumentParser
import Catalog
import Units

struct CatalogListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List instance types, or accelerators.",
    discussion: """
      Peaks are dense (no sparsity) and of one accelerator, network is the baseline that may be counted on, prices are \
      on demand. "–" is a value that no source gives.

      Examples:
        apus catalog list --current --sort price
        apus catalog list --accelerator a100
        apus catalog list --accelerators
      """)

  enum Order: String, ExpressibleByArgument, CaseIterable { case name, price, peak, memory, network }

  @Option(help: "Only this family, such as p4d; may be given several times.")
  var family: [String] = []

  @Option(help: "Only types whose accelerator has this in its name.")
  var accelerator: String?

  @Flag(help: "Only types that can be launched today.")
  var current = false

  @Flag(help: "Only types whose accelerators can train.")
  var trains = false

  @Option(help: "Order of the rows: \(Order.allCases.map(\.rawValue).joined(separator: ", ")).")
  var sort = Order.name

  @Option(help: "Region of the prices.")
  var region = Price.defaultRegion

  @Flag(help: "List accelerators, also those that AWS does not have.")
  var accelerators = false

  @OptionGroup var options: CatalogOptions

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let catalog = try options.load()
    accelerators ? try listAccelerators(catalog) : try listInstances(catalog)
  }

  private func listInstances(_ catalog: Catalog) throws {
    let known = Set(catalog.instances.values.map(\.family))
    if let unknown = family.first(where: { !known.contains($0) }) {
      throw CatalogError(
        .unknownName, "the catalog has no family '\(unknown)'",
        remedy: "it has \(known.sorted().joined(separator: ", "))")
    }
    let types = catalog.sortedInstances.filter { type in
      (family.isEmpty || family.contains(type.family)) && (!current || type.isCurrent)
        && (!trains || type.canTrain.value) && matches(type.accelerator)
    }
    let rows = sorted(types.map { InstanceRow($0, region: region) })
    if json { return Console.print(try JSONOutput.text(rows)) }
    var table = TextTable([
      ("instance", .left), ("accelerators", .left), ("memory each", .right), ("peak each", .right), ("link", .left),
      ("network", .right), ("EFA", .right), ("vCPUs", .right), ("memory", .right), ("an hour", .right),
      ("status", .left),
    ])
    for row in rows { table.append(row.cells) }
    Console.print(table.text)
    let unpriced = rows.count { $0.onDemand == nil }
    let note = unpriced == 0 ? "" : "; no on-demand price is known of \(unpriced)"
    Console.print("\n\(rows.count) of \(catalog.instances.count) instance types, prices of \(region)\(note)")
  }

  private func matches(_ candidate: Accelerator) -> Bool {
    guard let accelerator else { return true }
    return candidate.key.localizedLowercaseContains(accelerator)
      || candidate.name.value.localizedLowercaseContains(accelerator)
  }

  /// Largest first, but cheapest first by price; values that are missing come last.
  private func sorted(_ rows: [InstanceRow]) -> [InstanceRow] {
    func key(_ row: InstanceRow) -> Double? {
      switch sort {
      case .name: nil
      case .price: row.onDemand?.dollars
      case .peak: row.peak.map { -$0.rate.count * Double(row.acceleratorCount) }
      case .memory: -Double(row.acceleratorMemory.count) * Double(row.acceleratorCount)
      case .network: row.network.map { -$0.count }
      }
    }
    guard sort != .name else { return rows }
    return rows.enumerated().sorted { a, b in
      (key(a.element) ?? .infinity, a.offset) < (key(b.element) ?? .infinity, b.offset)
    }.map(\.element)
  }

  private func listAccelerators(_ catalog: Catalog) throws {
    let rows = catalog.accelerators.values.filter(matches).sorted {
      ($0.isOnAWS.value ? 0 : 1, $0.vendor.value, $0.key) < ($1.isOnAWS.value ? 0 : 1, $1.vendor.value, $1.key)
    }.map(AcceleratorRow.init)
    if json { return Console.print(try JSONOutput.text(rows)) }
    var table = TextTable([
      ("accelerator", .left), ("name", .left), ("counts", .left), ("memory", .right), ("bandwidth", .right),
      ("fp32", .right), ("fp16", .right), ("bf16", .right), ("fp8", .right), ("trains", .left), ("AWS", .left),
    ])
    for row in rows { table.append(row.cells) }
    Console.print(table.text)
    Console.print("\n\(rows.count) of \(catalog.accelerators.count) accelerators; dense peaks in TFLOP/s")
  }
}

extension String {
  fileprivate func localizedLowercaseContains(_ part: String) -> Bool { lowercased().contains(part.lowercased()) }
}

private struct InstanceRow: Encodable {
  let instance: String
  let accelerator: String
  let acceleratorName: String
  let acceleratorCount: Int
  let acceleratorMemory: Bytes
  let peak: TrainingPeak?
  let link: NodeLink.Topology?
  let linkPerDirection: Bandwidth?
  let network: Bandwidth?
  let efaInterfaces: Int?
  let vCPUs: Int
  let memory: Bytes
  let onDemand: Money?
  let status: InstanceType.Status
  let canTrain: Bool

  init(_ type: InstanceType, region: String) {
    instance = type.name
    accelerator = type.accelerator.key
    acceleratorName = type.accelerator.name.value
    acceleratorCount = type.acceleratorCount.value
    acceleratorMemory = type.accelerator.memory.value
    peak = TrainingPeak(type.accelerator)
    link = type.link.topology?.value
    linkPerDirection = type.link.perDirection?.value
    network = type.network.baseline?.value
    efaInterfaces = type.network.efaInterfaces?.value
    vCPUs = type.host.vCPUs.value
    memory = type.host.memory.value
    onDemand = type.price(.onDemand, region: region)?.hourly
    status = type.status.value
    canTrain = type.canTrain.value
  }

  var cells: [String] {
    let efa = efaInterfaces.map { $0 == 0 ? "no" : String($0) } ?? "–"
    return [
      instance, "\(acceleratorCount) × \(accelerator)", "\(acceleratorMemory)", peak?.text ?? "–",
      link?.rawValue ?? "–", network?.gigabits ?? "–", efa, String(vCPUs), "\(memory)", onDemand?.exact ?? "–",
      status.rawValue + (canTrain ? "" : ", cannot train"),
    ]
  }
}

private struct AcceleratorRow: Encodable {
  let accelerator: String
  let name: String
  let countsAs: String
  let memory: Bytes
  let memoryBandwidth: Bandwidth?
  let peaks: [String: FLOPRate]
  let canTrain: Bool
  let aws: Bool
  let assumedLike: String?

  init(_ accelerator: Accelerator) {
    self.accelerator = accelerator.key
    name = accelerator.name.value
    countsAs = accelerator.countsAs.value
    memory = accelerator.memory.value
    memoryBandwidth = accelerator.memoryBandwidth?.value
    peaks = Dictionary(uniqueKeysWithValues: accelerator.peaks.map { ($0.key.rawValue, $0.value.value) })
    canTrain = accelerator.canTrain.value
    aws = accelerator.isOnAWS.value
    assumedLike = accelerator.assumedLike?.value
  }

  var cells: [String] {
    let rates = ["fp32", "fp16", "bf16", "fp8"].map { format in
      peaks[format].map { fixedPoint($0.teraFLOPsPerSecond, decimals: 1) } ?? "–"
    }
    return [accelerator, name, countsAs, "\(memory)", memoryBandwidth.map { "\($0)" } ?? "–"] + rates
      + [canTrain ? "yes" : "no", aws ? "yes" : "no"]
  }
}
