/// Which parts of a store's flat arrays an optimizer changes, and which of them it lets decay.
package struct UpdateRanges: Hashable, Sendable {
  /// A range of floats, padding included; all its elements are treated alike.
  struct Piece: Hashable, Sendable {
    var range: Range<Int>
    /// Whether weight decay and L1 act on it.
    let isDecayed: Bool
  }

  /// One a parameter tensor, in the order of the store.
  let tensors: [Piece]
  /// The same elements in as few pieces as there can be, so that an update is few passes over long arrays.
  let runs: [Piece]
  /// Those of the runs that this rank updates.
  let ownRuns: [Piece]
  /// The tensors of which several ranks update parts.
  let split: [Piece]

  /// - Parameters:
  ///   - decaysBiases: false leaves all but weights (biases, scales, shifts, slopes) out of weight decay and L1.
  ///   - trains: whether the parameter of this name is updated at all.
  package init(_ store: ParameterStore, decaysBiases: Bool = true, trains: (String) -> Bool = { _ in true }) {
    self.init(
      store.places, decaysBiases: decaysBiases, shares: store.shares, own: store.stateRange, trains: trains)
  }

  init(
    _ places: [ParameterStore.Place], decaysBiases: Bool, shares: [Range<Int>], own: Range<Int>,
    trains: (String) -> Bool = { _ in true }
  ) {
    tensors = places.filter { trains($0.name) }.map {
      Piece(range: $0.range, isDecayed: decaysBiases || $0.isWeight)
    }
    runs = tensors.reduce(into: []) { runs, piece in
      if let last = runs.last, last.isDecayed == piece.isDecayed, last.range.upperBound == piece.range.lowerBound {
        runs[runs.count - 1].range = last.range.lowerBound..<piece.range.upperBound
      } else {
        runs.append(piece)
      }
    }
    ownRuns = runs.compactMap { run in
      let range = run.range.clamped(to: own)
      return range.isEmpty ? nil : Piece(range: range, isDecayed: run.isDecayed)
    }
    split = tensors.filter { tensor in !shares.contains { tensor.range.clamped(to: $0) == tensor.range } }
  }
}
