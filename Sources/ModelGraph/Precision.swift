/// What the kernels of a model compute in. Parameters, their gradients, statistics and losses are float32 always.
package enum Precision: String, Hashable, Sendable, Codable, CaseIterable {
  case float32
  /// Activations and their gradients, and a copy of the weights made in each step, are bfloat16 (the upper half of a
  /// float32); sums are float32.
  case bfloat16
}
