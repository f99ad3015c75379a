/// What is allowed and yet hardly meant; printed where the graph is, with what to write instead.
package struct GraphWarning: Hashable, Sendable, Codable, CustomStringConvertible {
  package enum Code: String, Hashable, Sendable, Codable {
    /// Parameters that get no gradient.
    case blockedGradient = "blocked-gradient"
  }

  package let code: Code
  package let layer: String
  package let message: String

  package var description: String { "\(code.rawValue): layer '\(layer)': \(message)" }
}

extension Graph {
  /// One for each layer that keeps parameters from learning, in the order of the layers.
  package var warnings: [GraphWarning] {
    var layers: [String] = []
    for blocked in blockedParameters where !layers.contains(blocked.layer) { layers.append(blocked.layer) }
    return layers.map { layer in
      let names = blockedParameters.filter { $0.layer == layer }.map { "'\(self[$0.parameter].name)'" }
      return GraphWarning(
        code: .blockedGradient, layer: layer,
        message: "its slope is 0 everywhere, so \(names.joined(separator: ", ")) will not learn; use 'sigmoid' or "
          + "'tanh' in training")
    }
  }
}
