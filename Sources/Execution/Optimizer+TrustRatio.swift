/// Optimizers that scale the update of each parameter tensor by a ratio of norms.
extension Optimizer {
  static func lars(
    _ store: ParameterStore, _ range: Range<Int>, rate: Float, momentum: Float, trust: Float, decay: Float
  ) {
    let own = range.clamped(to: store.stateRange)
    guard !own.isEmpty else { return }
    // Every rank has all parameters and gradients, and so the norms of whole tensors.
    let weights = unsafe Norms.sumOfSquares(store.parameters + range.lowerBound, range.count).squareRoot()
    let gradient = unsafe Norms.sumOfSquares(store.slot(0) + range.lowerBound, range.count).squareRoot()
    let p = unsafe store.parameters + own.lowerBound
    let g = unsafe store.slot(0) + own.lowerBound
    let v = unsafe store.state(0) + own.lowerBound
    let ratio =
      weights > 0 && gradient > 0 ? Double(trust) * weights / (gradient + Double(decay) * weights) : 1
    let local = rate * Float(ratio)
    for i in 0..<own.count {
      let velocity = unsafe momentum * v[i] + local * (g[i] + decay * p[i])
      unsafe v[i] = velocity
      unsafe p[i] -= velocity
    }
  }

  /// The update direction r takes the gradient's place between the two passes.
  static func lamb(_ store: ParameterStore, _ range: Range<Int>, _ moments: Moments, rate: Float, decay: Float) {
    var (weights, direction) = (0.0, 0.0)
    // A block at a time, so that the norms find it in cache.
    for start in stride(from: range.lowerBound, to: range.upperBound, by: Norms.block) {
      let count = min(Norms.block, range.upperBound - start)
      unsafe lambDirection(
        store.parameters + start, store.slot(0) + start, store.state(0) + start, store.state(1) + start, count,
        moments, decay)
      weights += unsafe Norms.sumOfSquares(store.parameters + start, count)
      direction += unsafe Norms.sumOfSquares(store.slot(0) + start, count)
    }
    step(store, range, rate: rate, weights: weights, direction: direction)
  }

  /// The tensors of which this rank updates a part, or none: the blocks of a tensor's norm come from all ranks, and are
  /// summed in the order in which one rank sums them.
  static func lamb(
    _ store: ParameterStore, split: [UpdateRanges.Piece], _ moments: Moments, rate: Float, decay: Float,
    exchange: (inout [Double]) throws -> Void
  ) rethrows {
    var blocks: [Double] = []
    for piece in split {
      for start in stride(from: piece.range.lowerBound, to: piece.range.upperBound, by: Norms.block) {
        let count = min(Norms.block, piece.range.upperBound - start)
        guard store.stateRange.contains(start) else {
          blocks.append(0)
          continue
        }
        unsafe lambDirection(
          store.parameters + start, store.slot(0) + start, store.state(0) + start, store.state(1) + start, count,
          moments, piece.isDecayed ? decay : 0)
        blocks.append(unsafe Norms.sumOfSquares(store.slot(0) + start, count))
      }
    }
    try exchange(&blocks)
    var next = 0
    for piece in split {
      var (weights, direction) = (0.0, 0.0)
      for start in stride(from: piece.range.lowerBound, to: piece.range.upperBound, by: Norms.block) {
        weights += unsafe Norms.sumOfSquares(store.parameters + start, min(Norms.block, piece.range.upperBound - start))
        direction += blocks[next]
        next += 1
      }
      step(
        store, piece.range.clamped(to: store.stateRange), rate: rate, weights: weights, direction: direction)
    }
  }

  /// p ← p − η · ratio · r over `range`, from the tensor's sums of squares.
  private static func step(
    _ store: ParameterStore, _ range: Range<Int>, rate: Float, weights: Double, direction: Double
  ) {
    let ratio = weights > 0 && direction > 0 ? (weights / direction).squareRoot() : 1
    let local = rate * Float(ratio)
    let p = unsafe store.parameters + range.lowerBound
    let r = unsafe store.slot(0) + range.lowerBound
    for i in 0..<range.count { unsafe p[i] -= local * r[i] }
  }

  @unsafe private static func lambDirection(
    _ p: UnsafeMutablePointer<Float>, _ g: UnsafeMutablePointer<Float>, _ m: UnsafeMutablePointer<Float>,
    _ v: UnsafeMutablePointer<Float>, _ count: Int, _ moments: Moments, _ decay: Float
  ) {
    let (keep1, keep2) = (moments.beta1, moments.beta2)
    let scale = 1 / moments.correction
    for i in 0..<count {
      let gradient = unsafe g[i]
      let mean = unsafe keep1 * m[i] + (1 - keep1) * gradient
      let square = unsafe keep2 * v[i] + (1 - keep2) * (gradient * gradient)
      unsafe m[i] = mean
      unsafe v[i] = square
      let root = square.squareRoot() * moments.rootScale + moments.epsilon
      unsafe g[i] = scale * mean / root + decay * p[i]
    }
  }
}
