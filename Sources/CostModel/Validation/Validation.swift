package import Catalog

/// Predicted beside published, for the runs of a file.
package struct Validation: Sendable {
  package struct Row: Hashable, Sendable, Codable {
    package let id: String
    package let published: Double
    package let predicted: Double
    package let low: Double
    package let high: Double

    package init(id: String, published: Double, predicted: Double, low: Double, high: Double) {
      self.id = id
      self.published = published
      self.predicted = predicted
      self.low = low
      self.high = high
    }
  }

  package struct Skipped: Hashable, Sendable, Codable {
    package let id: String
    package let reason: String
  }

  package let steps: [RunStep]
  package let skipped: [Skipped]

  /// Turns rows into steps.
  package init(_ runs: [PublishedRun], catalog: Catalog) {
    let workloads = WorkloadCache()
    var steps: [RunStep] = []
    var skipped: [Skipped] = []
    for run in runs {
      do {
        guard run.isScored else {
          throw RunProblem("not to be scored, the file says (score_step \(run["score_step"]))")
        }
        steps.append(try RunStep(run, catalog: catalog, workloads: workloads))
      } catch {
        skipped.append(Skipped(id: run.id, reason: "\(error)"))
      }
    }
    self.steps = steps
    self.skipped = skipped
  }
}
