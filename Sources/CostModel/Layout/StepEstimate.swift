package import Units

/// One named part of a step's time.
package struct StepTerm: Hashable, Sendable, Codable {
  /// Such as "tensor all-reduces".
  package let name: String
  package let seconds: Seconds

  package init(_ name: String, _ seconds: Seconds) {
    self.name = name
    self.seconds = seconds
  }
}

/// A step under one layout, in full: terms that add up to its time, and memory of the fullest stage.
package struct StepEstimate: Hashable, Sendable, Codable {
  package let terms: [StepTerm]
  package let memory: MemoryComponents

  package init(terms: [StepTerm], memory: MemoryComponents) {
    self.terms = terms
    self.memory = memory
  }

  package var time: Seconds { terms.map(\.seconds).sum() }
}

/// fixed + m · perMicroBatch seconds for m micro-batches of a replica.
package struct AffineStep: Hashable, Sendable, Codable {
  package let fixed: Double
  package let perMicroBatch: Double

  package init(fixed: Double, perMicroBatch: Double) {
    self.fixed = fixed
    self.perMicroBatch = perMicroBatch
  }
}

/// How much of a layout a bound may take as given.
package enum LayoutDepth: Int, Hashable, Sendable, Codable, CaseIterable, Comparable {
  /// t, c, p, d and e.
  case degrees
  /// And b and v.
  case batch
  /// And recomputation and sequence parallelism: what is left is the ZeRO stage.
  case activations

  package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// Times and memory of steps of one job on one kind of node, prepared so that one layout is arithmetic alone.
///
/// A search calls `seconds` and `bytes` millions of times, and `estimate` for the few layouts it shows. Bounds let it skip:
/// `leastSeconds` and `leastBytes` must not be above what any legal layout gives that agrees in what `depth` names; a bound
/// of 0 is always right and skips nothing.
package protocol LayoutEvaluator: Sendable {
  /// Of one step, of a legal layout.
  func seconds(_ layout: ParallelLayout) -> Double
  /// On a rank of the fullest stage, of a legal layout.
  func bytes(_ layout: ParallelLayout) -> Double
  /// What a rank may fill.
  var usableBytes: Double { get }
  func leastSeconds(_ layout: ParallelLayout, depth: LayoutDepth) -> Double
  func leastBytes(_ layout: ParallelLayout, depth: LayoutDepth) -> Double
  /// A step as what it takes for each micro-batch of a replica and what it takes besides, whatever the batch: for shares of
  /// a batch that are not equal.
  func affine(_ layout: ParallelLayout) -> AffineStep
  /// The terms whose sum `seconds` is, and the components whose sum `bytes` is.
  func estimate(_ layout: ParallelLayout) -> StepEstimate
}
