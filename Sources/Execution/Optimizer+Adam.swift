import Glibc

extension Optimizer {
  /// How Adam and LAMB average gradients, with the corrections of one step.
  struct Moments {
    let beta1: Float
    let beta2: Float
    let epsilon: Float
    /// 1 − β₁ᵗ.
    let correction: Float
    /// 1 / √(1 − β₂ᵗ).
    let rootScale: Float

    init(beta1: Float, beta2: Float, epsilon: Float, step: Int) {
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
      correction = Float(1 - pow(Double(beta1), Double(step)))
      rootScale = 1 / Float(1 - pow(Double(beta2), Double(step))).squareRoot()
    }
  }

  static func adam(
    _ store: ParameterStore, _ range: Range<Int>, _ moments: Moments, rate: Float, decay: Float, isDecoupled: Bool
  ) {
    let p = unsafe store.parameters + range.lowerBound
    let g = unsafe store.slot(0) + range.lowerBound
    let m = unsafe store.state(0) + range.lowerBound
    let v = unsafe store.state(1) + range.lowerBound
    let stepSize = rate / moments.correction
    let gradientDecay = isDecoupled ? 0 : decay
    let shrink = isDecoupled ? 1 - rate * decay : 1
    let (keep1, keep2) = (moments.beta1, moments.beta2)
    for i in 0..<range.count {
      let gradient = unsafe g[i] + gradientDecay * p[i]
      let mean = unsafe keep1 * m[i] + (1 - keep1) * gradient
      let square = unsafe keep2 * v[i] + (1 - keep2) * (gradient * gradient)
      unsafe m[i] = mean
      unsafe v[i] = square
      let root = square.squareRoot() * moments.rootScale + moments.epsilon
      unsafe p[i] = p[i] * shrink - stepSize * (mean / root)
    }
  }
}
