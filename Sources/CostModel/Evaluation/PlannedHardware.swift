package import Catalog
package import Units

/// Why a step cannot be priced on some nodes.
package struct HardwareProblem: Error, Hashable, Sendable, CustomStringConvertible {
  package let message: String
  package var description: String { message }
}

/// The device and the network of nodes that a job may run on, from what the catalog knows of their instance type.
package struct PlannedHardware: Sendable {
  package let device: Device
  package let attentionPeak: FLOPRate
  package let isHopperOrLater: Bool
  package let network: NetworkShape
  /// Where collectives of these nodes were measured; nil where training's achieved rates over `network` must do.
  package let fabric: Fabric?
  /// What the catalog does not say and was assumed.
  package let assumptions: [String]

  /// - Parameters:
  ///   - catalog: where accelerators stand that another, of which less is published, is taken to be like.
  ///   - networkScale: what the network's bandwidth is multiplied by.
  /// - Throws: `HardwareProblem` if the catalog lacks a peak, a bandwidth or a network that the step depends on.
  package init(
    _ instance: InstanceType, of catalog: Catalog, nodes: Int, arithmetic wanted: Device.Arithmetic,
    networkScale: Double = 1
  ) throws(HardwareProblem) {
    var assumptions: [String] = []
    let accelerator = Self.published(instance.accelerator, catalog, &assumptions)
    let arithmetic = Self.arithmetic(wanted, accelerator, &assumptions)
    guard let bandwidth = accelerator.memoryBandwidth?.value else {
      throw HardwareProblem(message: "the catalog has no memory bandwidth of \(accelerator.key)")
    }
    guard let peak = arithmetic.formats.lazy.compactMap({ accelerator.peak(for: $0) }).first else {
      throw HardwareProblem(message: "the catalog has no peak of \(accelerator.key) in \(arithmetic.rawValue)")
    }
    let vector = accelerator.peak(for: .fp32)?.count ?? peak.count / 8
    device = Device(
      key: String(accelerator.key.prefix { $0 != "-" }), arithmetic: arithmetic, peak: peak,
      memoryBandwidth: bandwidth, memory: instance.accelerator.usableMemory,
      units: Double(accelerator.cores?.value ?? 64),
      usesMatrixUnits: arithmetic != .fp32 && peak.count > 2.5 * vector)
    attentionPeak = peak
    isHopperOrLater = ["Hopper", "Blackwell"].contains { accelerator.architecture?.value.contains($0) ?? false }
    var shape = NetworkShape()
    shape.hosts = Double(nodes)
    shape.ranksPerHost = Double(instance.acceleratorCount.value)
    if instance.acceleratorCount.value > 1 {
      (shape.link, shape.assumedLink) = Self.link(instance, device.key, &assumptions)
    }
    if nodes > 1 { try Self.connect(instance, networkScale, &shape) }
    network = shape
    fabric = try Self.measuredFabric(instance, nodes: nodes, scale: networkScale)
    self.assumptions = assumptions
  }

  private static let measuredConstants = Result { try FabricConstants.shipped() }

  private static func measuredFabric(
    _ instance: InstanceType, nodes: Int, scale: Double
  ) throws(HardwareProblem) -> Fabric? {
    var description = FabricDescription(instance)
    if nodes == 1 { description.network = nil }
    guard nodes == 1 || description.network != nil else { return nil }
    do {
      var fabric = Fabric(description, constants: try measuredConstants.get())
      guard instance.acceleratorCount.value == 1 || fabric.node.isMeasured,
        nodes == 1 || fabric.network?.isMeasured == true
      else { return nil }
      fabric.network?.scale(by: scale)
      return fabric
    } catch {
      throw HardwareProblem(message: "\(error)")
    }
  }

  /// The accelerator, or the one that the catalog takes it to be like where no peak of its own is published.
  private static func published(
    _ accelerator: Accelerator, _ catalog: Catalog, _ assumptions: inout [String]
  ) -> Accelerator {
    let hasPeak = Accelerator.Precision.allCases.contains { accelerator.peak(for: $0) != nil }
    guard !hasPeak, let like = accelerator.assumedLike, let known = catalog.accelerators[like.value] else {
      return accelerator
    }
    let why = like.note.map { ": \($0)" } ?? ""
    assumptions.append("\(accelerator.name.value) is taken to be as fast as \(known.name.value)\(why)")
    return known
  }

  /// What products are computed in: Trainium multiplies 32-bit numbers in bfloat16 unless told not to, and accelerators
  /// without bfloat16 train in fp16.
  private static func arithmetic(
    _ wanted: Device.Arithmetic, _ accelerator: Accelerator, _ assumptions: inout [String]
  ) -> Device.Arithmetic {
    let isGPU = ["NVIDIA", "AMD"].contains(accelerator.vendor.value)
    if wanted == .fp32, !isGPU {
      assumptions.append("\(accelerator.name.value) multiplies fp32 models in bf16")
      return .bf16
    }
    guard wanted == .bf16, accelerator.peak(for: .bf16) == nil else { return wanted }
    if accelerator.peak(for: .fp16) != nil {
      assumptions.append("\(accelerator.name.value) has no bf16 and trains in fp16")
      return .fp16
    }
    assumptions.append("\(accelerator.name.value) has no 16-bit products and trains in fp32")
    return .fp32
  }

  private static func link(
    _ instance: InstanceType, _ key: String, _ assumptions: inout [String]
  ) -> (General?, Bandwidth?) {
    switch instance.link.topology?.value {
    case .pcie: return (.linkPCIe, nil)
    case .torus2D, .neuronLink: return (.linkNeuron, nil)
    case .nvLinkMesh, .hybridCubeMesh: return (key == "p100" ? .linkNVLink1 : .linkNVLink2, nil)
    case .nvSwitch:
      switch key {
      case "v100": return (.linkNVSwitch2, nil)
      case "a100": return (.linkNVSwitch3, nil)
      case "h100", "h200": return (.linkNVSwitch4, nil)
      default: break
      }
    case .some(.none), nil: break
    }
    if let planned = instance.link.planned {
      assumptions.append("collectives inside \(instance.name) reach 60 % of its links")
      return (nil, planned.bandwidth * 0.6)
    }
    assumptions.append("the links inside \(instance.name) are taken for PCIe: the catalog does not say")
    return (.linkPCIe, nil)
  }

  private static func connect(
    _ instance: InstanceType, _ scale: Double, _ shape: inout NetworkShape
  ) throws(HardwareProblem) {
    if instance.network.hasEFA, let bandwidth = instance.network.efaBandwidth ?? instance.network.baseline {
      shape.interconnect = .rdma
      shape.hostBandwidth = bandwidth.value * scale
    } else if let baseline = instance.network.baseline {
      shape.interconnect = .tcp
      shape.hostBandwidth = baseline.value * scale
    } else {
      throw HardwareProblem(message: "the catalog has no network bandwidth of \(instance.name): plan on one node of it")
    }
  }
}

extension Device.Arithmetic {
  /// Peaks that stand for this one, the best first.
  fileprivate var formats: [Accelerator.Precision] {
    switch self {
    case .fp32: [.fp32]
    case .tf32: [.tf32, .fp32]
    case .fp16: [.fp16, .bf16]
    case .bf16: [.bf16, .fp16]
    case .fp8: [.fp8, .bf16]
    }
  }
}
