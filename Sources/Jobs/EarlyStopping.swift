/// When a run ends before its last epoch: once the metric has not got better for `patience` epochs.
package struct EarlyStopping: Hashable, Codable, Sendable {
  package var metric: ValidationMetric
  /// Epochs without improvement after which the run ends.
  package var patience: Int
  /// The least change of the metric that counts.
  package var minDelta: Double
  /// Whether the run ends with the weights of its best epoch rather than its last.
  package var restoreBest: Bool

  package init(
    metric: ValidationMetric = .loss, patience: Int = 5, minDelta: Double = 0, restoreBest: Bool = true
  ) {
    self.metric = metric
    self.patience = patience
    self.minDelta = minDelta
    self.restoreBest = restoreBest
  }
}

/// What early stopping has seen; part of a checkpoint.
package struct EarlyStoppingState: Hashable, Codable, Sendable {
  package struct Best: Hashable, Codable, Sendable {
    package let value: Double
    /// From 1.
    package let epoch: Int

    package init(value: Double, epoch: Int) {
      self.value = value
      self.epoch = epoch
    }
  }

  package private(set) var best: Best?
  package private(set) var idleEpochs = 0
  package private(set) var isOver = false

  package init() {}

  /// Takes an epoch's metric.
  /// - Returns: whether it is the best so far.
  package mutating func observe(_ value: Double, epoch: Int, _ rule: EarlyStopping) -> Bool {
    if best.map({ rule.metric.isBetter(value, than: $0.value, by: rule.minDelta) }) ?? true {
      best = Best(value: value, epoch: epoch)
      idleEpochs = 0
      return true
    }
    idleEpochs += 1
    isOver = idleEpochs >= rule.patience
    return false
  }
}
