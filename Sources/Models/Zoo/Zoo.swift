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

  /// - Throws: `UnknownModel` with the nearest name.
  package init(named name: String) throws(UnknownModel) {
    guard let model = Zoo(rawValue: name) else { throw UnknownModel(name: name) }
    self = model
  }

  /// The classes of the data that the model is known for: 10 of MNIST, 1,000 of ImageNet.
  package var usualClasses: Int { isForImageNet ? 1000 : 10 }

  /// A sample of that data.
  package var usualSampleShape: Shape { isForImageNet ? [3, 224, 224] : [1, 28, 28] }

  private var isForImageNet: Bool { self != .mlp && self != .lenet5 }

  /// - Parameter classes: outputs of the last layer; nil for `usualClasses`.
  package func model(classes: Int? = nil) -> ModelSpecification {
    let classes = classes ?? usualClasses
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
