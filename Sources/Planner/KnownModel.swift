package import Jobs
import Models

/// The names under which published runs have a job's model: what of the calibration's groups is known before a run.
package struct KnownModel: Hashable, Sendable {
  /// Such as "gpt-dense"; nil for a model unlike those of the calibration.
  package let family: String?
  /// Such as "BERT-large"; nil for a model that nobody published a run of.
  package let name: String?

  package init(_ job: Job) {
    switch job.model {
    case .zoo(let entry): self.init(entry)
    case .transformer(let transformer): self.init(family: Self.family(transformer), name: nil)
    case .layers: self.init(family: nil, name: nil)
    }
  }

  init(family: String?, name: String?) {
    self.family = family
    self.name = name
  }

  private init(_ entry: Zoo) {
    if let published = Self.published[entry] {
      self.init(family: published.family, name: published.name)
    } else if let transformer = entry.transformer {
      self.init(family: Self.family(transformer), name: nil)
    } else {
      let prefixes = [
        ("resne", "cnn-resnet"), ("se-resnext", "cnn-resnet"), ("wide-resnet", "cnn-resnet"),
        ("efficientnet", "cnn-efficientnet"), ("vgg", "cnn-other"), ("densenet", "cnn-other"), ("incept", "cnn-other"),
        ("googlenet", "cnn-other"),
      ]
      self.init(family: prefixes.first { entry.rawValue.hasPrefix($0.0) }?.1, name: nil)
    }
  }

  private static func family(_ transformer: TransformerSpecification) -> String? {
    guard transformer.experts == nil, transformer.latent == nil else { return nil }
    switch transformer.kind {
    case .encoder: return "bert"
    case .encoderDecoder: return nil
    case .decoder:
      return transformer.norm == .rms && transformer.isGated && transformer.positions == .rotary ? "llama" : "gpt-dense"
    }
  }

  private static let published: [Zoo: (family: String, name: String)] = [
    .alexnet: ("cnn-other", "AlexNet"), .vgg16: ("cnn-other", "VGG16"), .inceptionV3: ("cnn-other", "Inception-v3"),
    .densenet161: ("cnn-other", "DenseNet-161"), .resnet50: ("cnn-resnet", "ResNet-50 v1.5"),
    .resnet101: ("cnn-resnet", "ResNet-101"), .resnet152: ("cnn-resnet", "ResNet-152"),
    .resnet50V2: ("cnn-resnet", "ResNet-50 v2"), .resnext101: ("cnn-resnet", "ResNeXt101-32x4d"),
    .resnet18CIFAR: ("cnn-resnet", "ResNet-18 (CIFAR)"),
    .efficientnetB0: ("cnn-efficientnet", "EfficientNet-v1-B0"),
    .efficientnetB4: ("cnn-efficientnet", "EfficientNet-v1-B4"),
    .efficientnetWideB0: ("cnn-efficientnet", "efficientnet-widese-b0"),
    .efficientnetWideB4: ("cnn-efficientnet", "efficientnet-widese-b4"),
    .bertBase: ("bert", "BERT-base"), .bertLarge: ("bert", "BERT-large"),
    .llama2x7B: ("llama", "Llama-2-7B"), .llama2x13B: ("llama", "Llama-2-13B"),
    .llama2x70B: ("llama", "Llama-2-70B"), .gpt2: ("gpt-dense", "GPT-2 124M class"),
    .gpt3x125M: ("gpt-dense", "GPT-3 small"),
  ]
}
