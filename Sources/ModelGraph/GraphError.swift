/// A model that cannot be: refused when its graph is built, before anything is allocated.
package struct GraphError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// The shapes of an operation's inputs do not fit each other or the operation.
    case shapeMismatch
    /// A number of the layer (rate, stride, channels …) is out of its range.
    case invalidArgument
    /// An operation was given too few or too many inputs.
    case wrongInputCount
    /// The graph has no gradient: the loss depends on no parameter, or an operation cannot be differentiated.
    case notDifferentiable
    /// An operation can be counted, but not run: there is no kernel for it yet.
    case noKernel
  }

  package let code: Code
  /// The layer as the model names it.
  package let layer: String
  /// The setting of the layer, or of training for the layer `loss`, that does not fit, as job files name it; nil if it
  /// is not one alone.
  package let key: String?
  /// What is wrong, with the values, and what to write instead.
  package let message: String

  package init(_ code: Code, layer: String, key: String? = nil, _ message: String) {
    self.code = code
    self.layer = layer
    self.key = key
    self.message = message
  }

  package var description: String { "layer '\(layer)': \(message)" }
}
