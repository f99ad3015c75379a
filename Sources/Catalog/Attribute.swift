/// What may be said of an accelerator or an instance type, and how it is written.
package struct Attribute: Sendable {
  enum Form: Sendable {
    /// Any text, without unit; `of` names the choices where not any will do.
    case text(of: [String] = [])
    /// Words between spaces.
    case words
    /// "yes" or "no".
    case flag
    /// A whole number of 0 or more; `named` if the unit column says of what.
    case count(named: Bool = false)
    /// A number of 0 or more (above 0 unless `zero`) with a unit of its kind.
    case measure(Measure.Kind, zero: Bool = false)
    /// The key of an accelerator.
    case accelerator
  }

  package let name: String
  /// As `show` prints it.
  package let title: String
  let form: Form
  let isRequired: Bool

  private init(_ name: String, _ title: String, _ form: Form, required: Bool = false) {
    self.name = name
    self.title = title
    self.form = form
    isRequired = required
  }

  /// In the order that they are shown.
  package static let ofAccelerators: [Attribute] = [
    Attribute("name", "name", .text(), required: true),
    Attribute("vendor", "vendor", .text(), required: true),
    Attribute("api_name", "name in the EC2 API", .text()),
    Attribute("counts_as", "counted as", .text(of: ["GPU", "GCD", "package", "chip"]), required: true),
    Attribute("architecture", "architecture", .text()),
    Attribute("compute_capability", "compute capability", .text()),
    Attribute("form_factor", "form factor", .text()),
    Attribute("per_board", "on a board", .count()),
    Attribute("cores", "cores", .count(named: true)),
    Attribute("can_train", "can train", .flag, required: true),
    Attribute("assumed_like", "assumed to be like", .accelerator),
    Attribute("aws", "in EC2 instances", .flag, required: true),
    Attribute("memory", "memory", .measure(.memory), required: true),
    Attribute("memory_type", "memory type", .text()),
    Attribute("memory_api", "memory in the EC2 API", .measure(.memory)),
    Attribute("memory_runtime", "memory seen at run time", .measure(.memory)),
    Attribute("memory_bandwidth", "memory bandwidth", .measure(.bandwidth)),
    Attribute("peak_fp64", "peak fp64", .measure(.rate)),
    Attribute("peak_fp64_tensor", "peak fp64, matrix units", .measure(.rate)),
    Attribute("peak_fp32", "peak fp32", .measure(.rate)),
    Attribute("peak_fp32_matrix", "peak fp32, matrix units", .measure(.rate)),
    Attribute("peak_tf32", "peak tf32", .measure(.rate)),
    Attribute("peak_fp16", "peak fp16", .measure(.rate)),
    Attribute("peak_bf16", "peak bf16", .measure(.rate)),
    Attribute("peak_fp8", "peak fp8", .measure(.rate)),
    Attribute("peak_int8", "peak int8", .measure(.rate)),
    Attribute("power", "power", .measure(.power)),
    Attribute("pcie_generation", "PCIe generation", .count()),
    Attribute("link", "link", .text()),
    Attribute("link_bandwidth", "link bandwidth", .measure(.bandwidth)),
  ]

  /// In the order that they are shown.
  package static let ofInstances: [Attribute] = [
    Attribute("status", "status", .text(of: InstanceType.Status.allCases.map(\.rawValue)), required: true),
    Attribute("accelerator", "accelerator", .accelerator, required: true),
    Attribute("accelerator_count", "accelerators", .count(), required: true),
    Attribute("vcpus", "vCPUs", .count(), required: true),
    Attribute("cores", "cores", .count()),
    Attribute("threads_per_core", "threads a core", .count()),
    Attribute("clock", "sustained clock", .measure(.frequency)),
    Attribute("processor", "processor", .text()),
    Attribute("numa_nodes", "NUMA nodes", .count()),
    Attribute("memory", "memory", .measure(.memory), required: true),
    Attribute("architecture", "architecture", .text(of: ["x86_64", "arm64"])),
    Attribute("hypervisor", "hypervisor", .text(of: ["nitro", "xen", "bare-metal"])),
    Attribute("link", "link between accelerators", .text(of: NodeLink.Topology.allCases.map(\.rawValue))),
    Attribute("link_name", "link name", .text()),
    Attribute("link_bandwidth", "link, per direction", .measure(.bandwidth)),
    Attribute("link_bandwidth_far", "between unlinked pairs", .measure(.bandwidth)),
    Attribute("link_bandwidth_undirected", "link, direction not stated", .measure(.bandwidth)),
    Attribute("pcie_lanes", "PCIe lanes", .count()),
    Attribute("network_performance", "network in the EC2 API", .text()),
    Attribute("network_baseline", "network baseline", .measure(.bandwidth)),
    Attribute("network_peak", "network peak", .measure(.bandwidth)),
    Attribute("network_cards", "network cards", .count()),
    Attribute("efa_interfaces", "EFA interfaces", .count()),
    Attribute("efa_bandwidth", "EFA bandwidth", .measure(.bandwidth)),
    Attribute("gpudirect_rdma", "GPUDirect RDMA", .flag),
    Attribute("efa_latency", "EFA latency", .measure(.time)),
    Attribute("flow_bandwidth", "one flow", .measure(.bandwidth)),
    Attribute("flow_bandwidth_in_group", "one flow in a cluster group", .measure(.bandwidth)),
    Attribute("ebs_baseline", "EBS baseline", .measure(.bandwidth)),
    Attribute("ebs_peak", "EBS peak", .measure(.bandwidth)),
    Attribute("local_storage", "local storage", .measure(.memory, zero: true)),
    Attribute("usage_classes", "usage classes", .words),
    Attribute("regions", "regions", .words),
  ]
}

