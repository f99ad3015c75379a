import Glibc

/// The rule that turns a gradient into a change of the parameters: one pass over flat arrays.
package enum Optimizer: Hashable, Sendable, Codable {
  /// v ← μ v + g + λ p;  p ← p − η v (Nesterov: p ← p − η (g + λ p + μ v)). PyTorch's `SGD`, dampening 0.
  case sgd(momentum: Float, weightDecay: Float, nesterov: Bool)
  /// Kingma & Ba 2015, algorithm 1. `decoupled`: weight decay as in AdamW (Loshchilov & Hutter 2019, algorithm 2),
  /// else it is added to the gradient.
  case adam(beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float, decoupled: Bool)

  /// State arrays a parameter.
  package var stateCount: Int {
    switch self {
    case .sgd(let momentum, _, _): momentum == 0 ? 0 : 1
    case .adam: 2
    }
  }

  /// Updates every parameter of `store` from the gradients in slot 0.
  /// - Parameters:
  ///   - step: number of this update, from 1; Adam corrects its bias by it.
  ///   - learningRate: η of this step.
  package func update(_ store: ParameterStore, step: Int, learningRate: Float) {
    precondition(step >= 1 && store.stateCount >= stateCount)
    switch self {
    case .sgd(let momentum, let decay, let nesterov):
      if momentum == 0 {
        unsafe Self.plainDescent(store.parameters, store.slot(0), store.trainableCount, learningRate, decay)
      } else {
        unsafe Self.momentumDescent(
          store.parameters, store.slot(0), store.state(0), store.trainableCount, learningRate, decay, momentum, nesterov
        )
      }
    case .adam(let beta1, let beta2, let epsilon, let decay, let decoupled):
      let correction1 = Float(1 - pow(Double(beta1), Double(step)))
      let correction2 = Float(1 - pow(Double(beta2), Double(step)))
      let rates = AdamRates(
        beta1: beta1, beta2: beta2, epsilon: epsilon, stepSize: learningRate / correction1,
        rootScale: 1 / correction2.squareRoot(), gradientDecay: decoupled ? 0 : decay,
        shrink: decoupled ? 1 - learningRate * decay : 1)
      unsafe Self.adam(store.parameters, store.slot(0), store.state(0), store.state(1), store.trainableCount, rates)
    }
  }

  @unsafe private static func plainDescent(
    _ p: UnsafeMutablePointer<Float>, _ g: UnsafeMutablePointer<Float>, _ count: Int, _ rate: Float, _ decay: Float
  ) {
    for i in 0..<count { unsafe p[i] -= rate * (g[i] + decay * p[i]) }
  }

  @unsafe private static func momentumDescent(
    _ p: UnsafeMutablePointer<Float>, _ g: UnsafeMutablePointer<Float>, _ v: UnsafeMutablePointer<Float>,
    _ count: Int, _ rate: Float, _ decay: Float, _ momentum: Float, _ nesterov: Bool
  ) {
    if nesterov {
      for i in 0..<count {
        let gradient = unsafe g[i] + decay * p[i]
        let velocity = unsafe momentum * v[i] + gradient
        unsafe v[i] = velocity
        unsafe p[i] -= rate * (gradient + momentum * velocity)
      }
    } else {
      for i in 0..<count {
        let velocity = unsafe momentum * v[i] + (g[i] + decay * p[i])
        unsafe v[i] = velocity
        unsafe p[i] -= rate * velocity
      }
    }
  }

  private struct AdamRates {
    let beta1: Float
    let beta2: Float
    let epsilon: Float
    let stepSize: Float
    let rootScale: Float
    let gradientDecay: Float
    let shrink: Float
  }

  @unsafe private static func adam(
    _ p: UnsafeMutablePointer<Float>, _ g: UnsafeMutablePointer<Float>, _ m: UnsafeMutablePointer<Float>,
    _ v: UnsafeMutablePointer<Float>, _ count: Int, _ rates: AdamRates
  ) {
    let keep1 = rates.beta1
    let keep2 = rates.beta2
    for i in 0..<count {
      let gradient = unsafe g[i] + rates.gradientDecay * p[i]
      let mean = unsafe keep1 * m[i] + (1 - keep1) * gradient
      let square = unsafe keep2 * v[i] + (1 - keep2) * (gradient * gradient)
      unsafe m[i] = mean
      unsafe v[i] = square
      let root = square.squareRoot() * rates.rootScale + rates.epsilon
      unsafe p[i] = p[i] * rates.shrink - rates.stepSize * (mean / root)
    }
  }
}
