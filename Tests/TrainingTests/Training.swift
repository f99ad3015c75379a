import Collectives
import Foundation
import Jobs
import TestSupport
import Training

/// Trains the small job's file on ranks that are threads.
///
/// - Parameter stop: asked by each rank once a step, with the rank and how often it was asked before.
/// - Returns: the outcome of rank 0.
func train(
  _ job: String, run: String, ranks: Int = 1, resume: Bool = false, epochs: Int? = nil, overlaps: Bool = false,
  shares: [Double]? = nil, trace: String? = nil,
  stop: @escaping @Sendable (Int, Int) -> Int32? = { _, _ in nil }
) throws -> (outcome: RunOutcome, warnings: [String]) {
  let results = try trainEach(
    job, run: run, ranks: ranks, resume: resume, epochs: epochs, overlaps: overlaps, shares: shares, trace: trace,
    stop: stop)
  let failures = results.compactMap { if case .failure(let error) = $0 { error } else { nil } }
  if let own = failures.first(where: { !($0 is PeerFailed) }) ?? failures.first { throw own }
  return try results[0].get()
}

/// The same, with what became of each rank.
func trainEach(
  _ job: String, run: String, ranks: Int, resume: Bool = false, epochs: Int? = nil, overlaps: Bool = false,
  shares: [Double]? = nil, trace: String? = nil,
  stop: @escaping @Sendable (Int, Int) -> Int32? = { _, _ in nil }
) throws -> [Result<(outcome: RunOutcome, warnings: [String]), any Error>] {
  try InProcessGroup.run(rankCount: ranks) { group in
    Result {
      var asked = 0
      var warnings: [String] = []
      var options = TrainingOptions(
        threads: 1, runDirectory: run, resume: resume, overlaps: overlaps, trace: trace)
      options.shares = shares
      let trainer = Trainer(
        try JobFile(path: job).training(epochs: epochs), group: group, options: options,
        stopRequest: {
          defer { asked += 1 }
          return stop(group.rank, asked)
        },
        tell: { if case .warning(let text) = $0 { warnings.append(text) } })
      return (try trainer.run(), warnings)
    }
  }
}

/// The numbers behind the header of a run's newest checkpoint: what the header says of how ranks worked together may
/// differ, they may not.
func checkpointNumbers(_ small: SmallJob, _ run: String) throws -> [UInt8] {
  let bytes = try small.newestCheckpoint(run)
  let header = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
  return Array(bytes[(8 + header)...])
}

func runReport(_ small: SmallJob, _ run: String) throws -> [String: Any] {
  try JSONSerialization.jsonObject(with: Data(small.bytes(run + "/report.json"))) as? [String: Any] ?? [:]
}
