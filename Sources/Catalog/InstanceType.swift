package import Units

/// A size of EC2 instance with accelerators.
package struct InstanceType: Hashable, Sendable {
  package enum Status: String, CaseIterable, Codable, Sendable {
    /// Can be launched.
    case current
    /// Its retirement has been announced and its date is past.
    case retired
    /// No longer on offer.
    case withdrawn
  }

  package struct Host: Hashable, Sendable {
    package let vCPUs: Sourced<Int>
    /// Physical cores.
    package let cores: Sourced<Int>?
    package let threadsPerCore: Sourced<Int>?
    package let processor: Sourced<String>?
    package let numaNodes: Sourced<Int>?
    package let memory: Sourced<Bytes>
    /// "x86_64" or "arm64".
    package let architecture: Sourced<String>?
    package let hypervisor: Sourced<String>?
    package let ebsBaseline: Sourced<Bandwidth>?
    package let ebsPeak: Sourced<Bandwidth>?
    /// Of all disks together; zero if there are none.
    package let localStorage: Sourced<Bytes>?
  }

  /// Such as "p4d.24xlarge".
  package let name: String
  package let status: Sourced<Status>
  package let accelerator: Accelerator
  /// Where it is said which accelerator this is.
  package let acceleratorFact: Sourced<String>
  package let acceleratorCount: Sourced<Int>
  package let host: Host
  package let link: NodeLink
  package let network: Network
  package let usageClasses: Sourced<[String]>?
  package let regions: Sourced<[String]>?
  /// Of all dates, the oldest first.
  package internal(set) var prices: [Price] = []
  /// Every value above but the prices as the data files have it, in the order of `Attribute.ofInstances`.
  package let facts: [Fact]

  /// Such as "p4d".
  package var family: String { String(name.prefix { $0 != "." }) }
  package var isCurrent: Bool { status.value == .current }
  /// Whether its accelerators train; the note says why not.
  package var canTrain: Sourced<Bool> { accelerator.canTrain }

  /// The newest price of a kind in a region; nil if none is known. Of spot prices in several zones the lowest of the
  /// newest date.
  package func price(_ kind: Price.Kind, region: String = Price.defaultRegion) -> Price? {
    let matching = prices.filter { $0.kind == kind && $0.region == region }
    guard let newest = matching.map(\.asOf).max() else { return nil }
    return matching.filter { $0.asOf == newest }.min { $0.hourly < $1.hourly }
  }

  /// Nil if a required value is missing.
  init?(_ sheet: FactSheet, accelerators: [String: Accelerator]) {
    guard let status = sheet.text("status"), let state = Status(rawValue: status.value),
      let acceleratorFact = sheet.text("accelerator"), let accelerator = accelerators[acceleratorFact.value],
      let acceleratorCount = sheet.count("accelerator_count"), let vCPUs = sheet.count("vcpus"),
      let memory = sheet.bytes("memory")
    else { return nil }
    name = sheet.subject
    self.status = status.map { _ in state }
    self.accelerator = accelerator
    self.acceleratorFact = acceleratorFact
    self.acceleratorCount = acceleratorCount
    host = Host(
      vCPUs: vCPUs, cores: sheet.count("cores"), threadsPerCore: sheet.count("threads_per_core"),
      processor: sheet.text("processor"), numaNodes: sheet.count("numa_nodes"), memory: memory,
      architecture: sheet.text("architecture"), hypervisor: sheet.text("hypervisor"),
      ebsBaseline: sheet.bandwidth("ebs_baseline"), ebsPeak: sheet.bandwidth("ebs_peak"),
      localStorage: sheet.bytes("local_storage"))
    link = NodeLink(sheet)
    network = Network(sheet)
    usageClasses = sheet.words("usage_classes")
    regions = sheet.words("regions")
    facts = Attribute.ofInstances.compactMap { sheet.facts[$0.name] }
  }
}
