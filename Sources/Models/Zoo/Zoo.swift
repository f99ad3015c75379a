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
  /// Simonyan & Zisserman 2015, configurations A, B, D and E: 8, 10, 13 and 16 convolutions of 3×3, three dense layers.
  case vgg11, vgg13, vgg16, vgg19
  /// He et al. 2016: residual blocks of two 3×3 convolutions, or bottlenecks of 1×1, 3×3 and 1×1 from 50 layers on, the
  /// stride in the 3×3 (torchvision's).
  case resnet18, resnet34, resnet50, resnet101, resnet152
  /// He et al. 2016b: norm and ReLU before each convolution, so that nothing stands on the shortcut.
  case resnet50V2 = "resnet50-v2"
  case resnet101V2 = "resnet101-v2"
  case resnet152V2 = "resnet152-v2"
  /// Xie et al. 2017: the 3×3 of a bottleneck in 32 groups of 4 or 8 channels, twice or four times as many in all.
  case resnext50 = "resnext50-32x4d"
  case resnext101 = "resnext101-32x4d"
  case resnext101Wide = "resnext101-32x8d"
  /// The second of them with a weight for each channel of a block from all of them (Hu et al. 2018).
  case seResnext101 = "se-resnext101-32x4d"
  /// Zagoruyko & Komodakis 2016: bottlenecks of twice the channels.
  case wideResnet50 = "wide-resnet50-2"
  case wideResnet101 = "wide-resnet101-2"
  /// Residual networks for images of 32×32. ResNet-18 without stride and pool in its stem; 110 layers in blocks of two
  /// 3×3 convolutions of 16 to 64 channels, 164 in pre-activated bottlenecks (He et al. 2016, §4.2, and 2016b); 28
  /// layers of 160 to 640 channels (Zagoruyko & Komodakis 2016); nine layers (Page 2018).
  case resnet18CIFAR = "resnet18-cifar"
  case resnet110, resnet164
  case wideResnet28 = "wide-resnet-28-10"
  case resnet9
  /// Huang et al. 2017: each layer of a block reads all before it.
  case densenet121, densenet161, densenet169, densenet201
  /// Tan & Le 2019: depthwise convolutions with squeeze and excitation, scaled in depth, width and image size.
  case efficientnetB0 = "efficientnet-b0"
  case efficientnetB1 = "efficientnet-b1"
  case efficientnetB2 = "efficientnet-b2"
  case efficientnetB3 = "efficientnet-b3"
  case efficientnetB4 = "efficientnet-b4"
  case efficientnetB5 = "efficientnet-b5"
  case efficientnetB6 = "efficientnet-b6"
  case efficientnetB7 = "efficientnet-b7"
  /// The same with a wider squeeze and excitation (NVIDIA's EfficientNet-WideSE).
  case efficientnetWideB0 = "efficientnet-widese-b0"
  case efficientnetWideB4 = "efficientnet-widese-b4"
  /// Howard et al. 2017, Sandler et al. 2018: depthwise convolutions, for small processors.
  case mobilenetV1 = "mobilenet-v1"
  case mobilenetV2 = "mobilenet-v2"
  /// Iandola et al. 2016, version 1.1: as good as AlexNet with a fiftieth of its parameters.
  case squeezenet
  /// Ioffe & Szegedy 2015; Szegedy et al. 2016; Szegedy et al. 2017: inception modules with batch normalisation.
  case inceptionBN = "inception-bn"
  case inceptionV3 = "inception-v3"
  case inceptionV4 = "inception-v4"
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

  private enum Kind { case mnist, cifar, imageNet, classifier, forecaster, transformer(TransformerSpecification) }

  private var kind: Kind {
    if let transformer { return .transformer(transformer) }
    return switch self {
    case .mlp, .lenet5: .mnist
    case .resnet18CIFAR, .resnet110, .resnet164, .wideResnet28, .resnet9: .cifar
    case .rnnClassifier, .lstmClassifier, .gruClassifier: .classifier
    case .rnnForecaster, .lstmForecaster, .gruForecaster: .forecaster
    default: .imageNet
    }
  }

  /// The outputs for the data that the model is known for: 10 classes of MNIST or CIFAR-10, 1,000 of ImageNet, 2 of texts,
  /// 1 number, the tokens of a transformer's vocabulary.
  package var usualOutputs: Int {
    switch kind {
    case .mnist, .cifar: 10
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
    case .cifar: SampleShape(shape ?? [3, 32, 32])
    case .imageNet: SampleShape(shape ?? [3, imageSide, imageSide])
    case .classifier: SampleShape(fields: [SampleField(SampleShape.inputName, shape ?? [100], .int32)])
    case .forecaster: SampleShape(shape ?? [24, 8])
    case .transformer(let transformer): transformer.reading(sequence: shape?.dimensions.first).sampleShape
    }
  }

  package var usualLoss: Loss { if case .forecaster = kind { .meanSquaredError } else { .crossEntropy } }

  /// Of the images of ImageNet that the network was made for.
  private var imageSide: Int {
    switch self {
    case .inceptionV3, .inceptionV4: 299
    default: efficientSize.map { EfficientNetwork.sizes[$0.size].side } ?? 224
    }
  }

  /// Of an EfficientNet: 0 for B0, and whether its squeeze and excitation is wide.
  private var efficientSize: (size: Int, isWide: Bool)? {
    switch self {
    case .efficientnetB0: (0, false)
    case .efficientnetB1: (1, false)
    case .efficientnetB2: (2, false)
    case .efficientnetB3: (3, false)
    case .efficientnetB4: (4, false)
    case .efficientnetB5: (5, false)
    case .efficientnetB6: (6, false)
    case .efficientnetB7: (7, false)
    case .efficientnetWideB0: (0, true)
    case .efficientnetWideB4: (4, true)
    default: nil
    }
  }

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
    case .vgg11: vgg([1, 1, 2, 2, 2], classes)
    case .vgg13: vgg([2, 2, 2, 2, 2], classes)
    case .vgg16: vgg([2, 2, 3, 3, 3], classes)
    case .vgg19: vgg([2, 2, 4, 4, 4], classes)
    case .googlenet: googlenet(classes, hasAuxiliaryHeads: false)
    case .googlenetAuxiliary: googlenet(classes, hasAuxiliaryHeads: true)
    case .densenet121: densenet(growth: 32, start: 64, blocks: [6, 12, 24, 16], classes)
    case .densenet161: densenet(growth: 48, start: 96, blocks: [6, 12, 36, 24], classes)
    case .densenet169: densenet(growth: 32, start: 64, blocks: [6, 12, 32, 32], classes)
    case .densenet201: densenet(growth: 32, start: 64, blocks: [6, 12, 48, 32], classes)
    case .mobilenetV1: mobilenetV1(classes)
    case .mobilenetV2: mobilenetV2(classes)
    case .squeezenet: squeezenet(classes)
    case .inceptionBN: inceptionBN(classes)
    case .inceptionV3: inceptionV3(classes)
    case .inceptionV4: inceptionV4(classes)
    case .wideResnet28: wideResnet(depth: 28, widening: 10, classes)
    case .resnet9: resnet9(classes)
    case .rnnClassifier: classifier(.rnn, classes, vocabulary: vocabulary ?? 10_000)
    case .lstmClassifier: classifier(.lstm, classes, vocabulary: vocabulary ?? 10_000)
    case .gruClassifier: classifier(.gru, classes, vocabulary: vocabulary ?? 10_000)
    case .rnnForecaster: forecaster(.rnn, classes)
    case .lstmForecaster: forecaster(.lstm, classes)
    case .gruForecaster: forecaster(.gru, classes)
    default: scaled(classes)
    }
  }

  /// The networks of which one description holds for many sizes.
  private func scaled(_ classes: Int) -> ModelSpecification {
    if let (size, isWide) = efficientSize { return efficientnet(size: size, isWide: isWide, classes) }
    guard let network = residualNetwork else { preconditionFailure("\(rawValue) is described by no one") }
    return resnet(network, classes)
  }
}

/// A name that no model of the zoo has.
package struct UnknownModel: Error, Hashable, Sendable, CustomStringConvertible {
  package let name: String

  package var description: String {
    "unknown zoo model '\(name)'; \(NearMiss.advice(for: name, among: Zoo.allCases.map(\.rawValue)))"
  }
}
