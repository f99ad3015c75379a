import Catalog
package import CostModel
package import Units

extension JobModel {
  /// What steps on these nodes have in common with published runs, as far as it is known before any of them; of a
  /// micro-batch of `usualBatch` samples.
  func traits(_ group: NodeGroup, _ hardware: PlannedHardware) -> RunTraits {
    let software = software(on: group)
    var traits = RunTraits(
      framework: software.framework, version: software.release, family: known.family, model: known.name,
      accelerator: hardware.device.key, isNarrow: hardware.device.arithmetic != .fp32, platform: group.instance,
      task: names.task(of: software, family: known.family), sequence: sequence > 1 ? "\(sequence)" : nil)
    traits.logBatch = Self.usualBatch.logarithm
    traits.logRanks = Double(group.accelerators).logarithm
    return traits
  }

  private static let usualBatch = 8.0

  /// What is asked for, but for accelerators that have software of their own.
  func software(on group: NodeGroup) -> PlanningSoftware {
    guard let instance = try? catalog.instance(named: group.instance),
      !["NVIDIA", "AMD"].contains(instance.accelerator.vendor.value)
    else { return software }
    return neuron ?? software
  }

  // MARK: What a reader must know

  package func remarks(_ group: NodeGroup, _ layout: ParallelLayout) -> [String] {
    var remarks: [String] = []
    let software = software(on: group)
    let release = software.release.map { ", \($0)" } ?? ""
    remarks.append("the training software is as fast as \(software.framework) in published runs\(release) (--software)")
    remarks += notes
    guard let hardware = try? hardware(group) else { return remarks }
    return remarks + hardware.assumptions + outside(group, layout, hardware) + unmeasured(group)
  }

  /// What no fitted run has.
  func outside(_ group: NodeGroup, _ layout: ParallelLayout, _ hardware: PlannedHardware) -> [String] {
    var remarks: [String] = []
    let key = hardware.device.key
    func add(_ text: String) { remarks.append("outside calibration: \(text)") }
    if layout.context > 1 { add("no run that was fitted shares sequences over ranks") }
    if !hasConstant(hardware) { add("no run on \(key) was fitted in \(hardware.device.arithmetic.rawValue)") }
    if let reach = range.reaches[key] {
      let nodes = group.nodes + group.companions
      if nodes > reach.nodes { add("\(nodes) nodes; no fitted run on \(key) has more than \(reach.nodes)") }
    }
    if let sizes = range.parameters {
      if parameterCount > sizes.upperBound {
        add("\(Self.short(parameterCount)) parameters; no fitted run has more than \(Self.short(sizes.upperBound))")
      } else if parameterCount < sizes.lowerBound {
        add("\(Self.short(parameterCount)) parameters; no fitted run has fewer than \(Self.short(sizes.lowerBound))")
      }
    }
    return remarks
  }

  /// Links of the group that no collective was measured on.
  func unmeasured(_ group: NodeGroup) -> [String] {
    guard let fabric = fabric(group) else { return [] }
    var remarks: [String] = []
    if group.acceleratorsPerNode > 1, !fabric.node.isMeasured {
      remarks.append("unmeasured fabric: no collective inside \(group.instance) was measured")
    }
    if group.nodes + group.companions > 1, fabric.network?.isMeasured != true {
      remarks.append("unmeasured fabric: no collective between nodes of \(group.instance) was measured")
    }
    return remarks
  }

  func fabric(_ group: NodeGroup) -> Fabric? {
    guard let fabrics, let instance = try? catalog.instance(named: group.instance) else { return nil }
    return Fabric(FabricDescription(instance), constants: fabrics)
  }

  func hasConstant(_ hardware: PlannedHardware) -> Bool {
    calibration.constants.index(of: "accelerator \(hardware.device.constantKey)") != nil
  }

  /// "124 M", "1.3 B".
  static func short(_ count: Double) -> String {
    for (size, name) in [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")] where count >= size {
      let value = count / size
      return "\(fixedPoint(value, decimals: value < 10 ? 1 : 0)) \(name)"
    }
    return fixedPoint(count, decimals: 0)
  }

  // MARK: Interval

  /// The calibration's, of runs that are known as far as this one is; wider where it stands outside: by what efficiencies of
  /// accelerators differ, and by what unmeasured fabrics may be off, in the share of the step that waits for them.
  package func logInterval(_ group: NodeGroup, _ layout: ParallelLayout, _ estimate: StepEstimate) -> Double? {
    guard let hardware = try? hardware(group) else { return nil }
    // Of what physics says, as the calibration has it.
    let physics = estimate.terms.filter { !$0.name.hasPrefix("software") }.map(\.seconds).sum()
    func share(_ names: Set<String>) -> Double {
      let time = estimate.terms.filter { names.contains($0.name) }.map(\.seconds).sum()
      return physics > .zero ? time / physics : 0
    }
    let waits = share(Self.communication)
    var traits = traits(group, hardware)
    traits.products = share([StepBreakdown.Term.products.words])
    traits.communication = waits
    traits.logBatch = (Double(layout.microBatch) / Double(layout.context)).logarithm
    let effect = calibration.effects.estimate(traits)
    var variance = effect.deviation * effect.deviation
    if !hasConstant(hardware) { variance += Self.efficiencySpread * Self.efficiencySpread }
    if !unmeasured(group).isEmpty { variance += waits * waits * Self.fabricSpread * Self.fabricSpread }
    return calibration.intervalFactor * variance.squareRoot()
  }

  /// Of one accelerator's rate of products beside that of others, and of an unmeasured fabric beside its kin: standard
  /// deviations of the logarithm (the priors of the calibration, `Fabric.residual`).
  private static let efficiencySpread = 0.15
  private static let fabricSpread = 0.3
  private static let communication: Set<String> = Set(
    [
      StepBreakdown.Term.tensorParallel, .expertExchange, .shardGathers, .pipelineTransfers, .gradientReduction,
    ].map(\.words) + ["context-parallel ring", MixedPlan.reductionName])

  package func networkBandwidth(_ group: NodeGroup) -> Bandwidth? {
    guard group.nodes + group.companions > 1, let hardware = try? hardware(group) else { return nil }
    return hardware.network.hostBandwidth
  }
}
