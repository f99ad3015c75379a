/// Reads what `aws ec2 describe-instance-types` prints, one instance type at a time.
struct DescribeInstanceTypes {
  let catalog: Catalog
  private(set) var batch: ImportBatch
  /// Types with accelerators that the file describes.
  private(set) var described: Set<String> = []

  init(catalog: Catalog, asOf: FactDate, name: String) {
    self.catalog = catalog
    let source = FactSource(key: "describe-\(asOf)", title: "AWS DescribeInstanceTypes, imported from \(name)")
    batch = ImportBatch(source: source, asOf: asOf)
  }

  /// - Throws: `CatalogError`: `.malformed` for what is no JSON, `.wrongColumns` for JSON of another shape,
  ///   `.invalidValue` for a value of the wrong type, `.contradiction`.
  mutating func read(_ bytes: consuming ByteReader) throws(CatalogError) {
    var tokens = JSONTokenizer(bytes)
    guard try tokens.next() == .beginObject else { throw wrongShape(tokens.place) }
    var hasTypes = false
    while case .key(let key) = try tokens.next() {
      guard key == "InstanceTypes" else {
        if key == "NextToken", case .string = try tokens.next() {
          batch.ignore("NextToken: the file is one page of several", example: "run the command without --no-paginate")
        } else if key != "NextToken" {
          try tokens.skipValue()
        }
        continue
      }
      guard try tokens.next() == .beginArray else { throw wrongShape(tokens.place) }
      hasTypes = true
      while case let token = try tokens.next(), token != .endArray {
        try read(try JSONNode(&tokens, from: token))
      }
    }
    guard hasTypes else { throw wrongShape(tokens.place) }
    _ = try tokens.next()
  }

  private func wrongShape(_ place: Place) -> CatalogError {
    CatalogError(
      .wrongColumns, at: place, "no object with an array 'InstanceTypes'",
      remedy: "give what `aws ec2 describe-instance-types --output json` prints")
  }

  private mutating func read(_ record: JSONNode) throws(CatalogError) {
    guard let nameNode = record["InstanceType"] else {
      throw CatalogError(
        .invalidValue, at: record.place, "a record without 'InstanceType'", remedy: "fetch the file again")
    }
    let name = try nameNode.string("InstanceType")
    guard let device = try Device(record, name: name) else {
      return batch.ignore("no accelerator", example: name)
    }
    guard !device.isFraction else { return batch.ignore("a fraction of a GPU", example: name) }
    guard let accelerator = accelerator(of: device, name) else {
      return batch.ignore("an accelerator that is not in the catalog", example: "\(name): \(device.description)")
    }
    guard
      catalog.instances[name] != nil
        || record["VCpuInfo"]["DefaultVCpus"] != nil && record["MemoryInfo"]["SizeInMiB"] != nil
    else { return batch.ignore("a new type without vCPUs or memory", example: name) }
    guard described.insert(name).inserted else {
      throw CatalogError(
        .contradiction, at: nameNode.place, "'\(name)' is described twice",
        remedy: "keep one of the two records; nothing was imported")
    }
    if let known = catalog.instances[name], known.accelerator.key != accelerator.key {
      throw CatalogError(
        .contradiction, at: device.place,
        "\(name) has \(device.description), which is '\(accelerator.key)', but '\(known.accelerator.key)' in the catalog",
        remedy: "check the file; nothing was imported")
    }
    try addDevice(device, accelerator, name, record)
    try addHost(record, name)
    try addNetwork(record, name)
  }

  /// The API's name and memory say which; a type that the catalog knows may also be matched by name alone, because the
  /// API has changed what it counts as memory (24,576 MiB became 22,888 for the A10G).
  private func accelerator(of device: Device, _ name: String) -> Accelerator? {
    if let exact = catalog.accelerator(apiName: device.name, memoryMiB: device.memoryMiB) { return exact }
    guard let known = catalog.instances[name]?.accelerator, let apiName = known.apiName?.value,
      apiName.lowercased() == device.name.lowercased()
    else { return nil }
    let memories = catalog.accelerators.values.count { $0.apiName?.value == apiName }
    return memories == 1 ? known : nil
  }

