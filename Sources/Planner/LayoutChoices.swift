package import CostModel

/// What the user has decided of a layout; nil is left to the planner. A search never leaves what is decided here.
package struct LayoutChoices: Hashable, Sendable, Codable {
  package var tensor: Int?
  package var context: Int?
  package var pipeline: Int?
  package var data: Int?
  package var expert: Int?
  package var virtualStages: Int?
  package var microBatch: Int?
  package var zeroStage: Int?
  package var recomputation: Recomputation?
  package var sequenceParallel: Bool?

  package init() {}

  package var isEmpty: Bool { self == LayoutChoices() }

  package func allows(_ layout: ParallelLayout) -> Bool {
    allowsDegrees(layout) && agrees(virtualStages, layout.virtualStages) && agrees(microBatch, layout.microBatch)
      && agrees(zeroStage, layout.zeroStage) && agrees(recomputation, layout.recomputation)
      && agrees(sequenceParallel, layout.sequenceParallel)
  }

  func allowsDegrees(_ layout: ParallelLayout) -> Bool {
    agrees(tensor, layout.tensor) && agrees(context, layout.context) && agrees(pipeline, layout.pipeline)
      && agrees(data, layout.data) && agrees(expert, layout.expert)
  }

  func agrees<Choice: Equatable>(_ choice: Choice?, _ value: Choice) -> Bool { choice.map { $0 == value } ?? true }
}
