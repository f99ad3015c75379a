/// Why a published model cannot be turned into graphs; what `apus validate` lists beside the rows that it skips.
package struct PublishedModelError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: String, Hashable, Sendable {
    /// No architecture of this name is known, and the row has no shapes to tell it by.
    case unknownModel
    /// The architecture is known, but a shape that it needs is neither in the row nor published.
    case missingShape
    /// The architecture has parts that the model graph has no operations for.
    case unsupported
    /// The shapes contradict each other.
    case inconsistentShapes
  }

  package let code: Code
  package let reason: String

  package init(_ code: Code, _ reason: String) {
    self.code = code
    self.reason = reason
  }

  package var description: String { reason }
}
