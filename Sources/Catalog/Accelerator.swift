package import Units

/// A processor that trains or infers: what software counts as one device (a GPU, one die of a two-die package, a chip).
package struct Accelerator: Hashable, Sendable {
  /// A format of numbers that peak rates are published for.
  package enum Precision: String, CaseIterable, Codable, Sendable {
    case fp64
    /// On matrix units.
    case fp64Tensor = "fp64_tensor"
    case fp32
    /// On matrix units (AMD).
    case fp32Matrix = "fp32_matrix"
    case tf32, fp16, bf16, fp8, int8
  }

  /// Such as "a100-sxm4-40gb".
  package let key: String
  package let name: Sourced<String>
  package let vendor: Sourced<String>
  /// As DescribeInstanceTypes has it; ambiguous without the memory.
  package let apiName: Sourced<String>?
  /// "GPU", "GCD", "package" or "chip".
  package let countsAs: Sourced<String>
  package let architecture: Sourced<String>?
  package let computeCapability: Sourced<String>?
  package let formFactor: Sourced<String>?
  package let perBoard: Sourced<Int>?
  /// Streaming multiprocessors, compute units or cores; `coreName` says which.
  package let cores: Sourced<Int>?
  package let coreName: String?
  /// As sold: a data sheet's "80 GB" of HBM are 80 GiB.
  package let memory: Sourced<Bytes>
  package let memoryType: Sourced<String>?
  /// As DescribeInstanceTypes has it.
  package let reportedMemory: Sourced<Bytes>?
  /// As a framework sees it.
  package let runtimeMemory: Sourced<Bytes>?
  package let memoryBandwidth: Sourced<Bandwidth>?
  /// Dense peaks, no sparsity, by format; a format that is not there has no published peak.
  package let peaks: [Precision: Sourced<FLOPRate>]
  /// Of the board where a board carries several.
  package let power: Sourced<Watts>?
  package let pcieGeneration: Sourced<Int>?
  /// The fast link to its peers, such as "NVLink 3".
  package let link: Sourced<String>?
  /// Of all its links together, per direction.
  package let linkBandwidth: Sourced<Bandwidth>?
  /// Whether it trains; the note says why not.
  package let canTrain: Sourced<Bool>
  package let isOnAWS: Sourced<Bool>
  /// Key of the accelerator whose peaks may be assumed where this one's are not published; say so where it is done.
  package let assumedLike: Sourced<String>?
  /// Every value above as the data files have it, in the order of `Attribute.ofAccelerators`.
  package let facts: [Fact]

  /// The dense peak rate; nil if none is published.
  package func peak(for precision: Precision) -> FLOPRate? { peaks[precision]?.value }

  /// The least of what is sold, reported and seen: what a plan may count on.
  package var usableMemory: Bytes {
    [memory, reportedMemory, runtimeMemory].compactMap { $0?.value }.min() ?? memory.value
  }

  /// Nil if a required value is missing.
  init?(_ sheet: FactSheet) {
    guard let name = sheet.text("name"), let vendor = sheet.text("vendor"), let countsAs = sheet.text("counts_as"),
      let memory = sheet.bytes("memory"), let canTrain = sheet.flag("can_train"), let isOnAWS = sheet.flag("aws")
    else { return nil }
    key = sheet.subject
    self.name = name
    self.vendor = vendor
    self.countsAs = countsAs
    self.memory = memory
    self.canTrain = canTrain
    self.isOnAWS = isOnAWS
    apiName = sheet.text("api_name")
    architecture = sheet.text("architecture")
    computeCapability = sheet.text("compute_capability")
    formFactor = sheet.text("form_factor")
    perBoard = sheet.count("per_board")
    cores = sheet.count("cores")
    coreName = sheet.facts["cores"]?.unit
    memoryType = sheet.text("memory_type")
    reportedMemory = sheet.bytes("memory_api")
    runtimeMemory = sheet.bytes("memory_runtime")
    memoryBandwidth = sheet.bandwidth("memory_bandwidth")
    power = sheet.power("power")
    pcieGeneration = sheet.count("pcie_generation")
    link = sheet.text("link")
    linkBandwidth = sheet.bandwidth("link_bandwidth")
    assumedLike = sheet.text("assumed_like")
    var peaks: [Precision: Sourced<FLOPRate>] = [:]
    for precision in Precision.allCases { peaks[precision] = sheet.rate("peak_" + precision.rawValue) }
    self.peaks = peaks
    facts = Attribute.ofAccelerators.compactMap { sheet.facts[$0.name] }
  }
}
