package import Models

/// What of a transformer's blocks differ in what they hold and compute. A model that is no transformer is one plain block.
package enum BlockKind: Int, Hashable, Sendable, Codable, CaseIterable {
  /// Of the only stack, or of the encoder.
  case plain
  case experts
  /// Of a decoder that attends to an encoder's output.
  case decoder
  case decoderExperts

  package init(isSecondStack: Bool, hasExperts: Bool) {
    self =
      switch (isSecondStack, hasExperts) {
      case (false, false): .plain
      case (false, true): .experts
      case (true, false): .decoder
      case (true, true): .decoderExperts
      }
  }

  package var isDecoder: Bool { self == .decoder || self == .decoderExperts }
  package var hasExperts: Bool { self == .experts || self == .decoderExperts }

  /// 1 for each kind that has experts; attentions of each.
  static let haveExperts = BlockSequence.ByKind(0, 1, 0, 1)
  static let attentions = BlockSequence.ByKind(1, 1, 2, 2)
}

/// The kinds of a model's blocks in the order in which a pipeline cuts them, and what of them each stage has.
package struct BlockSequence: Hashable, Sendable {
  /// A number for each kind, in the order of their raw values.
  package typealias ByKind = SIMD4<Double>

  /// Blocks, and the kinds that there are.
  package let count: Int
  package let kinds: [BlockKind]
  /// Blocks of each kind.
  package let total: ByKind
  /// Of each kind, those before a block; empty where all are of one kind.
  private let before: [ByKind]
  private let only: Int
  /// 1/total, 0 where there is none.
  private let inverse: ByKind

  package init(_ order: [BlockKind]) {
    precondition(!order.isEmpty, "a model has one block or more")
    var before: [ByKind] = [.zero]
    for kind in order {
      var next = before[before.count - 1]
      next[kind.rawValue] += 1
      before.append(next)
    }
    count = order.count
    let total = before[order.count]
    self.total = total
    kinds = BlockKind.allCases.filter { total[$0.rawValue] > 0 }
    only = kinds[0].rawValue
    self.before = kinds.count == 1 ? [] : before
    var inverse = ByKind.zero
    for kind in kinds { inverse[kind.rawValue] = 1 / total[kind.rawValue] }
    self.inverse = inverse
  }

  package var isUniform: Bool { before.isEmpty }

  /// Blocks of each kind on stage `stage`: with v virtual stages pieces `stage`, `stage` + p, … of p·v equal ones.
  package func blocks(ofStage stage: Int, _ layout: ParallelLayout) -> ByKind {
    guard !isUniform else {
      var result = ByKind.zero
      result[only] = Double(layout.layers(ofStage: stage, of: count))
      return result
    }
    let (p, v) = (layout.pipeline, layout.virtualStages)
    guard v > 1 else {
      let start = first(ofStage: stage, layout)
      return before[start + layout.layers(ofStage: stage, of: count)] - before[start]
    }
    let piece = count / (p * v)
    var result = ByKind.zero
    for round in 0..<v {
      let start = (round * p + stage) * piece
      result += before[start + piece] - before[start]
    }
    return result
  }

  /// The stage that holds block `block`.
  package func stage(ofBlock block: Int, _ layout: ParallelLayout) -> Int {
    let (p, v) = (layout.pipeline, layout.virtualStages)
    if v > 1 { return block / max(1, count / (p * v)) % p }
    let (even, more) = (count / p, count % p)
    let ofLonger = more * (even + 1)
    return block < ofLonger ? block / (even + 1) : more + (block - ofLonger) / max(1, even)
  }

  /// The part of each kind's blocks that `blocks` of them are.
  package func shares(_ blocks: ByKind) -> ByKind { blocks * inverse }

  private func first(ofStage stage: Int, _ layout: ParallelLayout) -> Int {
    stage * (count / layout.pipeline) + min(stage, count % layout.pipeline)
  }
}

extension TransformerSpecification {
  /// Its blocks in the order in which a pipeline cuts them: an encoder's come before its decoder's.
  package var blockSequence: BlockSequence {
    let stacks = kind == .encoderDecoder ? [false, true] : [false]
    return BlockSequence(
      stacks.flatMap { isSecond in
        (0..<layers).map { BlockKind(isSecondStack: isSecond, hasExperts: experts?.isIn(block: $0) ?? false) }
      })
  }
}
