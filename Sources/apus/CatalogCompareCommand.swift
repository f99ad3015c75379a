import ArgumentParser
import Catalog
import Units

struct CatalogCompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compare instance types side by side: what they have, and what a dollar buys.",
    discussion: """
      Peaks are dense. Per dollar: what an instance has, divided by its on-demand price an hour. "–" is a value that no \
      source gives.

      Example:
        apus catalog compare p4d.24xlarge trn1.32xlarge
      """)

  @Argument(help: "Instance types, two or more.")
  var types: [String]

  @Option(help: "Region of the prices.")
  var region = Price.defaultRegion

  @OptionGroup var options: CatalogOptions

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    guard types.count > 1 else { throw ValidationError("name two instance types or more, to compare them") }
  }

  func run() throws {
    let catalog = try options.load()
    let figures = try types.map { Figures(try catalog.instance(named: $0), region: region) }
    if json { return Console.print(try JSONOutput.text(figures)) }
    var table = TextTable([("", .left)] + figures.map { ($0.instance, .right) })
    for row in Figures.rows {
      if row.startsGroup { table.rule() }
      table.append([row.title] + figures.map { row.text($0) ?? "–" })
    }
    Console.print(table.text)
    let notes = figures.flatMap(\.notes)
    if !notes.isEmpty { Console.print("\n" + notes.joined(separator: "\n")) }
  }
}

/// What one instance type has, costs and gives for a dollar. Nil is a value that no source gives.
private struct Figures: Encodable {
  let instance: String
  let status: InstanceType.Status
  let accelerators: String
  let canTrain: Bool
  let peakEach: TrainingPeak?
  let peak: FLOPRate?
  let memoryEach: Bytes
  let memory: Bytes
  let memoryBandwidthEach: Bandwidth?
  let link: NodeLink.Topology?
  let linkPerDirection: Bandwidth?
  let network: Bandwidth?
  let networkPerAccelerator: Bandwidth?
  let vCPUs: Int
  let hostMemory: Bytes
  let onDemand: Money?
  let onDemandAsOf: FactDate?
  let spot: Money?
  let reserved1Year: Money?
  let perAcceleratorHour: Money?
  /// Of the rate an instance has, for a dollar an hour.
  let peakPerDollar: FLOPRate?
  let memoryPerDollar: Bytes?
  let memoryBandwidthPerDollar: Bandwidth?
  let networkPerDollar: Bandwidth?
  let notes: [String]

  init(_ type: InstanceType, region: String) {
    let chip = type.accelerator
    let count = type.acceleratorCount.value
    let price = type.price(.onDemand, region: region)
    let dollars = price?.hourly.dollars
    instance = type.name
    status = type.status.value
    accelerators = "\(count) × \(chip.key)"
    canTrain = chip.canTrain.value
    peakEach = TrainingPeak(chip)
    peak = peakEach.map { $0.rate * Double(count) }
    memoryEach = chip.memory.value
    memory = chip.memory.value * count
    memoryBandwidthEach = chip.memoryBandwidth?.value
    link = type.link.topology?.value
    linkPerDirection = type.link.planned?.bandwidth
    network = type.network.baseline?.value
    networkPerAccelerator = network.map { $0 / Double(count) }
    vCPUs = type.host.vCPUs.value
    hostMemory = type.host.memory.value
    onDemand = price?.hourly
    onDemandAsOf = price?.asOf
    spot = type.price(.spot, region: region)?.hourly
    reserved1Year = type.price(.reserved1Year, region: region)?.hourly
    perAcceleratorHour = onDemand.map { $0 / Double(count) }
    peakPerDollar = peak.flatMap { peak in dollars.map { peak / $0 } }
    let bytes = Double(memory.count)
    memoryPerDollar = dollars.map { Bytes(count: Int64((bytes / $0).rounded())) }
    memoryBandwidthPerDollar = memoryBandwidthEach.flatMap { each in dollars.map { each * Double(count) / $0 } }
    networkPerDollar = network.flatMap { network in dollars.map { network / $0 } }
    notes = Self.notes(type, region: region)
  }

  /// What a reader should know before he trusts the figures.
  private static func notes(_ type: InstanceType, region: String) -> [String] {
    var notes: [String] = []
    let chip = type.accelerator
    if !type.isCurrent {
      notes.append("\(type.status.value.rawValue) as of \(type.status.asOf): its price is history")
    }
    if !chip.canTrain.value {
      notes.append("cannot train: \(chip.canTrain.note ?? "see apus catalog show \(chip.key)")")
    }
    if let assumption = type.link.planned?.assumption { notes.append("link: \(assumption)") }
    if let like = chip.assumedLike {
      notes.append("no peaks are published of \(chip.key); a plan assumes those of \(like.value): \(like.note ?? "")")
    }
    if type.network.bursts, let peak = type.network.peak {
      notes.append("network bursts to \(peak.value.gigabits) for minutes; the baseline is what may be counted on")
    }
    if type.price(.onDemand, region: region) == nil { notes.append("no on-demand price is known in \(region)") }
    return notes.map { "\(type.name): \($0)" }
  }

  struct Row: Sendable {
    let title: String
    var startsGroup = false
    let text: @Sendable (Figures) -> String?
  }

  static let rows: [Row] = [
    Row(title: "accelerators") { $0.accelerators },
    Row(title: "status") { $0.status.rawValue + ($0.canTrain ? "" : ", cannot train") },
    Row(title: "peak each") { $0.peakEach?.text },
    Row(title: "peak") { $0.peak?.description },
    Row(title: "accelerator memory each") { "\($0.memoryEach)" },
    Row(title: "accelerator memory") { "\($0.memory)" },
    Row(title: "memory bandwidth each") { $0.memoryBandwidthEach?.description },
    Row(title: "link") { $0.link?.rawValue },
    Row(title: "link each, per direction") { $0.linkPerDirection?.description },
    Row(title: "network") { $0.network?.gigabits },
    Row(title: "network an accelerator") { $0.networkPerAccelerator?.gigabits },
    Row(title: "vCPUs") { String($0.vCPUs) },
    Row(title: "host memory") { "\($0.hostMemory)" },
    Row(title: "on demand an hour", startsGroup: true) { $0.onDemand?.exact },
    Row(title: "as of") { $0.onDemandAsOf?.description },
    Row(title: "spot an hour") { $0.spot?.exact },
    Row(title: "reserved for a year, an hour") { $0.reserved1Year?.exact },
    Row(title: "an accelerator-hour") { $0.perAcceleratorHour?.description },
    Row(title: "peak per $/h", startsGroup: true) { $0.peakPerDollar?.description },
    Row(title: "accelerator memory per $/h") { $0.memoryPerDollar?.description },
    Row(title: "memory bandwidth per $/h") { $0.memoryBandwidthPerDollar?.description },
    Row(title: "network per $/h") { $0.networkPerDollar?.gigabits },
  ]
}
