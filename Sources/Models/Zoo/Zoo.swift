package import ModelGraph

/// Models that come with Apus, by name.
package enum Zoo: String, Hashable, Codable, Sendable, CaseIterable {
  /// flatten, dense 512, dense 256, dense to the classes; ReLU between. Layers `l1`, `l2`, `l3`.
  case mlp
  /// LeNet-5 with ReLU and max pooling: two convolutions of 5×5 (6 and 16 channels), dense 120, 84 and to the classes
  /// (LeCun et al. 1998, in today's form). Layers `c1`, `c2`, `f1`, `f2`, `f3`.
  case lenet5

  /// Krizhevsky 2014 ("One weird trick …"), as torchvision has it: five convolutions, three dense layers, dropout.
  case alexnet
  /// Simonyan & Zisserman 2015, configuration D: thirteen convolutions of 3×3, three dense layers.
  case vgg16
  /// He et al. 2016: residual blocks of two 3×3 convolutions, or bottlenecks of 1×1, 3×3 and 1×1 from 50 layers on, the
  /// stride in the 3×3 (torchvision's).
  case resnet18, resnet34, resnet50, resnet101, resnet152
  /// Szegedy et al. 2015 with batch normalisation, as torchvision has it: nine inception modules.
  case googlenet
  /// The same with its two auxiliary classifiers, which train along with 0.3 of their losses.
  case googlenetAuxiliary = "googlenet-auxiliary"
  /// Tokens to classes: an embedding of width 128, one layer of 256 units, a dense layer on its last state. 10,000 tokens
  /// and 2 classes, in a job those of its data.
  case rnnClassifier = "rnn-classifier"
  case lstmClassifier = "lstm-classifier"
  case gruClassifier = "gru-classifier"
  /// A window of numbers, [length, columns], to the numbers that follow: one layer of 64 units, a dense layer on its last
  /// state.
  case rnnForecaster = "rnn-forecaster"
  case lstmForecaster = "lstm-forecaster"
  case gruForecaster = "gru-forecaster"

  // Transformers; their sizes stand in `transformer`. They can be planned and described, not trained yet.
  case gpt2
  case gpt2Medium = "gpt2-medium"
  case gpt2Large = "gpt2-large"
  case gpt2XL = "gpt2-xl"
  case gpt3x125M = "gpt3-125m"
  case gpt3x350M = "gpt3-350m"
  case gpt3x760M = "gpt3-760m"
  case gpt3x1B = "gpt3-1.3b"
  case gpt3x2B = "gpt3-2.7b"
  case gpt3x6B = "gpt3-6.7b"
  case gpt3x13B = "gpt3-13b"
  case gpt3x175B = "gpt3-175b"
  case bertBase = "bert-base"
  case bertLarge = "bert-large"
  case robertaBase = "roberta-base"
  case robertaLarge = "roberta-large"
  case distilbert
  case t5Small = "t5-small"
  case t5Base = "t5-base"
  case t5Large = "t5-large"
  case t5x3B = "t5-3b"
  case t5x11B = "t5-11b"
  case llama2x7B = "llama-2-7b"
  case llama2x13B = "llama-2-13b"
  case llama2x70B = "llama-2-70b"

  /// - Throws: `UnknownModel` with the nearest name.
  package init(named name: String) throws(UnknownModel) {
    guard let model = Zoo(rawValue: name) else { throw UnknownModel(name: name) }
    self = model
  }

  private enum Kind { case mnist, imageNet, classifier, forecaster, transformer(TransformerSpecification) }

  private var kind: Kind {
    if let transformer { return .transformer(transformer) }
    return switch self {
    case .mlp, .lenet5: .mnist
    case .rnnClassifier, .lstmClassifier, .gruClassifier: .classifier
    case .rnnForecaster, .lstmForecaster, .gruForecaster: .forecaster
    default: .imageNet
    }
  }

  /// The outputs for the data that the model is known for: 10 classes of MNIST, 1,000 of ImageNet, 2 of texts, 1 number,
  /// the tokens of a transformer's vocabulary.
  package var usualOutputs: Int {
    switch kind {
    case .mnist: 10
    case .imageNet: 1000
    case .classifier: 2
    case .forecaster: 1
    case .transformer(let transformer): transformer.vocabulary
    }
  }

  /// A sample of that data, or of another shape: an image, 100 tokens, 24 rows of 8 numbers, or a transformer's sequence.
  package func sampleShape(_ shape: Shape? = nil) -> SampleShape {
    switch kind {
    case .mnist: SampleShape(shape ?? [1, 28, 28])
    case .imageNet: SampleShape(shape ?? [3, 224, 224])
    case .classifier: SampleShape(fields: [SampleField(SampleShape.inputName, shape ?? [100], .int32)])
    case .forecaster: SampleShape(shape ?? [24, 8])
    case .transformer(let transformer): transformer.reading(sequence: shape?.dimensions.first).sampleShape
    }
  }

  package var usualLoss: Loss { if case .forecaster = kind { .meanSquaredError } else { .crossEntropy } }

  /// - Parameters:
  ///   - outputs: of the last layer, classes or numbers; nil for `usualOutputs`. A transformer has its vocabulary.
  ///   - vocabulary: tokens of an embedding; nil for 10,000, or those of a transformer.
  package func model(outputs: Int? = nil, vocabulary: Int? = nil) -> ModelSpecification {
    if let transformer {
      return ModelSpecification(name: rawValue, transformer: transformer.reading(vocabulary: vocabulary))
    }
    let classes = outputs ?? usualOutputs
    return switch self {
    case .mlp: Self.mlp(classes)
    case .lenet5: Self.lenet5(classes)
    case .alexnet: Self.alexnet(classes)
    case .vgg16: Self.vgg16(classes)
    case .resnet18: resnet([2, 2, 2, 2], isBottleneck: false, classes)
    case .resnet34: resnet([3, 4, 6, 3], isBottleneck: false, classes)
    case .resnet50: resnet([3, 4, 6, 3], isBottleneck: true, classes)
    case .resnet101: resnet([3, 4, 23, 3], isBottleneck: true, classes)
    case .resnet152: resnet([3, 8, 36, 3], isBottleneck: true, classes)
    case .googlenet: googlenet(classes, hasAuxiliaryHeads: false)
    case .googlenetAuxiliary: googlenet(classes, hasAuxiliaryHeads: true)
    case .rnnClassifier: classifier(.rnn, classes, vocabulary: vocabulary ?? 10_000)
    case .lstmClassifier: classifier(.lstm, classes, vocabulary: vocabulary ?? 10_000)
    case .gruClassifier: classifier(.gru, classes, vocabulary: vocabulary ?? 10_000)
    case .rnnForecaster: forecaster(.rnn, classes)
    case .lstmForecaster: forecaster(.lstm, classes)
    case .gruForecaster: forecaster(.gru, classes)
    default: preconditionFailure("\(rawValue) is no transformer, and has no layers")
    }
  }
}

/// A name that no model of the zoo has.
package struct UnknownModel: Error, Hashable, Sendable, CustomStringConvertible {
  package let name: String

  package var description: String {
    "unknown zoo model '\(name)'; \(NearMiss.advice(for: name, among: Zoo.allCases.map(\.rawValue)))"
  }
}
