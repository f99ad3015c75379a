package import Datasets
import Execution
package import Jobs
package import ModelGraph

/// What the command line says about a run, besides the job.
package struct TrainingOptions: Sendable {
  /// Cores a rank's kernels use.
  package var threads: Int
  /// Nil: chosen by the coordinator.
  package var runDirectory: String?
  package var resume: Bool

  package init(threads: Int, runDirectory: String? = nil, resume: Bool = false) {
    self.threads = threads
    self.runDirectory = runDirectory
    self.resume = resume
  }
}

extension JobFile {
  /// Forward and loss over as many samples as a shard has, so that evaluation needs no more memory than training; where
  /// states are carried, over one: a shard then reads one stream (see `Replica.evaluate`).
  /// - Throws: `InvalidJob` at the line of the layer that does not fit.
  package func evaluationGraph(for data: DataDescription) throws -> Graph {
    do {
      return try job.evaluationGraph(for: data, batch: job.training.carriesState ? 1 : job.training.shardSamples)
    } catch let error as GraphError {
      throw InvalidJob([problem(for: error)])
    }
  }
}