  private mutating func addDevice(
    _ device: Device, _ accelerator: Accelerator, _ name: String, _ record: JSONNode
  ) throws(CatalogError) {
    try batch.add("accelerator", accelerator.key, of: name, at: device.place)
    try batch.add("accelerator_count", String(device.count), of: name, at: device.place)
    batch.addCheck("accelerator_memory", String(device.memoryMiB), "MiB", of: name, at: device.place)
    if catalog.instances[name] == nil { try batch.add("status", "current", of: name, at: record.place) }
  }

  private mutating func addHost(_ record: JSONNode, _ name: String) throws(CatalogError) {
    let processor = record["VCpuInfo"]
    var counts: [Int] = []
    for (key, attribute) in [
      ("DefaultVCpus", "vcpus"), ("DefaultCores", "cores"), ("DefaultThreadsPerCore", "threads_per_core"),
    ] {
      guard let node = processor[key] else { continue }
      let count = try node.count(key)
      counts.append(count)
      try batch.add(attribute, String(count), of: name, at: node.place)
    }
    if counts.count == 3, counts[0] != counts[1] * counts[2], let processor {
      throw CatalogError(
        .contradiction, at: processor.place,
        "\(name) has \(counts[0]) vCPUs, but \(counts[1]) cores of \(counts[2]) threads",
        remedy: "the file contradicts itself: fetch it again; nothing was imported")
    }
    if let node = record["ProcessorInfo"]["SustainedClockSpeedInGhz"] {
      try batch.add("clock", plainNumber(try node.number("SustainedClockSpeedInGhz")), "GHz", of: name, at: node.place)
    }
    if let node = record["ProcessorInfo"]["SupportedArchitectures"] {
      var names: [String] = []
      for element in try node.elements("SupportedArchitectures") {
        names.append(try element.string("SupportedArchitectures"))
      }
      if let architecture = ["x86_64", "arm64"].first(where: names.contains) {
        try batch.add("architecture", architecture, of: name, at: node.place)
      }
    }
    if let node = record["MemoryInfo"]["SizeInMiB"] {
      let size = try node.number("SizeInMiB")
      let isWhole = size.truncatingRemainder(dividingBy: 1024) == 0
      try batch.add(
        "memory", plainNumber(isWhole ? size / 1024 : size), isWhole ? "GiB" : "MiB", of: name, at: node.place)
    }
    if let node = record["BareMetal"], try node.bool("BareMetal") {
      try batch.add("hypervisor", "bare-metal", of: name, at: node.place)
    } else if let node = record["Hypervisor"], case let text = try node.string("Hypervisor"),
      ["nitro", "xen"].contains(text)
    {
      try batch.add("hypervisor", text, of: name, at: node.place)
    }
    try addStorage(record, name)
    if let node = record["SupportedUsageClasses"] {
      var classes: [String] = []
      for element in try node.elements("SupportedUsageClasses") {
        classes.append(try element.string("SupportedUsageClasses"))
      }
      try batch.add("usage_classes", classes.sorted().joined(separator: " "), of: name, at: node.place)
    }
  }

  private mutating func addStorage(_ record: JSONNode, _ name: String) throws(CatalogError) {
    if let node = record["InstanceStorageInfo"]["TotalSizeInGB"] {
      try batch.add("local_storage", plainNumber(try node.number("TotalSizeInGB")), "GB", of: name, at: node.place)
    } else if let node = record["InstanceStorageSupported"], try !node.bool("InstanceStorageSupported") {
      try batch.add("local_storage", "0", "GB", of: name, at: node.place)
    }
    let ebs = record["EbsInfo"]["EbsOptimizedInfo"]
    for (key, attribute) in [("BaselineBandwidthInMbps", "ebs_baseline"), ("MaximumBandwidthInMbps", "ebs_peak")] {
      guard let node = ebs[key], case let speed = try node.number(key), speed > 0 else { continue }
      try batch.add(attribute, plainNumber(speed), "Mbit/s", of: name, at: node.place)
    }
  }

