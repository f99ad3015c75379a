import CostModel
import Planner
import TestSupport
import Testing
import Units

@Suite("The timeline of a step") struct StepTimelineTests {
  @Test(
    "of 1F1B ends after m + p − 1 micro-batches, runs one thing at a time and each in its order",
    arguments: [1, 2, 3, 8], [1, 2, 5, 16])
  func schedule(p: Int, m: Int) {
    let rows = StepTimeline.oneForwardOneBackward(stages: p, microBatches: m, forward: 1, backward: 2)
    let end = rows.flatMap { $0 }.map(\.end).max() ?? 0
    expectClose([end], [Double(m + p - 1) * 3], relative: 1e-12, "p \(p) m \(m)")
    for (stage, blocks) in rows.enumerated() {
      #expect(blocks.count == 2 * m && blocks.count { $0.kind == .forward } == m)
      for (a, b) in zip(blocks, blocks.dropFirst()) { #expect(a.end <= b.start + 1e-9) }
      // No more micro-batches alive than the memory model says.
      var alive = 0
      var most = 0
      for block in blocks {
        alive += block.kind == .forward ? 1 : -1
        most = max(most, alive)
      }
      #expect(most == min(m, p - stage), "stage \(stage) of \(p), \(m) micro-batches")
    }
  }

  @Test("of a plan is as long as its step on every row")
  func length() throws {
    let request = PlannerTests.request { $0.choices.pipeline = 4 }
    let plan = PlannerTests.plan(request)
    let chosen = try #require(plan.chosen)
    let line = StepTimeline(chosen, globalBatch: 96)
    #expect(line.rows.count == 4)
    for row in line.rows {
      let end = try #require(row.blocks.map(\.end).max())
      expectClose([end], [chosen.step.count], relative: 1e-6, row.name)
    }
  }
}
