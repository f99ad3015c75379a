import Catalog
import CostModel
import Units

extension Planner {
  static func isWarning(_ line: String) -> Bool {
    ["outside calibration: ", "unmeasured fabric: ", "outside the formula: "].contains { line.hasPrefix($0) }
  }

  /// What `entry` takes for granted, each with its source.
  func assumptions(_ entry: PlanEntry) -> [String] {
    var lines = entry.remarks
    lines.append(
      "time is from the first step to the last: starting instances, loading data, evaluation and compiling come on top")
    for group in entry.groups {
      let source = group.priceSource.map { " (\($0))" } ?? ""
      lines.append(
        "\(group.instance) costs \(group.hourly.exact) an hour a node\(source), billed by the second, a minute at least"
      )
    }
    if let disturbance = request.disturbance, let checkpointing = disturbance.checkpointing(entry.groups) {
      lines += stops(disturbance, checkpointing, entry)
    }
    return lines
  }

  private func stops(_ disturbance: Disturbance, _ checkpointing: Checkpointing, _ entry: PlanEntry) -> [String] {
    var lines: [String] = []
    let own = entry.groups.filter { $0.interruptionsPerHour != nil }
    for group in own {
      lines.append(
        "a node of \(group.instance) stops \(group.interruptionsPerHour ?? 0) times an hour, the inventory says")
    }
    if own.count < entry.groups.count {
      if disturbance.failuresPerAcceleratorHour == Disturbance.publishedFailureRate {
        lines.append(
          "an accelerator fails every \(hours(Disturbance.publishedFailureRate)) "
            + "(419 stops of 16,384 H100 in 54 days: Llama 3, 2024)")
      } else if disturbance.failuresPerAcceleratorHour > 0 {
        lines.append("an accelerator fails every \(hours(disturbance.failuresPerAcceleratorHour))")
      }
      if entry.groups.contains(where: { $0.purchase == .spot && $0.interruptionsPerHour == nil }) {
        let source =
          disturbance.spotInterruptionsPerHour == Disturbance.publishedSpotRate
          ? " (the mildest of three traces: Thorpe et al. 2023; --interruptions-per-hour)" : ""
        lines.append("a spot node is taken back \(disturbance.spotInterruptionsPerHour) times an hour\(source)")
      }
    }
    lines.append(
      "a stop costs \(disturbance.restart) and what was computed since the last checkpoint; a checkpoint of "
        + "\(disturbance.checkpoint) is written in \(checkpointing.write), every \(checkpointing.bestInterval) "
        + "(Young 1974, Daly 2006)")
    if !checkpointing.isWithinValidity {
      lines.append(
        "outside the formula: stops come every \(checkpointing.timeBetweenFailures), hardly less often than a "
          + "checkpoint and a restart take; the time may be much longer")
    }
    return lines
  }

  private func hours(_ rate: Double) -> String { "\(Int((1 / rate).rounded()).grouped) hours" }
}