  /// The text counts: the sum of the cards is wrong for eight types of the sample. Cards give the baseline of a burst.
  private mutating func addNetwork(_ record: JSONNode, _ name: String) throws(CatalogError) {
    let info = record["NetworkInfo"]
    guard let node = info["NetworkPerformance"] else { return }
    let text = try node.string("NetworkPerformance")
    let network = NetworkText(text)
    var baseline = 0.0
    var peak = 0.0
    let cards = try info["NetworkCards"]?.elements("NetworkCards") ?? []
    for card in cards {
      baseline += try card["BaselineBandwidthInGbps"]?.number("BaselineBandwidthInGbps") ?? 0
      peak += try card["PeakBandwidthInGbps"]?.number("PeakBandwidthInGbps") ?? 0
    }
    try batch.add("network_performance", text, of: name, at: node.place)
    if let sustained = network.sustained ?? (network.peak != nil && baseline > 0 ? baseline : nil) {
      if let most = network.peak, sustained > most {
        throw CatalogError(
          .contradiction, at: node.place,
          "\(name) has a baseline of \(plainNumber(sustained)) Gbit/s, but \"\(text)\"",
          remedy: "the file contradicts itself: fetch it again; nothing was imported")
      }
      try batch.add("network_baseline", plainNumber(sustained), "Gbit/s", of: name, at: node.place)
    }
    if let most = network.peak {
      try batch.add("network_peak", plainNumber(most), "Gbit/s", of: name, at: node.place)
      if !cards.isEmpty, peak > 0 {
        batch.addCheck("network_cards_sum", plainNumber(peak), "Gbit/s", of: name, at: node.place)
      }
    }
    if let node = info["MaximumNetworkCards"] {
      try batch.add("network_cards", String(try node.count("MaximumNetworkCards")), of: name, at: node.place)
    }
    guard let efa = info["EfaSupported"] else { return }
    if try !efa.bool("EfaSupported") {
      try batch.add("efa_interfaces", "0", of: name, at: efa.place)
    } else if let node = info["EfaInfo"]["MaximumEfaInterfaces"] {
      try batch.add("efa_interfaces", String(try node.count("MaximumEfaInterfaces")), of: name, at: node.place)
      if let sustained = network.sustained {
        try batch.add("efa_bandwidth", plainNumber(sustained), "Gbit/s", of: name, at: node.place)
      }
    }
  }
}

extension DescribeInstanceTypes {
  /// The accelerators of a record: GpuInfo, NeuronInfo or the InferenceAcceleratorInfo of old.
  fileprivate struct Device {
    let name: String
    let count: Int
    let memoryMiB: Int
    let isFraction: Bool
    let place: Place

    var description: String { "\(count) × \(name) of \(memoryMiB) MiB" }

    private static let lists = [
      ("GpuInfo", "Gpus", "TotalGpuMemoryInMiB"), ("NeuronInfo", "NeuronDevices", "TotalNeuronDeviceMemoryInMiB"),
      ("InferenceAcceleratorInfo", "Accelerators", "TotalInferenceMemoryInMiB"),
    ]

    /// Nil if the record has none.
    init?(_ record: JSONNode, name instance: String) throws(CatalogError) {
      var found: [Device] = []
      for (info, list, total) in Self.lists {
        guard let node = record[info][list] else { continue }
        guard let device = try Device(try node.elements(list), total: record[info][total], total, instance, node.place)
        else { continue }
        found.append(device)
      }
      guard let first = found.first else { return nil }
      if let other = found.first(where: { $0.count != first.count || $0.name != first.name }) {
        throw .contradiction(at: other.place, "\(instance) has \(other.description)", first.description, first.place)
      }
      self = first
    }

    private init?(
      _ devices: [JSONNode], total: JSONNode?, _ totalKey: String, _ instance: String, _ place: Place
    ) throws(CatalogError) {
      guard let first = devices.first else { return nil }
      var count = 0
      var sum = 0.0
      var isFraction = false
      for device in devices {
        let memory = try device["MemoryInfo"]["SizeInMiB"]?.count("SizeInMiB") ?? 0
        let own = try device["Count"]?.count("Count") ?? 0
        count += own
        sum += Double(own) * Double(memory)
        if let part = device["GpuPartitionSize"], try part.number("GpuPartitionSize") < 1 { isFraction = true }
      }
      name = try first["Name"]?.string("Name") ?? ""
      memoryMiB = try first["MemoryInfo"]["SizeInMiB"]?.count("SizeInMiB") ?? 0
      self.count = count
      self.isFraction = isFraction
      self.place = first.place
      if !isFraction, let total, case let said = try total.number(totalKey), said != sum {
        throw CatalogError(
          .contradiction, at: total.place,
          "\(instance) has \(plainNumber(said)) MiB of accelerator memory in all, but \(count) × \(memoryMiB) MiB is "
            + plainNumber(sum),
          remedy: "the file contradicts itself: fetch it again; nothing was imported")
      }
    }
  }
}
