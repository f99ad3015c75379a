package import Collectives
package import ModelGraph
package import Models
package import Units

/// How a job's network is trained: its section `training`.
package struct TrainingSpecification: Hashable, Codable, Sendable {
  package var epochs: Int
  /// Samples of the global batch; a multiple of `shards`.
  package var batch: Int
  /// Fixed pieces of the global batch, whatever the number of ranks that share them.
  package var shards: Int
  package var loss: Loss
  package var lossOptions = LossOptions()
  package var optimizer: OptimizerSpecification
  package var schedule = Schedule.constant
  /// The greatest norm of all gradients together, and the greatest size of each; nil for no limit.
  package var clipNorm: Double?
  package var clipValue: Double?
  /// Times Σ|w| added to the loss, by soft-thresholding behind each update.
  package var l1 = Job.Defaults.l1
  package var earlyStopping: EarlyStopping?
  package var pretraining: Pretraining?
  /// Truncated back-propagation through time: each step goes on with the recurrent states that the one before ended with.
  package var carriesState = Job.Defaults.carriesState
  package var health = HealthSpecification()
  /// Of what convolutions and dense layers compute in; parameters are float32 always.
  package var precision = Job.Defaults.precision
  package var reduction: Reduction
  /// The schedule of all-reduces where `reduction` leaves it open; nil for the one that is fastest on the links at hand.
  package var allReduce: ScheduleAlgorithm?
  /// How large the pieces are in which gradients go out to the other ranks; nil for what suits the model.
  package var bucket: Bytes?
  /// Of gradients on their way to other ranks, where they are added in float32.
  package var gradientPrecision = Job.Defaults.gradientPrecision
  /// What the ranks share rather than have each (Rajbhandari et al. 2020, "ZeRO"): 0 nothing, 1 optimizer states.
  package var zeroStage = Job.Defaults.zeroStage

  package init(
    epochs: Int, batch: Int, shards: Int = Job.Defaults.shards, loss: Loss = Job.Defaults.loss,
    optimizer: OptimizerSpecification, reduction: Reduction = Job.Defaults.reduction
  ) {
    self.epochs = epochs
    self.batch = batch
    self.shards = shards
    self.loss = loss
    self.optimizer = optimizer
    self.reduction = reduction
  }

  package var shardSamples: Int { batch / shards }
}

/// Greedy layer-wise training before the network is trained as a whole (Bengio et al. 2007, "Greedy Layer-Wise Training
/// of Deep Networks", the supervised variant): layer after layer is trained under a temporary output layer, those
/// before it held as they are.
package struct Pretraining: Hashable, Codable, Sendable {
  package var epochsPerLayer: Int

  package init(epochsPerLayer: Int) { self.epochsPerLayer = epochsPerLayer }
}

/// How often gradients and activations are looked at.
package struct HealthSpecification: Hashable, Codable, Sendable {
  /// Nil: in the first step of each epoch.
  package var everySteps: Int?

  package init(everySteps: Int? = nil) { self.everySteps = everySteps }
}
