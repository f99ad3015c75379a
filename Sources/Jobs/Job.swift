package import Datasets
package import ModelGraph
package import Models

/// What somebody asks to be trained: the content of a job file, every default filled in.
package struct Job: Hashable, Codable, Sendable {
  package var formatVersion = FormatVersion<JobFormat>.current
  /// Letters, digits, `-`, `_` and `.`; names the run directory.
  package var name: String
  /// Of initial weights, data order and dropout.
  package var seed: UInt64 = Defaults.seed
  package var data: DataSpecification
  package var model: ModelChoice
  package var training: TrainingSpecification
  package var checkpoint = CheckpointSpecification()

  package init(
    name: String, seed: UInt64 = Defaults.seed, data: DataSpecification, model: ModelChoice,
    training: TrainingSpecification, checkpoint: CheckpointSpecification = CheckpointSpecification()
  ) {
    self.name = name
    self.seed = seed
    self.data = data
    self.model = model
    self.training = training
    self.checkpoint = checkpoint
  }

  /// What a key that is left out means. The one place for it; the keys that are not here must be given.
  ///
  /// An optimizer's own defaults stand with it, in `OptimizerSpecification`.
  package enum Defaults {
    package static let seed: UInt64 = 1
    package static let normalization = Normalization.training
    package static let missing = MissingPolicy.refuse
    package static let horizon = 1
    package static let cifarLabels = CIFAR.Labels.fine
    package static let imageChannels = 3
    package static let resize = ImageFolderSpecification.Resize.bilinear
    package static let tokens = Tokenisation.word
    package static let textColumn = "text"
    package static let labelColumn = "label"
    package static let sourceColumn = "source"
    package static let targetColumn = "target"
    package static let shards = 8
    package static let loss = Loss.crossEntropy
    package static let precision = Precision.float32
    package static let reduction = Reduction.reproducible
    package static let gradientPrecision = Precision.float32
    package static let zeroStage = 0
    package static let l1 = 0.0
    package static let carriesState = false
    package static let checkpointEveryEpochs = 1
    package static let checkpointsToKeep = 2
  }
}

/// Of job files, `apus: 1`.
package enum JobFormat: FileFormat {
  package static let name = "job"
  package static let number = 1
}

package enum ModelChoice: Hashable, Codable, Sendable {
  case zoo(Zoo)
  case layers([LayerSpecification])
  case transformer(TransformerSpecification)
}

package enum Reduction: String, Hashable, Codable, Sendable, CaseIterable {
  /// Gradients are summed in one fixed order: the same weights, bit for bit, on any number of ranks.
  case reproducible
  /// In the order that is fastest on the ranks at hand.
  case fastest
}

package struct CheckpointSpecification: Hashable, Codable, Sendable {
  /// Nil: at the ends of epochs only.
  package var everySteps: Int?
  package var everyEpochs: Int
  /// The newest ones; older ones are deleted.
  package var keep: Int

  package init(
    everySteps: Int? = nil, everyEpochs: Int = Job.Defaults.checkpointEveryEpochs,
    keep: Int = Job.Defaults.checkpointsToKeep
  ) {
    self.everySteps = everySteps
    self.everyEpochs = everyEpochs
    self.keep = keep
  }
}
