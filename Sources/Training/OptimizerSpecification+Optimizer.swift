package import Execution
package import Jobs

extension OptimizerSpecification {
  /// The rule in the kernels' precision.
  package var optimizer: Optimizer {
    let decay = Float(weightDecay)
    return switch rule {
    case .sgd(let momentum, let nesterov):
      .sgd(momentum: Float(momentum), weightDecay: decay, nesterov: nesterov)
    case .adagrad(let epsilon): .adagrad(epsilon: Float(epsilon), weightDecay: decay)
    case .rmsprop(let smoothing, let epsilon, let momentum, let centred):
      .rmsprop(
        smoothing: Float(smoothing), epsilon: Float(epsilon), momentum: Float(momentum), weightDecay: decay,
        centred: centred)
    case .adam(let moments): Self.adam(moments, decay, decoupled: false)
    case .adamw(let moments): Self.adam(moments, decay, decoupled: true)
    case .lars(let momentum, let trust):
      .lars(momentum: Float(momentum), trust: Float(trust), weightDecay: decay)
    case .lamb(let moments):
      .lamb(
        beta1: Float(moments.beta1), beta2: Float(moments.beta2), epsilon: Float(moments.epsilon), weightDecay: decay)
    }
  }

  private static func adam(_ moments: Moments, _ decay: Float, decoupled: Bool) -> Optimizer {
    .adam(
      beta1: Float(moments.beta1), beta2: Float(moments.beta2), epsilon: Float(moments.epsilon), weightDecay: decay,
      decoupled: decoupled)
  }
}
