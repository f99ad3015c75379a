import Execution
import ModelGraph
import Models
import Randomness

extension TrainingBenchmark {
  /// A network with its batch and optimizer, the same as `scripts/bench` gives PyTorch.
  package enum Workload: String, Sendable, CaseIterable {
    /// 784-512-256-10, batch 128 a rank.
    case mlp
    /// LeNet-5 with ReLU, batch 64 a rank.
    case lenet5
    /// Embedding 10,000×128, one layer of 256 units, dense 2 on its last state; batch 32 a rank, 100 tokens.
    case rnn, lstm, gru
    /// torchvision's networks for images of 3×224×224 and 1,000 classes; batch 32, 16, 32 and 16 a rank.
    case resnet18, resnet50, alexnet, googlenet

    var model: ModelSpecification {
      switch self {
      case .mlp: Zoo.mlp.model()
      case .lenet5: Zoo.lenet5.model()
      case .rnn: Self.classifier(.rnn)
      case .lstm: Self.classifier(.lstm)
      case .gru: Self.classifier(.gru)
      case .resnet18: Zoo.resnet18.model()
      case .resnet50: Zoo.resnet50.model()
      case .alexnet: Zoo.alexnet.model()
      case .googlenet: Zoo.googlenet.model()
      }
    }

    static let vocabulary = 10_000

    private static func classifier(_ cell: RecurrentCell) -> ModelSpecification {
      ModelSpecification(
        name: cell.rawValue,
        layers: [
          .init(.embedding(vocabulary: vocabulary, width: 128)),
          .init(.recurrent(RecurrentSettings(cell, units: 256))),
          .init(.dense(outputs: 2)),
        ])
    }

    var isRecurrent: Bool { model.inputElement == .int32 }

    private var isForImageNet: Bool { [.resnet18, .resnet50, .alexnet, .googlenet].contains(self) }

    var sampleShape: Shape { isRecurrent ? [100] : isForImageNet ? [3, 224, 224] : [1, 28, 28] }

    var classes: Int { isRecurrent ? 2 : isForImageNet ? 1000 : 10 }

    /// Times that each kernel is run for a profile.
    var profileRepetitions: Int { isForImageNet ? 5 : 200 }

    /// Samples a rank.
    var batch: Int {
      switch self {
      case .mlp: 128
      case .lenet5: 64
      case .rnn, .lstm, .gru, .resnet18, .alexnet: 32
      case .resnet50, .googlenet: 16
      }
    }

    /// Samples that run at once. 32 images of LeNet-5 keep its activations in a core's second-level cache: measured
    /// 1.15 times as fast as 64 at once.
    var shardSamples: Int {
      switch self {
      case .mlp: 128
      case .lenet5, .rnn, .lstm, .gru, .resnet18, .alexnet: 32
      case .resnet50, .googlenet: 16
      }
    }

    var optimizer: Optimizer {
      isRecurrent
        ? .adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, decoupled: true)
        : .sgd(momentum: 0.9, weightDecay: 0, nesterov: false)
    }

    var learningRate: Float { isRecurrent ? 1e-4 : 0.01 }
  }

  /// What a rank trains on.
  enum Samples {
    case numbers([Float])
    case tokens([Int32])

    init(_ workload: Workload, _ random: inout RandomStream) {
      let count = workload.batch * workload.sampleShape.elementCount
      if workload.isRecurrent {
        self = .tokens((0..<count).map { _ in Int32(random.below(Workload.vocabulary)) })
      } else {
        self = .numbers((0..<count).map { _ in Float(random.normal()) })
      }
    }
  }
}
