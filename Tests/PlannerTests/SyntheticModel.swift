import CostModel
import Models
import Planner
import Units

/// A closed form for every instance type of a made-up catalog: tests of planning need no fitted constants.
struct SyntheticModel: PlanningModel {
  var transformer = TransformerSpecification(
    layers: 24, hidden: 2048, heads: 16, vocabulary: 50_000, sequence: 1024)
  /// Of instance types: how many times an A100 it is in compute, in network.
  var speeds: [String: (compute: Double, network: Double)] = ["fast": (2, 4), "plain": (1, 1), "slow": (0.4, 0.25)]

  func rules(for group: NodeGroup, globalBatch: Int) -> LayoutRules {
    LayoutRules(
      model: transformer.divisors, accelerators: group.accelerators, acceleratorsPerNode: group.acceleratorsPerNode,
      globalBatch: globalBatch)
  }

  func evaluator(for group: NodeGroup, globalBatch: Int) throws(Rejection) -> ClosedForm {
    let speed = speeds[group.instance] ?? (1, 1)
    var machine = ClosedForm.Machine()
    machine.peak *= speed.compute
    machine.elementwise *= speed.compute
    machine.attention *= speed.compute
    machine.network *= speed.network * group.networkScale
    return ClosedForm(
      transformer, machine: machine, globalBatch: globalBatch, acceleratorsPerNode: group.acceleratorsPerNode,
      usableBytes: Double(group.memory.count) * 0.95)
  }

  func remarks(_ group: NodeGroup, _ layout: ParallelLayout) -> [String] { ["a made-up machine"] }
  func logInterval(_ group: NodeGroup, _ layout: ParallelLayout, _ estimate: StepEstimate) -> Double? { 0.2 }
  func networkBandwidth(_ group: NodeGroup) -> Bandwidth? {
    group.nodes == 1 ? nil : Bandwidth(gigabitsPerSecond: 400 * (speeds[group.instance]?.network ?? 1))
  }
}

extension NodeGroup {
  static func made(
    _ instance: String, nodes: Int, perNode: Int = 8, gibibytes: Double = 80, hourly: Double
  ) -> NodeGroup {
    NodeGroup(
      instance: instance, nodes: nodes, acceleratorsPerNode: perNode, memory: Bytes(gibibytes: gibibytes),
      hourly: Money(dollars: hourly))
  }
}
