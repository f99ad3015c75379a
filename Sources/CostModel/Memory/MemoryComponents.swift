package import Units

/// What fills an accelerator, in bytes.
package struct MemoryComponents: Hashable, Sendable {
  package enum Component: String, Hashable, Sendable, Codable, CaseIterable {
    case weights, gradients, optimizer
    /// What layers keep for backward, of all micro-batches alive.
    case activations
    /// The layer that full recomputation computes again.
    case recomputedLayer
    /// Embedding, final norm and logits.
    case embeddings
    /// Gathered weights, unsharded gradients and buckets on their way.
    case buffers
    /// The runtime's own: driver context, libraries, communication channels.
    case context
  }

  package var weights = 0.0
  package var gradients = 0.0
  package var optimizer = 0.0
  package var activations = 0.0
  package var recomputedLayer = 0.0
  package var embeddings = 0.0
  package var buffers = 0.0
  package var context = 0.0

  package init() {}

  /// Fractions of a byte are rounded up.
  package subscript(_ component: Component) -> Bytes {
    let bytes =
      switch component {
      case .weights: weights
      case .gradients: gradients
      case .optimizer: optimizer
      case .activations: activations
      case .recomputedLayer: recomputedLayer
      case .embeddings: embeddings
      case .buffers: buffers
      case .context: context
      }
    return Bytes(count: Int64(bytes.rounded(.up)))
  }

  package var totalBytes: Double {
    weights + gradients + optimizer + activations + recomputedLayer + embeddings + buffers + context
  }
  /// The sum of the components as they are printed.
  package var total: Bytes { Component.allCases.map { self[$0] }.sum() }

  /// The largest component.
  package var largest: Component { Component.allCases.max { self[$0] < self[$1] } ?? .weights }
}

extension MemoryComponents: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    func bytes(_ component: Component) throws -> Double {
      Double(try container.decode(Bytes.self, forKey: Key(component)).count)
    }
    weights = try bytes(.weights)
    gradients = try bytes(.gradients)
    optimizer = try bytes(.optimizer)
    activations = try bytes(.activations)
    recomputedLayer = try bytes(.recomputedLayer)
    embeddings = try bytes(.embeddings)
    buffers = try bytes(.buffers)
    context = try bytes(.context)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    for component in Component.allCases { try container.encode(self[component], forKey: Key(component)) }
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ component: Component) { stringValue = component.rawValue }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}
