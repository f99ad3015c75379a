import ModelGraph

/// Models that come with Apus, by name.
package enum Zoo: String, Hashable, Codable, Sendable, CaseIterable {
  /// flatten, dense 512, dense 256, dense to the classes; ReLU between. Layers `l1`, `l2`, `l3`.
  case mlp
  /// LeNet-5 with ReLU and max pooling: two convolutions of 5×5 (6 and 16 channels), dense 120, 84 and to the classes
  /// (LeCun et al. 1998, in today's form). Layers `c1`, `c2`, `f1`, `f2`, `f3`.
  case lenet5

  /// - Throws: `UnknownModel` with the nearest name.
  package init(named name: String) throws(UnknownModel) {
    guard let model = Zoo(rawValue: name) else { throw UnknownModel(name: name) }
    self = model
  }

  /// - Parameter classes: outputs of the last layer.
  package func model(classes: Int = 10) -> ModelSpecification {
    switch self {
    case .mlp:
      ModelSpecification(
        name: rawValue,
        layers: [
          .init(.flatten),
          .init(.dense(outputs: 512, activation: .relu), name: "l1"),
          .init(.dense(outputs: 256, activation: .relu), name: "l2"),
          .init(.dense(outputs: classes), name: "l3"),
        ])
    case .lenet5:
      ModelSpecification(
        name: rawValue,
        layers: [
          .init(.convolution(.init(channels: 6, kernel: Extent(5), padding: Extent(2), activation: .relu)), name: "c1"),
          .init(.maxPool(Window(kernel: Extent(2), stride: Extent(2))), name: "p1"),
          .init(.convolution(.init(channels: 16, kernel: Extent(5), activation: .relu)), name: "c2"),
          .init(.maxPool(Window(kernel: Extent(2), stride: Extent(2))), name: "p2"),
          .init(.flatten),
          .init(.dense(outputs: 120, activation: .relu), name: "f1"),
          .init(.dense(outputs: 84, activation: .relu), name: "f2"),
          .init(.dense(outputs: classes), name: "f3"),
        ])
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
