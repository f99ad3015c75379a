import Collectives
package import Datasets
import Execution
package import Jobs
package import ModelGraph
import Models

/// What the command line says about a run, besides the job.
package struct TrainingOptions: Sendable {
  /// Cores a rank's kernels use.
  package var threads: Int
  /// Nil: chosen by the coordinator.
  package var runDirectory: String?
  package var resume: Bool
  /// Whether gradients go out beside backward, on a thread of their own, where there is more than one bucket of them.
  package var overlaps: Bool
  /// Cores of that thread; none for those of the rank.
  package var communicationCores: [Int]
  /// How many shards each rank takes in proportion to the others; nil for as many each.
  package var shares: [Double]?
  /// Where a trace of the run is written; nil for none. The same on all ranks.
  package var trace: String?
  /// How long a rank waits for another in an all-reduce of gradients.
  package var collectiveTimeout = Duration.collectiveTimeout

  package init(
    threads: Int, runDirectory: String? = nil, resume: Bool = false, overlaps: Bool = false,
    communicationCores: [Int] = [], trace: String? = nil
  ) {
    self.threads = threads
    self.runDirectory = runDirectory
    self.resume = resume
    self.overlaps = overlaps
    self.communicationCores = communicationCores
    self.trace = trace
  }
}

extension JobFile {
  /// Refuses a job that can be planned, and not run: before any of its data are read.
  /// - Throws: `InvalidJob` at the line of the data that are not there, or of the model that has no kernels.
  package func requireKernels() throws {
    if case .planned = job.data.source {
      throw InvalidJob([problem(at: "data.format", "\(DatasetError.onlyPlanned)")])
    }
    guard let transformer = job.transformer else { return }
    do {
      try ModelSpecification(name: job.name, transformer: transformer)
        .graph(sampleShape: transformer.sampleShape, batch: 1, mode: .inference).requireKernels()
    } catch let error as GraphError {
      throw InvalidJob([problem(for: error)])
    }
  }

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
