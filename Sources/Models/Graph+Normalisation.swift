package import ModelGraph

/// How a batch is normalised.
package struct BatchNormalisationSettings: Hashable, Sendable {
  /// Added to the variance.
  package var epsilon: Double
  /// Share of the way that the running mean and variance go to those of each step.
  package var momentum: Double
  /// Whether the mean and variance are those of the samples at hand, or the running ones.
  package var isTraining: Bool

  package init(epsilon: Double = 1e-5, momentum: Double = 0.1, isTraining: Bool) {
    self.epsilon = epsilon
    self.momentum = momentum
    self.isTraining = isTraining
  }
}

extension Graph {
  /// y = weight (x − mean) / √(variance + ε) + bias, by channel (Ioffe & Szegedy 2015).
  ///
  /// x [N, C, …] → y of the same shape. Parameters: `<name>.weight` [C], ones, and `<name>.bias` [C], zeros; statistics
  /// `<name>.running_mean` and `<name>.running_var` [C] (the names and defaults of PyTorch's `nn.BatchNorm2d`). In
  /// training the samples are those of one shard: a shard's result depends on nothing else, whatever rank computes it;
  /// the running values move towards the mean over the shards.
  ///
  ///     let y = try graph.batchNormalisation("bn1", x, BatchNormalisationSettings(isTraining: true))
  ///
  /// - Throws: `GraphError` if x has no channels, or in training a single value in each.
  package mutating func batchNormalisation(
    _ name: String, _ x: ValueID, _ settings: BatchNormalisationSettings
  ) throws -> ValueID {
    let type = self[x].type
    let channels: Shape = [type.shape.rank >= 2 ? type.shape[1] : 0]
    let operation = BatchNormalisation(epsilon: settings.epsilon)
    let affine = AffineNormalisation(epsilon: settings.epsilon)
    let rule: any OperationRule = settings.isTraining ? operation : affine
    _ = try rule.outputTypes([type, TensorType(channels), TensorType(channels)], layer: name)
    let weight = parameter(name + ".weight", channels, .constant(1))
    let bias = parameter(name + ".bias", channels, .zeros)
    let mean = statistic(name + ".running_mean", channels, .zeros, momentum: settings.momentum)
    let variance = statistic(name + ".running_var", channels, .constant(1), momentum: settings.momentum)
    guard settings.isTraining else {
      return try append(.affineNormalisation(affine), [x, weight, bias, mean, variance], layer: name)[0]
    }
    let results = try append(.batchNormalisation(operation), [x, weight, bias], layer: name)
    observe(mean, results[1])
    observe(variance, results[3])
    return results[0]
  }
  /// y = weight (x − mean) / √(variance + ε) + bias over the last `dimensions` dimensions (Ba, Kiros & Hinton 2016).
  ///
  /// x [samples, …] → y of the same shape. Parameters: `<name>.weight`, ones, and `<name>.bias`, zeros, both of the shape
  /// that is normalised (the names and defaults of PyTorch's `nn.LayerNorm`). The same in training and evaluation.
  ///
  /// - Throws: `GraphError` if x has fewer dimensions behind the samples, or a single value in them.
  package mutating func layerNormalisation(
    _ name: String, _ x: ValueID, dimensions: Int = 1, epsilon: Double = 1e-5
  ) throws -> ValueID {
    let rule = LayerNormalisation(epsilon: epsilon, dimensions: dimensions)
    let normalised = try rule.normalisedShape(self[x].type.shape, layer: name)
    let weight = parameter(name + ".weight", normalised, .constant(1))
    let bias = parameter(name + ".bias", normalised, .zeros)
    return try append(.layerNormalisation(rule), [x, weight, bias], layer: name)[0]
  }

  /// y = weight (x − mean) / √(variance + ε) + bias over groups of channels of each sample (Wu & He 2018).
  ///
  /// x [N, C, …] → y of the same shape. Parameters: `<name>.weight` [C], ones, and `<name>.bias` [C], zeros (the names
  /// and defaults of PyTorch's `nn.GroupNorm`). The same in training and evaluation; `groups` = C is instance
  /// normalisation.
  ///
  /// - Throws: `GraphError` if x has no channels, `groups` does not divide them, or a group is a single value.
  package mutating func groupNormalisation(
    _ name: String, _ x: ValueID, groups: Int, epsilon: Double = 1e-5
  ) throws -> ValueID {
    let type = self[x].type
    let channels: Shape = [type.shape.rank >= 2 ? type.shape[1] : 0]
    let rule = GroupNormalisation(epsilon: epsilon, groups: groups)
    _ = try rule.outputTypes([type, TensorType(channels), TensorType(channels)], layer: name)
    let weight = parameter(name + ".weight", channels, .constant(1))
    let bias = parameter(name + ".bias", channels, .zeros)
    return try append(.groupNormalisation(rule), [x, weight, bias], layer: name)[0]
  }

  /// y = weight x / √(mean(x²) + ε) over the last dimension (Zhang & Sennrich 2019).
  ///
  /// x [samples, …, D] → y of the same shape. Parameter: `<name>.weight` [D], ones (PyTorch's `nn.RMSNorm`). The same in
  /// training and evaluation.
  ///
  /// - Throws: `GraphError` if x is not [samples, …, features].
  package mutating func rmsNormalisation(_ name: String, _ x: ValueID, epsilon: Double = 1e-6) throws -> ValueID {
    let shape = self[x].type.shape
    let features = TensorType([shape.dimensions.last ?? 0])
    let rule = RMSNormalisation(epsilon: epsilon)
    _ = try rule.outputTypes([self[x].type, features], layer: name)
    let weight = parameter(name + ".weight", features.shape, .constant(1))
    return try append(.rmsNormalisation(rule), [x, weight], layer: name)[0]
  }
}
