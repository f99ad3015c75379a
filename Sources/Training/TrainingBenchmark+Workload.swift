import Datasets
import Execution
import ModelGraph
import Models
import Randomness

extension TrainingBenchmark {
  /// A network with its batch and optimizer, the same as `scripts/bench` gives PyTorch.
  package enum Workload: String, Sendable, CaseIterable {
    /// 784-512-256-10, batch 128 a rank.
    case mlp
    /// 784-4096-4096-10, batch 128 a rank.
    case mlpWide = "mlp-wide"
    /// LeNet-5 with ReLU, batch 64 a rank.
    case lenet5
    /// Embedding 10,000×128, one layer of 256 units, dense 2 on its last state; batch 32 a rank, 100 tokens.
    case rnn, lstm, gru
    /// torchvision's networks for images of 3×224×224 and 1,000 classes; batch 32, 16, 32 and 16 a rank.
    case resnet18, resnet50, alexnet, googlenet

    var model: ModelSpecification {
      switch self {
      case .mlp: Zoo.mlp.model()
      case .mlpWide: Self.wideMLP
      case .lenet5: Zoo.lenet5.model()
      case .rnn: Zoo.rnnClassifier.model(vocabulary: Self.vocabulary)
      case .lstm: Zoo.lstmClassifier.model(vocabulary: Self.vocabulary)
      case .gru: Zoo.gruClassifier.model(vocabulary: Self.vocabulary)
      case .resnet18: Zoo.resnet18.model()
      case .resnet50: Zoo.resnet50.model()
      case .alexnet: Zoo.alexnet.model()
      case .googlenet: Zoo.googlenet.model()
      }
    }

    static let vocabulary = 10_000

    private static let wideMLP = ModelSpecification(
      name: "mlp-wide",
      layers: [
        .init(.flatten), .init(.dense(outputs: 4096, activation: .relu)),
        .init(.dense(outputs: 4096, activation: .relu)),
        .init(.dense(outputs: 10)),
      ])

    private var isRecurrent: Bool { [.rnn, .lstm, .gru].contains(self) }

    private var isForImageNet: Bool { [.resnet18, .resnet50, .alexnet, .googlenet].contains(self) }

    /// An image, or tokens.
    var input: SampleField {
      isRecurrent
        ? SampleField(SampleShape.inputName, [100], .int32)
        : SampleField(SampleShape.inputName, isForImageNet ? [3, 224, 224] : [1, 28, 28])
    }

    var fields: [SampleField] { [input, SampleField(SampleTarget.labelsName, [], .int32)] }

    var classes: Int { isRecurrent ? 2 : isForImageNet ? 1000 : 10 }

    /// Times that each kernel is run for a profile.
    var profileRepetitions: Int { isForImageNet ? 5 : 200 }

    /// Samples a rank.
    var batch: Int {
      switch self {
      case .mlp, .mlpWide: 128
      case .lenet5: 64
      case .rnn, .lstm, .gru, .resnet18, .alexnet: 32
      case .resnet50, .googlenet: 16
      }
    }

    /// Samples that run at once. 32 images of LeNet-5 keep its activations in a core's second-level cache: measured
    /// 1.15 times as fast as 64 at once.
    var shardSamples: Int {
      switch self {
      case .mlp, .mlpWide: 128
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

    /// What a rank trains on.
    func samples(_ batch: Int, _ random: inout RandomStream) -> SampleBuffer {
      let samples = SampleBuffer(fields: fields, capacity: batch)
      if isRecurrent {
        samples.withIntegers(0, 0..<batch) { tokens in
          for index in tokens.indices { tokens[index] = Int32(random.below(Self.vocabulary)) }
        }
      } else {
        samples.withFloats(0, 0..<batch) { numbers in
          for index in numbers.indices { numbers[index] = Float(random.normal()) }
        }
      }
      samples.withIntegers(1, 0..<batch) { labels in
        for index in labels.indices { labels[index] = Int32(random.below(classes)) }
      }
      return samples
    }
  }
}
