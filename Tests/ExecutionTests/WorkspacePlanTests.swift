import Execution
import Randomness
import Testing

@Suite struct WorkspacePlanTests {
  private typealias Buffer = WorkspacePlan.Buffer

  /// Lives as a compiler makes them: a step writes buffers and reads earlier ones, over which it may write.
  private func random(seed: UInt64) -> (buffers: [Buffer], takeovers: [(buffer: Int, earlier: Int)]) {
    var random = RandomStream(seed: seed, purpose: .test)
    var buffers: [Buffer] = []
    var takeovers: [(buffer: Int, earlier: Int)] = []
    for step in 0..<(3 + random.below(40)) {
      let read = buffers.isEmpty ? nil : random.below(buffers.count)
      if let read { buffers[read].lastStep = step }
      for _ in 0..<random.below(3) {
        let size = read.map { random.below(3) == 0 ? 1 + random.below(5000) : buffers[$0].byteCount } ?? 640
        buffers.append(Buffer(byteCount: size, firstStep: step, lastStep: step + random.below(2)))
      }
      if let read, buffers.count > read + 1, buffers[buffers.count - 1].firstStep == step {
        takeovers.append((buffers.count - 1, read))
      }
    }
    return (buffers, takeovers)
  }

  @Test(arguments: 0..<300) func buffersAliveAtOnceDoNotOverlap(seed: Int) {
    let (buffers, takeovers) = random(seed: UInt64(seed))
    let plan = WorkspacePlan(buffers, takeovers: takeovers)
    #expect(plan.offsets.count == buffers.count)
    #expect(plan.offsets.allSatisfy { $0 % WorkspacePlan.alignment == 0 && $0 >= 0 })
    for a in buffers.indices {
      #expect(plan.offsets[a] + buffers[a].byteCount <= plan.byteCount)
      for b in buffers.indices.dropFirst(a + 1) where overlaps(a, b, buffers, plan) {
        guard buffers[a].lastStep >= buffers[b].firstStep, buffers[b].lastStep >= buffers[a].firstStep else { continue }
        // Only a result over the input that its step reads last.
        let isTakeover = takeovers.contains { $0.buffer == b && $0.earlier == a }
        #expect(isTakeover && buffers[a].lastStep == buffers[b].firstStep, "\(a) and \(b) of seed \(seed)")
        #expect(buffers[a].byteCount == buffers[b].byteCount && plan.offsets[a] == plan.offsets[b])
      }
    }
    #expect(plan.byteCount <= buffers.reduce(0) { $0 + WorkspacePlan.rounded($1.byteCount) })
  }

  private func overlaps(_ a: Int, _ b: Int, _ buffers: [Buffer], _ plan: WorkspacePlan) -> Bool {
    plan.offsets[a] < plan.offsets[b] + buffers[b].byteCount
      && plan.offsets[b] < plan.offsets[a] + buffers[a].byteCount
  }

  @Test func randomPlansDoTakeOver() {
    let taken = (0..<300).count { seed in
      let (buffers, takeovers) = random(seed: UInt64(seed))
      let plan = WorkspacePlan(buffers, takeovers: takeovers)
      return takeovers.contains {
        plan.offsets[$0.buffer] == plan.offsets[$0.earlier] && buffers[$0.buffer].byteCount > 0
          && buffers[$0.earlier].lastStep == buffers[$0.buffer].firstStep
      }
    }
    #expect(taken > 100)
  }

  /// Largest first: the third buffer lies where the first was, the fourth right behind it. No plan is smaller: the first
  /// two are alive at once.
  @Test func aChainNeedsTwoBuffersAtOnce() {
    let plan = WorkspacePlan(
      [
        Buffer(byteCount: 1000, firstStep: 0, lastStep: 1), Buffer(byteCount: 500, firstStep: 1, lastStep: 2),
        Buffer(byteCount: 900, firstStep: 2, lastStep: 3), Buffer(byteCount: 400, firstStep: 3, lastStep: 4),
      ], takeovers: [])
    #expect(plan.byteCount == 1024 + 512)
    #expect(plan.offsets == [0, 1024, 0, 960])
  }

  @Test func aTakeoverNeedsTheSameSizeAndAnInputThatIsNotReadAgain() {
    func offsets(size: Int, lastRead: Int) -> [Int] {
      WorkspacePlan(
        [Buffer(byteCount: 128, firstStep: 0, lastStep: lastRead), Buffer(byteCount: size, firstStep: 2, lastStep: 5)],
        takeovers: [(1, 0)]
      ).offsets
    }
    #expect(offsets(size: 128, lastRead: 2) == [0, 0])
    #expect(offsets(size: 128, lastRead: 3) == [0, 128])
    #expect(offsets(size: 192, lastRead: 2) == [192, 0])
  }

  /// A chain of takeovers keeps its memory until its last buffer is done.
  @Test func whatIsTakenOverIsNotFreeForOthers() {
    let plan = WorkspacePlan(
      [
        Buffer(byteCount: 64, firstStep: 0, lastStep: 1), Buffer(byteCount: 64, firstStep: 1, lastStep: 2),
        Buffer(byteCount: 64, firstStep: 2, lastStep: 6), Buffer(byteCount: 64, firstStep: 4, lastStep: 5),
      ], takeovers: [(1, 0), (2, 1)])
    #expect(plan.offsets == [0, 0, 0, 64])
    #expect(plan.byteCount == 128)
  }
}
