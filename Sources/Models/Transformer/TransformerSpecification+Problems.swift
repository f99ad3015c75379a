import ModelGraph

extension TransformerSpecification {
  /// A size that cannot be, or that does not fit another.
  package struct Problem: Hashable, Sendable {
    /// The key of a job's `transformer` that it is about.
    package let key: String
    package let message: String
  }

  /// The largest sizes: beyond them counts could overflow.
  package static let limits = (layers: 1 << 12, width: 1 << 20, vocabulary: 1 << 24, sequence: 1 << 20)

  /// What is wrong with the sizes, each with what to write instead; empty if a graph can be built.
  package var problems: [Problem] {
    sizeProblems + headProblems + positionProblems + expertProblems
  }

  private var sizeProblems: [Problem] {
    let sizes = [
      ("layers", layers, Self.limits.layers), ("hidden", hidden, Self.limits.width),
      ("heads", heads, Self.limits.width),
      ("kv_heads", keyValueHeads, Self.limits.width), ("head_width", headWidth, Self.limits.width),
      ("ffn", feedForward, Self.limits.width), ("vocabulary", vocabulary, Self.limits.vocabulary),
      ("sequence", sequence, Self.limits.sequence), ("target_sequence", targetSequence, Self.limits.sequence),
      ("max_positions", maximumPositions, Self.limits.sequence),
    ]
    let shares = [("dropout", dropout), ("attention_dropout", attentionDropout)]
    return sizes.filter { !(1...$0.2).contains($0.1) }.map { key, value, limit in
      Problem(key: key, message: "\(key) is \(value); use a whole number from 1 to \(limit)")
    }
      + shares.filter { !(0..<1).contains($0.1) }.map { key, value in
        Problem(key: key, message: "\(key) \(value) is outside 0 ..< 1; use the share to drop, such as 0.1")
      }
  }

  private var headProblems: [Problem] {
    var problems: [Problem] = []
    if keyValueHeads >= 1, heads >= 1, !heads.isMultiple(of: keyValueHeads) {
      problems.append(
        Problem(
          key: "kv_heads",
          message: "\(keyValueHeads) key-value heads do not divide \(heads) heads; use "
            + Self.neighbours(of: keyValueHeads, dividing: heads)))
    }
    if head == .classifier, kind == .encoderDecoder {
      problems.append(
        Problem(key: "head", message: "an encoder_decoder writes and has no classifier; use 'head: language_model'"))
    }
    if head == .maskedLanguageModel, kind != .encoder {
      problems.append(
        Problem(
          key: "head", message: "masked_language_model is for 'kind: encoder', not \(kind.rawValue); use language_model"
        ))
    }
    if head == .languageModel, kind == .encoder {
      problems.append(
        Problem(
          key: "head", message: "an encoder sees the token that it is to find; use masked_language_model or classifier")
      )
    }
    if let predictions, head != .maskedLanguageModel || !(1...max(sequence, 1)).contains(predictions) {
      problems.append(
        Problem(
          key: "predictions",
          message: "a masked_language_model finds 1 to \(sequence) steps of a sequence, other heads say nothing of "
            + "predictions; leave it out for all steps"))
    }
    return problems
  }

  private var positionProblems: [Problem] {
    var problems: [Problem] = []
    if positions == .learned, maximumPositions < max(sequence, kind == .encoderDecoder ? targetSequence : 1) {
      problems.append(
        Problem(
          key: "max_positions",
          message:
            "\(maximumPositions) positions are fewer than the \(max(sequence, targetSequence)) tokens of a sequence; "
            + "use at least as many"))
    }
    if positions == .rotary, latent == nil, !headWidth.isMultiple(of: 2) {
      problems.append(
        Problem(
          key: "positions",
          message: "rotary positions turn pairs of numbers, and a head has \(headWidth); use an even head_width"))
    }
    guard let latent else { return problems }
    if positions != .rotary {
      problems.append(
        Problem(key: "positions", message: "latent attention has rotary positions; use 'positions: rotary'"))
    }
    if keyValueHeads != heads {
      problems.append(
        Problem(key: "kv_heads", message: "each head of a latent attention has its own keys; leave 'kv_heads' out"))
    }
    if [latent.query ?? 1, latent.keyValue, latent.plain, latent.rotary, latent.value].contains(where: { $0 < 1 })
      || !latent.rotary.isMultiple(of: 2)
    {
      problems.append(
        Problem(key: "latent", message: "the widths of a latent attention are at least 1, and 'rotary' is even"))
    }
    if kind == .encoderDecoder {
      problems.append(
        Problem(key: "latent", message: "latent attention is for one stack, not an encoder_decoder; leave it out"))
    }
    return problems
  }

  private var expertProblems: [Problem] {
    guard let experts else { return [] }
    func problem(_ message: String) -> Problem { Problem(key: "experts", message: message) }
    if experts.count < 1 || experts.feedForward < 1 || experts.shared < 0 || experts.every < 1 || experts.first < 0 {
      return [problem("'count', 'ffn' and 'every' of experts are at least 1, 'shared' and 'first' at least 0")]
    }
    if !(1...experts.count).contains(experts.topK) {
      return [problem("each token goes to \(experts.topK) of \(experts.count) experts; use 1 to \(experts.count)")]
    }
    if let capacity = experts.capacity, !(capacity > 0 && capacity <= Double(experts.count)) {
      return [problem("a capacity of \(capacity) is not above 0 and at most \(experts.count), the experts; use 1.25")]
    }
    if !(0..<layers).contains(where: experts.isIn(block:)) {
      return [
        problem(
          "none of the \(layers) blocks has experts, for the first is block \(experts.first + experts.every - 1), counted "
            + "from 0; make 'first' or 'every' less")
      ]
    }
    return []
  }

  /// The divisors of `whole` around `part`: "16 or 32".
  package static func neighbours(of part: Int, dividing whole: Int) -> String {
    guard whole >= 1 else { return "1" }
    let divisors = (1...whole).filter(whole.isMultiple(of:))
    return [divisors.last { $0 < part }, divisors.first { $0 > part }].compactMap { $0 }.map(String.init)
      .joined(separator: " or ")
  }
}
