import CostModel

extension Planner {
  /// A plan that is not feasible, with what would be: the layout left to the planner, or other nodes.
  ///
  /// - Parameters:
  ///   - groups: that were planned on.
  ///   - elsewhere: other groups; empty where all there are have been planned on.
  package func offering(_ plan: Plan, groups: [NodeGroup], elsewhere: [NodeGroup]) -> Plan {
    guard !plan.isFeasible else { return plan }
    var plan = plan
    if !request.choices.isEmpty {
      var free = request
      free.choices = LayoutChoices()
      let other = Planner(model, free).plan(job: plan.job, groups: groups)
      plan.nearest += other.shown(atMost: 3).prefix(3).map { NearPlan(other.ranked[$0], lacks: [.layout]) }
    }
    let other = self.plan(job: plan.job, groups: elsewhere)
    var types: Set<String> = []
    for entry in other.ranked where types.count < 5 && types.insert(entry.group.acceleratorName).inserted {
      plan.nearest.append(NearPlan(entry, lacks: [.nodes]))
    }
    return plan
  }
}
