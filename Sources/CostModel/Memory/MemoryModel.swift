package import Units

/// Memory of a model's training under any legal layout.
package protocol MemoryModel: Sendable {
  /// Of a rank of stage `stage`, counted from 0.
  func components(stage: Int, _ layout: ParallelLayout) -> MemoryComponents
  /// Of a rank of the stage that needs the most.
  func fullest(_ layout: ParallelLayout) -> MemoryComponents
  /// Bytes that every legal layout needs which agrees with `layout` in what `depth` names.
  func leastBytes(_ layout: ParallelLayout, depth: LayoutDepth) -> Double
}

extension MemoryModel {
  package func fullest(_ layout: ParallelLayout) -> MemoryComponents {
    (0..<layout.pipeline).map { components(stage: $0, layout) }.max { $0.totalBytes < $1.totalBytes }
      ?? MemoryComponents()
  }
}

/// What an accelerator has, and what of it a plan may fill.
package struct MemoryBudget: Hashable, Sendable, Codable {
  package let capacity: Bytes
  /// Share left free for fragmentation, 0 ..< 1.
  package let reserve: Double

  /// The published range is 5 to 10 %; allocators whose segments grow need the less.
  package static let defaultReserve = 0.05

  package init(capacity: Bytes, reserve: Double = defaultReserve) {
    precondition(reserve >= 0 && reserve < 1, "a reserve is a share below 1")
    self.capacity = capacity
    self.reserve = reserve
  }

  package var usable: Bytes { Bytes(count: Int64((Double(capacity.count) * (1 - reserve)).rounded(.down))) }
}

/// Whether a layout fits, and by how much it does not.
package struct MemoryFit: Hashable, Sendable, Codable {
  package let components: MemoryComponents
  package let budget: MemoryBudget

  package init(_ components: MemoryComponents, in budget: MemoryBudget) {
    self.components = components
    self.budget = budget
  }

  package var fits: Bool { components.total <= budget.usable }
  /// Zero if it fits.
  package var missing: Bytes { fits ? .zero : components.total - budget.usable }
  package var free: Bytes { fits ? budget.usable - components.total : .zero }
}
