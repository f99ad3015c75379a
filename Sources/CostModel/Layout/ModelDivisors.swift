/// What of a model has to divide for a layout to be legal.
package struct ModelDivisors: Hashable, Sendable, Codable {
  /// Layers that can be put on stages; 1 for a model that cannot be cut.
  package var layers: Int
  /// Query heads, and heads of keys and values; 1 where no layer can be shared.
  package var heads: Int
  package var keyValueHeads: Int
  /// Positions of a sample; 1 where it cannot be shared. Of an encoder-decoder those of the encoder.
  package var sequence: Int
  /// Positions of the decoder; those of the only stack where there is one.
  package var targetSequence: Int
  /// Experts of a layer; 1 where there are none.
  package var experts: Int
  /// Whether attention's core can be computed again by itself.
  package var hasAttention: Bool
  /// Whether layers repeat, so that each can be computed again from its input.
  package var canRecompute: Bool
  /// Whether a stage can hold several pieces of the model: a decoder starts when its encoder is done.
  package var canInterleave: Bool

  package init(
    layers: Int = 1, heads: Int = 1, keyValueHeads: Int? = nil, sequence: Int = 1, targetSequence: Int? = nil,
    experts: Int = 1, hasAttention: Bool = false, canRecompute: Bool = false, canInterleave: Bool = true
  ) {
    self.layers = layers
    self.heads = heads
    self.keyValueHeads = keyValueHeads ?? heads
    self.sequence = sequence
    self.targetSequence = targetSequence ?? sequence
    self.experts = experts
    self.hasAttention = hasAttention
    self.canRecompute = canRecompute
    self.canInterleave = canInterleave
  }

  /// Whether `parts` equal pieces of each stack's positions are whole.
  package func canCutSequences(into parts: Int) -> Bool {
    sequence.isMultiple(of: parts) && targetSequence.isMultiple(of: parts)
  }

  /// A model that every rank holds whole: convolutional, recurrent, tables.
  package static let whole = ModelDivisors()
}
