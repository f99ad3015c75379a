import CostModel
import Planner
import Testing

@Suite("A layout that cannot be") struct ObstacleTests {
  /// 24 layers, 16 heads, 1024 positions on 16 accelerators, 8 a node.
  private func space(_ batch: Int = 96, _ change: (inout LayoutChoices) -> Void = { _ in }) -> LayoutSpace {
    let rules = SyntheticModel().rules(
      for: .made("plain", nodes: 2, hourly: 30), globalBatch: batch)
    var choices = LayoutChoices()
    change(&choices)
    return LayoutSpace(rules: rules, choices: choices)
  }

  @Test("is told with the rule that it breaks and the remedy")
  func rules() throws {
    let cases: [(LayoutSpace, String)] = [
      (space { $0.tensor = 3 }, "tensor 3 does not divide the 16 accelerators; give a divisor of 16"),
      (space { $0.tensor = 16 }, "16 tensor-parallel ranks do not fit a node of 8 accelerators"),
      (space { ($0.tensor, $0.pipeline) = (8, 4) }, "tensor 8 × pipeline 4 = 32 does not divide the 16"),
      (
        space { ($0.tensor, $0.context, $0.pipeline, $0.data) = (2, 1, 2, 2) },
        "tensor 2 × context 1 × pipeline 2 × data 2 are 8 accelerators, and there are 16"
      ),
      (space { $0.pipeline = 16 }, "16 stages do not divide 24 layers"),
      (space { $0.microBatch = 7 }, "do not divide a batch of 96"),
      (space { ($0.zeroStage, $0.pipeline) = (3, 2) }, "ZeRO-3 under a pipeline"),
      (space { ($0.virtualStages, $0.pipeline) = (5, 2) }, "2 stages of 5 pieces do not divide 24 layers"),
      (space { ($0.sequenceParallel, $0.tensor) = (true, 1) }, "there is one rank"),
      (space(7) { ($0.tensor, $0.pipeline, $0.context) = (1, 1, 1) }, "do not divide a batch of 7"),
    ]
    for (space, text) in cases {
      #expect(space.count == 0, "\(text)")
      let obstacle = try #require(space.obstacle, "\(text)")
      #expect(obstacle.contains(text), "\(obstacle)")
    }
  }

  @Test("is none where a layout is legal", arguments: [1, 2, 4, 8])
  func none(tensor: Int) {
    let space = space { $0.tensor = tensor }
    #expect(space.count > 0 && space.obstacle == nil)
  }
}
