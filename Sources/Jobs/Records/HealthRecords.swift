/// A look at gradients and activations in one step.
package struct HealthRecord: Hashable, Codable, Sendable {
  /// Nil where a number is not finite.
  package struct Layer: Hashable, Codable, Sendable {
    package let layer: String
    /// Of all the layer's parameters, before clipping.
    package let gradientNorm: Double?
    package let parameterNorm: Double?

    package init(layer: String, gradientNorm: Double, parameterNorm: Double) {
      self.layer = layer
      self.gradientNorm = gradientNorm.isFinite ? gradientNorm : nil
      self.parameterNorm = parameterNorm.isFinite ? parameterNorm : nil
    }
  }

  /// A ReLU over the samples that were looked at.
  package struct Activation: Hashable, Codable, Sendable {
    package let layer: String
    /// Outputs of a dense layer, channels of a convolution.
    package let units: Int
    /// Those that were 0 for every sample.
    package let deadUnits: Int
    /// How many there were: of the step's batch, and of those behind it.
    package let samples: Int

    package init(layer: String, units: Int, deadUnits: Int, samples: Int) {
      self.layer = layer
      self.units = units
      self.deadUnits = deadUnits
      self.samples = samples
    }
  }

  package let step: Int
  package let epoch: Int
  /// Of all parameters together.
  package let gradientNorm: Double?
  /// From the input on.
  package let layers: [Layer]
  package let activations: [Activation]

  package init(step: Int, epoch: Int, gradientNorm: Double, layers: [Layer], activations: [Activation]) {
    self.step = step
    self.epoch = epoch
    self.gradientNorm = gradientNorm.isFinite ? gradientNorm : nil
    self.layers = layers
    self.activations = activations
  }
}

/// Something that is wrong with a training, told once a run.
package struct HealthWarning: Hashable, Codable, Sendable {
  package enum Name: String, Hashable, Codable, Sendable, CaseIterable {
    case vanishingGradients = "vanishing-gradients"
    case explodingGradients = "exploding-gradients"
    case deadReLUs = "dead-relus"
  }

  package let step: Int
  package let name: Name
  /// What was seen, with the values, and the remedy.
  package let message: String

  package init(step: Int, name: Name, message: String) {
    self.step = step
    self.name = name
    self.message = message
  }
}

/// What a run's looks have come to; part of a checkpoint.
package struct HealthState: Hashable, Codable, Sendable {
  /// Of the finite gradient norms of the looks before.
  package var meanNorm = 0.0
  package var looks = 0
  package var warned: [HealthWarning.Name] = []
  /// Samples of the latest looks in a row at which most units of a ReLU were dead, by its layer; nil for none.
  package var quietSamples: [String: Int]?

  package init() {}
}
