import Catalog
import Units

/// The device and the network of a published run, from what its row says and the catalog knows.
struct RunHardware {
  let device: Device
  let attentionPeak: FLOPRate
  let isHopperOrLater: Bool
  let network: NetworkShape

  init(_ run: PublishedRun, catalog: Catalog) throws {
    let accelerator = try Self.accelerator(run, catalog)
    let arithmetic = Self.arithmetic(run, accelerator)
    // Neuron and early TPU software count cores, of which a chip has several.
    let share = Self.unitsPerChip(run)
    let published = accelerator.peak(for: arithmetic.peakFormat) ?? accelerator.peak(for: arithmetic.sibling)
    guard let peak = published ?? accelerator.peak(for: .fp32), let bandwidth = accelerator.memoryBandwidth?.value
    else {
      throw RunProblem(
        "the catalog has no peak of \(accelerator.key) in \(arithmetic.rawValue), or no memory bandwidth of it")
    }
    let vector = accelerator.peak(for: .fp32)?.count ?? peak.count / 8
    let usesMatrix = arithmetic != .fp32 && peak.count > 2.5 * vector
    device = Device(
      key: Self.family(accelerator), arithmetic: arithmetic, peak: FLOPRate(peak.count / share),
      memoryBandwidth: Bandwidth(bandwidth.count / share), memory: accelerator.memory.value,
      units: max(1, Double(accelerator.cores?.value ?? 64) / share), usesMatrixUnits: usesMatrix)
    let sixteen = accelerator.peak(for: .bf16) ?? accelerator.peak(for: .fp16)
    attentionPeak = arithmetic == .fp8 ? FLOPRate((sixteen ?? peak).count / share) : device.peak
    let architecture = accelerator.architecture?.value ?? ""
    isHopperOrLater = ["Hopper", "Blackwell"].contains { architecture.contains($0) }
    network = try Self.network(run, accelerator, catalog)
  }

  /// What shares one efficiency constant: parts of one chip, whatever their memory.
  private static func family(_ accelerator: Accelerator) -> String {
    String(accelerator.key.prefix { $0 != "-" })
  }

  // MARK: Accelerator

  static func accelerator(_ run: PublishedRun, _ catalog: Catalog) throws -> Accelerator {
    let text = run.accelerator.lowercased()
    let words = text.split { !($0.isLetter || $0.isNumber) }.map(String.init)
    guard let first = words.first else { throw RunProblem("the row names no accelerator") }
    let whole = words.joined()
    let memory = run.number("accel_mem_GB")
    let hints = text + " " + run.platform.lowercased()
    func score(_ accelerator: Accelerator) -> Double? {
      let key = accelerator.key.filter { $0 != "-" }
      let name = accelerator.name.value.lowercased().filter { $0.isLetter || $0.isNumber }
      var points = 0.0
      if accelerator.key.split(separator: "-").map(String.init).first == first { points += 4 }
      if key.hasPrefix(whole) || whole.hasPrefix(key) { points += 4 }
      if words.count > 1, key.hasPrefix(words[0] + words[1]) { points += 3 }
      if name.contains(whole) { points += 2 }
      if first.hasPrefix("trainium"), accelerator.key == (first == "trainium1" ? "trainium" : first) { points += 8 }
      guard points > 0 else { return nil }
      if let memory { points -= min(3, abs(Double(accelerator.memory.value.count) / 0x1p30 - memory) / 8) }
      for form in ["pcie", "sxm", "nvl"] {
        if accelerator.key.contains(form) { points += hints.contains(form) ? 1 : form == "pcie" ? -0.5 : 0 }
      }
      return points
    }
    let ranked = catalog.accelerators.values.compactMap { accelerator in score(accelerator).map { (accelerator, $0) } }
    guard let best = ranked.max(by: { ($0.1, $1.0.key) < ($1.1, $0.0.key) }), best.1 >= 1 else {
      throw RunProblem("the catalog has no accelerator '\(run.accelerator)'")
    }
    return best.0
  }

  private static func unitsPerChip(_ run: PublishedRun) -> Double {
    let unit = (run["accel_unit"] + " " + run.accelerator).lowercased()
    if unit.contains("neuroncore-v3") { return 8 }
    if unit.contains("neuroncore") { return 2 }
    if unit.contains("tpu"), unit.contains("core"), !unit.contains("chip") { return 2 }
    return 1
  }

  private static func arithmetic(_ run: PublishedRun, _ accelerator: Accelerator) -> Device.Arithmetic {
    let text = run["precision"].lowercased()
    let hasMatrixUnits = !(accelerator.vendor.value == "NVIDIA" || accelerator.vendor.value == "AMD")
    if text.contains("fp8") { return .fp8 }
    if text.contains("bf16") || text.contains("bfloat16") { return .bf16 }
    if text.contains("fp16") || text.contains("mixed") || text.contains("amp") || text.contains("half") { return .fp16 }
    if text.contains("tf32") { return .tf32 }
    // Trainium's compiler casts FP32 models to BF16 on its matrix units; TPUs multiply in BF16 alone.
    return hasMatrixUnits ? .bf16 : .fp32
  }

