package import Collectives
import Datasets
import Evaluation
import Execution
import Foundation
import Jobs
import Kernels
import ModelGraph

/// A run as its directory holds it.
package struct SavedRun {
  let file: JobFile
  let checkpoint: Checkpoint
  /// Of the checkpoint.
  let path: String
  /// Newer checkpoints that are damaged, and how.
  package let passedOver: [String]

  /// Reads the job and a checkpoint.
  /// - Parameter path: a checkpoint file; nil for the newest that is whole.
  /// - Throws: `InvalidJob`, or `TrainingError` with `.invalidInput`.
  package init(directory: RunDirectory, checkpoint path: String? = nil) throws {
    guard directory.isUsed else {
      throw TrainingError(
        .invalidInput,
        "\(directory.path): there is no run; give the directory that 'apus train' named, such as runs/lenet5-fashion-mnist"
      )
    }
    file = try JobFile(path: directory.job)
    if let path {
      do {
        checkpoint = try Checkpoint(decoding: RunDirectory.bytes(at: path))
      } catch let error as TrainingError {
        throw error
      } catch {
        throw TrainingError(.invalidInput, "\(path): \(error)")
      }
      self.path = path
      passedOver = []
      return
    }
    let (newest, found, damaged) = directory.newestCheckpoint()
    guard let newest, let found else {
      throw TrainingError(
        .invalidInput,
        "\(directory.path) has no whole checkpoint; train it first"
          + damaged.map { "\npassed over \($0)" }.joined())
    }
    checkpoint = newest
    self.path = found
    passedOver = damaged
  }

  /// Tests the network on the job's test set. Collective.
  ///
  /// - Parameter threshold: the probability from which a label, or the second of two classes with one output, is
  ///   predicted; nil for 0.5.
  /// - Throws: `InvalidJob`, or `TrainingError` with `.invalidInput`, also for a threshold where there is none.
  package func evaluate(on group: any Group, threads: Int, threshold: Double? = nil) throws -> EvaluationReport {
    Threads.use(threads)
    let target = checkpoint.header.encoding.target
    let (replica, source) = try Agreement.together(group, exitCode: Trainer.exitCode) {
      let loaded = try load()
      if threshold != nil { try requireThreshold(target, loaded.0) }
      return loaded
    }
    let result = try replica.evaluate(
      source, target, streamCount: file.job.training.shards, on: group, threshold: threshold ?? 0.5)
    return EvaluationReport(
      file.job, target, checkpoint: path, step: checkpoint.header.step, samples: source.count, result,
      tokenCountLosses: try tokenCountLosses(group))
  }

  /// The training text is read for it, on rank 0, which reports; nil for data that are no text to go on with.
  private func tokenCountLosses(_ group: any Group) throws -> [Double]? {
    guard group.rank == 0, file.job.data.source.format == .text else { return nil }
    return try JobData(file).tokenCountLosses()
  }

  /// Refuses a threshold for a network that does not predict by one.
  private func requireThreshold(_ target: SampleTarget, _ replica: Replica) throws {
    let graph = replica.program.compiled.graph
    let outputs = graph.outputs["logits"].map { graph[$0].type.shape.dimensions } ?? []
    switch target {
    case .labels: return
    case .classes where outputs.count == 2 && outputs.last == 1: return
    case .classes, .values:
      throw TrainingError(
        .invalidInput,
        "a threshold is for labels, or for two classes with one output, and '\(file.job.name)' predicts "
          + (target.isOfValues ? "numbers" : "the class of the largest score") + "; leave --threshold out")
    }
  }

  private func load() throws -> (Replica, any SampleSource) {
    let encoding = checkpoint.header.encoding
    let source = try testSamples()
    let data = DataDescription(source, encoding)
    let current = try currentFile(for: data)
    let graph = try current.trainingGraph(for: data)
    let evaluationGraph = try current.evaluationGraph(for: data)
    let precision = file.job.training.precision
    let replica = try Replica(
      CompiledNetwork(
        graph, evaluationGraph: evaluationGraph, precision: precision.isSupported ? precision : .float32),
      fields: source.fields, optimizer: .sgd(momentum: 0, weightDecay: 0, nesterov: false), slotCount: 1, shards: 0..<0)
    do {
      try checkpoint.restore(to: replica.store, withOptimizer: false)
    } catch let error as TrainingError {
      throw TrainingError(error.code, "\(path): \(error.message)")
    }
    return (replica, source)
  }

  /// The job with the network that the checkpoint is of: in the midst of a run's pre-training, that of the moment.
  func currentFile(for data: DataDescription) throws -> JobFile {
    let phases = try Phase.all(file, data, graph: file.trainingGraph(for: data), stepsPerEpoch: 1)
    return phases[min(checkpoint.header.phase ?? phases.count - 1, phases.count - 1)].file
  }
}

extension SampleTarget {
  fileprivate var isOfValues: Bool { if case .values = self { true } else { false } }
}
