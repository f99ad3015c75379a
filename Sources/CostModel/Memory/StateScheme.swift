/// What training holds of each parameter, in bytes, by number formats and optimizer.
///
/// Source: Rajbhandari et al. 2020 (ZeRO), §3.1, and Megatron-LM's theoretical memory usage. Valid for optimizers whose
/// states are as many numbers as the parameters; Adafactor's and the like are fewer.
package struct StateScheme: Hashable, Sendable, Codable {
  package let name: String
  /// What forward and backward read.
  package let weights: Double
  package let gradients: Double
  /// Moments and, of mixed precision, the fp32 weights.
  package let optimizer: Double

  package init(name: String, weights: Double, gradients: Double, optimizer: Double) {
    self.name = name
    self.weights = weights
    self.gradients = gradients
    self.optimizer = optimizer
  }

  package static let sgd = Self(name: "fp32 SGD", weights: 4, gradients: 4, optimizer: 0)
  package static let momentum = Self(name: "fp32 SGD with momentum", weights: 4, gradients: 4, optimizer: 4)
  package static let adam = Self(name: "fp32 Adam", weights: 4, gradients: 4, optimizer: 8)
  package static let mixedSGD = Self(name: "mixed SGD", weights: 2, gradients: 2, optimizer: 4)
  package static let mixedMomentum = Self(name: "mixed SGD with momentum", weights: 2, gradients: 2, optimizer: 8)
  package static let mixedAdam = Self(name: "mixed Adam", weights: 2, gradients: 2, optimizer: 12)
  /// Megatron-LM's: gradients are added up in fp32.
  package static let mixedAdamMainGradients = Self(
    name: "mixed Adam, fp32 gradients", weights: 2, gradients: 4, optimizer: 12)
  package static let adam8Bit = Self(name: "bf16 Adam of 8-bit states", weights: 2, gradients: 2, optimizer: 6)

  /// All of one parameter, held whole.
  package var total: Double { weights + gradients + optimizer }

  /// Bytes of each parameter on a rank, of `ranks` data-parallel ones that share states as `zeroStage` says.
  package func perParameter(zeroStage: Int, ranks: Int) -> (weights: Double, gradients: Double, optimizer: Double) {
    let d = Double(max(1, ranks))
    return (
      zeroStage >= 3 ? weights / d : weights,
      zeroStage >= 2 ? gradients / d : gradients,
      zeroStage >= 1 ? optimizer / d : optimizer
    )
  }

  /// Bytes a parameter in a checkpoint: weights and optimizer states, no gradients: 14 for mixed Adam.
  package var checkpointed: Double { weights + optimizer }
}
