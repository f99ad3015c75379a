/// What a gradient check found, the worst parameter first.
package struct GradientReport: Hashable, Sendable, Codable {
  package let parameters: [ParameterCheck]

  /// One parameter tensor.
  package struct ParameterCheck: Hashable, Sendable, Codable {
    package let name: String
    /// Elements of the tensor, and how many of them were looked at.
    package let elementCount: Int
    package let checkedCount: Int
    /// Checked elements at which the loss has a kink (ReLU at 0, max-pool between two winners): no derivative to compare.
    package let kinkCount: Int
    /// The worst of the elements without a kink; nil if there is none.
    package let worst: WorstElement?
  }

  package struct WorstElement: Hashable, Sendable, Codable {
    /// Position in the tensor, row-major.
    package let element: Int
    package let analytic: Double
    package let numeric: Double
    /// |analytic − numeric| relative to the larger of them, or to what can be resolved: see `GradientCheck`.
    package let relativeError: Double
  }

  /// The largest relative error of all; 0 if nothing could be compared.
  package var worstRelativeError: Double { parameters.compactMap(\.worst?.relativeError).max() ?? 0 }
}

/// How far float32 gradients are from those in double precision, for one parameter tensor.
package struct GradientDifference: Hashable, Sendable, Codable {
  package let name: String
  /// The worst element: position in the tensor, row-major.
  package let element: Int
  package let float32: Float
  package let float64: Double
  /// |float32 − float64| relative to the largest magnitude of the tensor's gradient.
  package let relativeError: Double
}
