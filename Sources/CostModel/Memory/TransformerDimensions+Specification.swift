package import Models

extension TransformerDimensions {
  /// The sizes of one stack; nil for what closed forms of one stack of equal blocks do not cover: encoder-decoders, latent
  /// attention, heads narrower or wider than h/a, experts in some of the blocks.
  package init?(_ model: TransformerSpecification, fusesAttention: Bool) {
    guard model.kind != .encoderDecoder, model.latent == nil, model.headWidth * model.heads == model.hidden,
      model.experts == nil || (model.experts?.every == 1 && model.experts?.first == 0)
    else { return nil }
    self.init(
      layers: model.layers, hidden: model.hidden, heads: model.heads, keyValueHeads: model.keyValueHeads,
      feedForward: model.feedForward, sequence: model.sequence,
      vocabulary: model.vocabulary,
      experts: model.experts.map {
        Experts(count: $0.count, perToken: $0.topK, feedForward: $0.feedForward, shared: $0.shared * $0.feedForward)
      }, isGated: model.isGated, hasShiftlessNorms: model.norm == .rms, hasBiases: model.hasBias,
      hasPositionTable: model.positions == .learned, tiesEmbeddings: model.isTied,
      hasDropout: model.dropout > 0 || model.attentionDropout > 0, fusesAttention: fusesAttention)
  }
}
