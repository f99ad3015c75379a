/// What is done to gradients before an update and to parameters behind it. Every rank that has the same numbers gets
/// the same bits.
extension ParameterStore {
  /// The Euclidean norm of the gradients in slot 0.
  package func gradientNorm(over ranges: UpdateRanges? = nil) -> Double {
    (ranges ?? allRanges).tensors.reduce(0) {
      unsafe $0 + Norms.sumOfSquares(slot(0) + $1.range.lowerBound, $1.range.count)
    }
    .squareRoot()
  }

  /// Scales the gradients in slot 0 so that their norm is at most `limit` (Pascanu, Mikolov & Bengio 2013), by
  /// limit / (norm + 10⁻⁶) as PyTorch's `clip_grad_norm_`.
  /// - Returns: the norm before.
  @discardableResult
  package func clipGradientNorm(to limit: Double, over ranges: UpdateRanges? = nil) -> Double {
    let norm = gradientNorm(over: ranges)
    let scale = Float(limit / (norm + 1e-6))
    guard scale < 1 else { return norm }
    for piece in (ranges ?? allRanges).runs {
      let g = unsafe slot(0) + piece.range.lowerBound
      for i in 0..<piece.range.count { unsafe g[i] *= scale }
    }
    return norm
  }

  /// Limits every element of the gradients in slot 0 to [−limit, limit]; what is no number stays so.
  package func clipGradientValues(to limit: Float, over ranges: UpdateRanges? = nil) {
    for piece in (ranges ?? allRanges).runs {
      let g = unsafe slot(0) + piece.range.lowerBound
      for i in 0..<piece.range.count {
        let value = unsafe g[i]
        let low = value < -limit ? -limit : value
        unsafe g[i] = low > limit ? limit : low
      }
    }
  }

  /// p ← sign(p) · max(0, |p| − amount) where weight decay acts: the proximal step of the L1 norm, which leaves true
  /// zeros (Daubechies, Defrise & De Mol 2004; with gradient steps: Beck & Teboulle 2009, eq. 1.4).
  package func softThreshold(by amount: Float, over ranges: UpdateRanges? = nil) {
    for piece in (ranges ?? allRanges).ownRuns where piece.isDecayed {
      let p = unsafe parameters + piece.range.lowerBound
      for i in 0..<piece.range.count {
        let value = unsafe p[i]
        let magnitude = abs(value) - amount
        // What is no number stays so.
        unsafe p[i] = magnitude <= 0 ? 0 : (value < 0 ? -magnitude : magnitude)
      }
    }
  }

  /// Parameters that are exactly 0, and how many there are, of all that an optimizer updates.
  package var zeros: (count: Int, of: Int) {
    var zeros = 0
    var padding = 0
    for place in places {
      let p = unsafe parameters + place.range.lowerBound
      padding += place.range.count - place.elementCount
      for i in 0..<place.range.count where unsafe p[i] == 0 { zeros += 1 }
    }
    // Padding is zero.
    return (zeros - padding, places.reduce(0) { $0 + $1.elementCount })
  }

  /// The norms of one parameter tensor.
  package struct TensorNorms: Hashable, Sendable {
    package let name: String
    /// Rather than a bias, scale, shift or slope.
    package let isWeight: Bool
    package let gradient: Double
    package let parameter: Double

    package init(name: String, isWeight: Bool, gradient: Double, parameter: Double) {
      self.name = name
      self.isWeight = isWeight
      self.gradient = gradient
      self.parameter = parameter
    }
  }

  /// Norms of each parameter and of its gradient in slot 0, in the order of the store: the last layer's first.
  package var tensorNorms: [TensorNorms] {
    places.map { place in
      let (start, count) = (place.range.lowerBound, place.range.count)
      return TensorNorms(
        name: place.name, isWeight: place.isWeight,
        gradient: unsafe Norms.sumOfSquares(slot(0) + start, count).squareRoot(),
        parameter: unsafe Norms.sumOfSquares(parameters + start, count).squareRoot())
    }
  }
}