  // MARK: Network

  private static func network(
    _ run: PublishedRun, _ accelerator: Accelerator, _ catalog: Catalog
  ) throws -> NetworkShape {
    let total = try run.count("total_accels") ?? 1
    let hosts = try run.count("nodes") ?? 1
    let perHost = min(try run.count("gpus_per_node") ?? total, total)
    var shape = NetworkShape()
    shape.hosts = hosts
    shape.ranksPerHost = max(1, min(perHost, (total / hosts).rounded(.up)))
    (shape.link, shape.assumedLink) = link(run, accelerator)
    if hosts > 1 { interconnect(run, accelerator, catalog, into: &shape) }
    return shape
  }

  private static func link(_ run: PublishedRun, _ accelerator: Accelerator) -> (General?, Bandwidth?) {
    let text = (run["interconnect_intra"] + " " + run.platform).lowercased()
    let key = family(accelerator)
    if key.hasPrefix("trainium") || text.contains("neuronlink") { return (.linkNeuron, nil) }
    if text.contains("pcie"), !text.contains("nvlink") { return (.linkPCIe, nil) }
    switch key {
    case "h100", "h200", "h800", "gh200": return (.linkNVSwitch4, nil)
    case "a100", "a800": return (.linkNVSwitch3, nil)
    case "v100": return (text.contains("nvswitch") || text.contains("dgx-2") ? .linkNVSwitch2 : .linkNVLink2, nil)
    case "p100": return (text.contains("nvlink") || text.contains("dgx") ? .linkNVLink1 : .linkPCIe, nil)
    default: break
    }
    if let spec = accelerator.linkBandwidth?.value { return (nil, spec * 0.6) }
    // Modules on a board have links of their own even where the catalog does not say how fast they are.
    if accelerator.formFactor?.value == "OAM" { return (nil, Bandwidth(gigabytesPerSecond: 50)) }
    return (.linkPCIe, nil)
  }

  private static func interconnect(
    _ run: PublishedRun, _ accelerator: Accelerator, _ catalog: Catalog, into shape: inout NetworkShape
  ) {
    let lower = run["interconnect_inter"].lowercased()
    let stated = InterconnectText.gigabits(lower, ranksPerHost: shape.ranksPerHost)
    let rate = stated ?? instanceGigabits(run, catalog)
    shape.interconnect = .rdma
    if lower.contains("tc-limited") {
      shape.interconnect = .shaped
      let words = lower.split(separator: " ").map(String.init)
      if let unit = words.firstIndex(of: "ms"), unit > 0, let delay = Double(words[unit - 1]) {
        shape.delay = Seconds(milliseconds: delay)
      }
    } else if lower.contains("dapl") {
      shape.interconnect = .dapl
    } else if lower.contains("tcp") || (rate ?? 400) <= 50 && !lower.contains("ib") && !lower.contains("infiniband") {
      shape.interconnect = .tcp
    }
    // Chips of a TPU pod are linked to each other, whatever host they stand in.
    if accelerator.key.hasPrefix("tpu"), stated == nil, let link = accelerator.linkBandwidth?.value {
      shape.hostBandwidth = link * shape.ranksPerHost
      return
    }
    let fallback: Double =
      switch family(accelerator) {
      case "h100", "h200", "h800", "b200", "gb200", "gb300", "b300", "gh200", "mi300x", "mi355x": 3200
      case "a100", "a800": 1600
      case "trainium", "trainium2": 800
      default: lower.contains("ethernet") ? 25 : 400
      }
    shape.hostBandwidth = Bandwidth(gigabitsPerSecond: rate ?? fallback)
  }

  /// What the catalog plans on for the host, where the row names an instance type.
  private static func instanceGigabits(_ run: PublishedRun, _ catalog: Catalog) -> Double? {
    for word in run.platform.lowercased().split(whereSeparator: { $0 == " " || $0 == "(" || $0 == ")" || $0 == "," }) {
      guard let instance = try? catalog.instance(named: String(word)) else { continue }
      let network = instance.network
      let bandwidth = network.hasEFA ? network.efaBandwidth ?? network.baseline : network.baseline ?? network.peak
      if let bandwidth { return bandwidth.value.count * 8e-9 }
    }
    return nil
  }
}

extension Device.Arithmetic {
  fileprivate var peakFormat: Accelerator.Precision {
    switch self {
    case .fp32: .fp32
    case .tf32: .tf32
    case .fp16: .fp16
    case .bf16: .bf16
    case .fp8: .fp8
    }
  }

  /// Where the peak of the one is not published.
  fileprivate var sibling: Accelerator.Precision {
    switch self {
    case .fp16: .bf16
    case .bf16: .fp16
    case .fp8: .bf16
    case .fp32, .tf32: .fp32
    }
  }
}
