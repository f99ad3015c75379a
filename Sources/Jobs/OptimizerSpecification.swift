/// How gradients change weights; the values here are the defaults of a job file.
package enum OptimizerSpecification: Hashable, Codable, Sendable {
  case sgd(SGD)
  case adam(Adam)
  /// Adam whose weight decay acts on the weights, not on the gradients (Loshchilov & Hutter 2019).
  case adamw(Adam)

  /// v ← momentum · v + g + weightDecay · w;  w ← w − learningRate · v
  package struct SGD: Hashable, Codable, Sendable {
    package var learningRate: Double
    package var momentum = 0.0
    package var weightDecay = 0.0

    package init(learningRate: Double, momentum: Double = 0, weightDecay: Double = 0) {
      self.learningRate = learningRate
      self.momentum = momentum
      self.weightDecay = weightDecay
    }
  }

  /// Kingma & Ba 2015, with their values.
  package struct Adam: Hashable, Codable, Sendable {
    package var learningRate: Double
    package var beta1: Double
    package var beta2: Double
    package var epsilon: Double
    package var weightDecay: Double

    package init(
      learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0
    ) {
      self.learningRate = learningRate
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
      self.weightDecay = weightDecay
    }
  }

  package enum Name: String, Hashable, Sendable, CaseIterable { case sgd, adam, adamw }

  /// AdamW's weight decay where none is given; plain Adam has 0.
  package static let adamWWeightDecay = 0.01

  package var name: Name {
    switch self {
    case .sgd: .sgd
    case .adam: .adam
    case .adamw: .adamw
    }
  }
}
