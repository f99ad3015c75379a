package import Jobs
package import Units

/// What the coordinator tells while a run goes on. The command shows it; the records keep it.
package enum TrainingEvent: Sendable {
  case started(RunStart)
  case step(StepRecord)
  case epoch(EpochRecord)
  case checkpoint(step: Int, path: String)
  /// Where the run has come to.
  case note(String)
  /// Something the user should know, with the remedy.
  case warning(String)
  /// Nothing was left to train.
  case alreadyFinished(step: Int)
  case finished(RunReport)
}

/// What a run begins with.
package struct RunStart: Hashable, Sendable, Codable {
  package let job: String
  package let runDirectory: String
  package let placement: Placement
  package let parameterCount: Int
  package let trainingSamples: Int
  package let validationSamples: Int
  package let testSamples: Int
  package let batch: Int
  package let shards: Int
  package let stepsPerEpoch: Int
  package let epochs: Int
  package let reduction: Reduction
  /// Steps that an earlier process has done.
  package let resumedFromStep: Int
  package let memory: Bytes
}

/// How a run ended.
package enum RunOutcome: Sendable {
  /// The test of the trained network; nil if the job has no test set, and on ranks other than the coordinator.
  case finished(EvaluationReport?)
  /// A signal asked for the stop; the checkpoint of `step` is written.
  case stopped(signal: Int32, step: Int)
}