extension Attribute {
  /// What is wrong with a value of this attribute and what to write instead; nil if nothing is.
  func complaint(value: String, unit: String?) -> (problem: String, remedy: String)? {
    switch form {
    case .text(let choices):
      if value.isEmpty { return ("no value of '\(name)'", "leave the whole row out where a value is not known") }
      if let unit { return ("a unit, '\(unit)', of the text '\(name)'", "leave the unit empty") }
      guard choices.isEmpty || choices.contains(value) else {
        return ("'\(value)' as '\(name)'", "write one of \(choices.joined(separator: ", "))")
      }
    case .words, .accelerator:
      if value.isEmpty { return ("no value of '\(name)'", "leave the whole row out where a value is not known") }
      if let unit { return ("a unit, '\(unit)', of '\(name)'", "leave the unit empty") }
    case .flag:
      guard value == "yes" || value == "no", unit == nil else {
        return ("'\(value)' as '\(name)'", "write yes or no, without a unit")
      }
    case .count(let isNamed):
      guard let count = Int(value), (0...1_000_000).contains(count), value.allSatisfy(\.isNumber) else {
        return ("'\(value)' as '\(name)'", "write a whole number from 0 to 1000000")
      }
      if !isNamed, let unit { return ("a unit, '\(unit)', of the count '\(name)'", "leave the unit empty") }
    case .measure(let kind, let mayBeZero):
      let units = Measure.units.filter { $0.kind == kind }.map(\.name).joined(separator: ", ")
      guard let number = Measure.number(value) else {
        return (
          "'\(value)' as '\(name)', which is no number",
          "write digits, such as 312 or 19.5; leave the row out where a value is not known"
        )
      }
      guard let measure = Measure(value: value, unit: unit), measure.kind == kind else {
        return ("the unit '\(unit ?? "")' of '\(name)'", "use one of \(units)")
      }
      guard number > 0 || number == 0 && mayBeZero, measure.baseUnits < 1e21 else {
        return (
          "\(value) \(unit ?? "") as '\(name)'", "write a number above 0; leave the row out where a value is not known"
        )
      }
    }
    return nil
  }
}
