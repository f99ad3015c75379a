/// Which activations backward computes again instead of reading them (Korthikanti et al. 2022, §5).
package enum Recomputation: String, Hashable, Sendable, Codable, CaseIterable {
  case none
  /// The attention core alone: large activations, few FLOP.
  case selective
  /// Each layer from its input.
  case full
}
