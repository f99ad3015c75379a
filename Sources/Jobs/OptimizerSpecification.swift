/// How gradients change weights; the values here are the defaults of a job file.
package struct OptimizerSpecification: Hashable, Codable, Sendable {
  package var rule: Rule
  /// Of the schedule's highest point; without a schedule of every step.
  package var learningRate: Double
  /// Added to the gradient (L2), for AdamW taken off the weights.
  package var weightDecay: Double
  /// False: all but weights (biases, scales, shifts, slopes, whatever their shape) have no part in weight decay and L1.
  package var decayBias: Bool

  package init(_ rule: Rule, learningRate: Double, weightDecay: Double? = nil, decayBias: Bool = true) {
    self.rule = rule
    self.learningRate = learningRate
    self.weightDecay = weightDecay ?? Self.weightDecay(rule.name)
    self.decayBias = decayBias
  }

  package enum Rule: Hashable, Codable, Sendable {
    case sgd(momentum: Double = 0, nesterov: Bool = false)
    /// Duchi, Hazan & Singer 2011.
    case adagrad(epsilon: Double = 1e-10)
    /// Tieleman & Hinton 2012, with PyTorch's values.
    case rmsprop(smoothing: Double = 0.99, epsilon: Double = 1e-8, momentum: Double = 0, centred: Bool = false)
    /// Kingma & Ba 2015, with their values.
    case adam(Moments = Moments())
    /// Adam whose weight decay acts on the weights, not on the gradients (Loshchilov & Hutter 2019).
    case adamw(Moments = Moments())
    /// You, Gitman & Ginsburg 2017: SGD with a rate for each tensor, for large batches.
    case lars(momentum: Double = 0.9, trust: Double = 0.001)
    /// You et al. 2020: Adam with a rate for each tensor, for large batches.
    case lamb(Moments = Moments(epsilon: 1e-6))

    package var name: Name {
      switch self {
      case .sgd: .sgd
      case .adagrad: .adagrad
      case .rmsprop: .rmsprop
      case .adam: .adam
      case .adamw: .adamw
      case .lars: .lars
      case .lamb: .lamb
      }
    }
  }

  /// Averages of the gradient and of its square.
  package struct Moments: Hashable, Codable, Sendable {
    package var beta1: Double
    package var beta2: Double
    package var epsilon: Double

    package init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8) {
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
    }
  }

  package enum Name: String, Hashable, Sendable, CaseIterable { case sgd, adagrad, rmsprop, adam, adamw, lars, lamb }

  package var name: Name { rule.name }

  /// Weight decay where none is given.
  package static func weightDecay(_ name: Name) -> Double {
    switch name {
    case .adamw: 0.01
    case .sgd, .adagrad, .rmsprop, .adam, .lars, .lamb: 0
    }
  }

  /// A learning rate to begin with, for error texts.
  package static func usualLearningRate(_ name: Name) -> String {
    switch name {
    case .sgd, .adagrad, .rmsprop: "0.01"
    case .adam, .adamw, .lamb: "0.001"
    case .lars: "1"
    }
  }
}
