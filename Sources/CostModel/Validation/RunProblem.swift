/// Why a published run cannot be modelled; listed, never dropped silently.
package struct RunProblem: Error, Hashable, Sendable, CustomStringConvertible {
  package let reason: String

  package init(_ reason: String) { self.reason = reason }

  package var description: String { reason }
}
