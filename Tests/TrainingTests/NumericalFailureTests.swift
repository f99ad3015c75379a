import Foundation
import Jobs
import TestSupport
import Testing
import Training

@Suite("Numbers that are not finite")
struct NumericalFailureTests {
  private static let adam = "{name: adam, learning_rate: 0.01}"

  @Test("Weights that explode end the run: step, layer, operation; the coordinator alone speaks", arguments: [1, 2, 3])
  func explosion(ranks: Int) throws {
    let small = try SmallJob()
    let job = try small.job([Self.adam: "{name: sgd, learning_rate: 1e30}", "every_steps: 4": "every_steps: 1"])
    let results = try trainEach(job, run: small.path("run"), ranks: ranks)
    let error = #expect(throws: TrainingError.self) { try results[0].get() }
    #expect(error?.code == .numerical)
    let text = try #require(error?.message)
    let place =
      #/step 2: the loss is (nan|inf); the first number that is not finite: \w+ of layer 'dense2', shard \d on rank 0; lower learning_rate \(now 1e\+30\), or check the data for extreme values/#
    #expect(text.wholeMatch(of: place) != nil, "\(text)")
    for rank in 1..<max(ranks, 1) where rank < ranks {
      #expect(throws: PeerFailed.self) { try results[rank].get() }
    }
    #expect(try small.recordedSteps("run") == [1])
  }

  @Test("An update that overflows is never saved: the checkpoint before it stays")
  func noBrokenCheckpoint() throws {
    let small = try SmallJob()
    let good = try small.job([Self.adam: "{name: sgd, learning_rate: 0.1, momentum: 0.5}"])
    _ = try train(good, run: small.path("run")) { _, asked in asked == 4 ? 15 : nil }
    let before = small.checkpoints("run")
    let bad = try small.job(
      [Self.adam: "{name: sgd, learning_rate: 1e20, weight_decay: 1e20}", "every_steps: 4": "every_steps: 1"],
      named: "bad.yaml")
    let error = #expect(throws: TrainingError.self) { try train(bad, run: small.path("bad"), ranks: 2) }
    #expect(
      error?.message.hasPrefix("step 1: the update by sgd left numbers that are not finite in the parameter '") == true,
      "\(error?.message ?? "")")
    #expect(error?.code == .numerical)
    #expect(small.checkpoints("bad") == [])
    #expect(small.checkpoints("run") == before)
  }
}
