/// A reference run or a gradient check that cannot be done as asked.
package struct ReferenceError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// An input or a parameter without elements.
    case missingValue
    /// Elements for a value that is computed, not given.
    case notAnInput
    /// Another number of elements than the value's shape has.
    case sizeMismatch
    /// A label that is no class: not whole, or beyond the last class.
    case badLabel
    /// A token that is no row of the embedding's table.
    case badToken
    /// The loss or a gradient is infinite or not a number, so that nothing can be compared with it.
    case notFinite
    /// The graph has no gradients, or the loss is not a scalar.
    case notDifferentiated
  }

  package let code: Code
  /// The value or the layer, as the model names it.
  package let name: String
  /// What is wrong, with the values, and what to do about it.
  package let message: String

  init(_ code: Code, _ name: String, _ message: String) {
    self.code = code
    self.name = name
    self.message = message
  }

  package var description: String { "'\(name)': \(message)" }
}
