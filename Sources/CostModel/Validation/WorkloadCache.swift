import Models
import Synchronization

/// Workloads by model: many runs train the same one.
package final class WorkloadCache: Sendable {
  private let known = Mutex<[String: Workload]>([:])

  package init() {}

  func workload(_ run: PublishedRun) throws -> Workload {
    let description = ModelDescription(row: run.cells)
    let key = [
      description.name, description.family, description.layers, description.hidden, description.heads,
      description.keyValueHeads, description.feedForward, description.vocabulary, description.sequence,
      description.image, run["task"], run.framework,
    ].joined(separator: "|")
    if let workload = known.withLock({ $0[key] }) { return workload }
    let model = try PublishedModel(description)
    var workload = Workload()
    for part in try model.parts(microBatch: 2) {
      workload.add(try part.stepGraph(), samples: 2, times: Double(part.multiplicity))
    }
    known.withLock { $0[key] = workload }
    return workload
  }
}
