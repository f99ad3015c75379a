import ModelGraph

extension LayerSpecification {
  /// Refuses tokens where a layer computes with numbers, and layers that would mix the samples of a shard: a sample's
  /// output must not depend on which others it runs with.
  func requireSamples(_ graph: Graph, _ inputs: [ValueID]) throws {
    let types = inputs.map { graph[$0].type }
    if takesNumbers, let tokens = types.first(where: { $0.elementType != .float32 }) {
      throw GraphError(
        .shapeMismatch, layer: name,
        "'\(namePrefix)' takes numbers, its input is \(tokens), tokens; put an 'embedding' before it")
    }
    guard let shape = types.first?.shape else { return }
    switch kind {
    case .softmax(let dimension, _), .concatenate(_, let dimension), .slice(let dimension, _, _),
      .reduce(_, let dimension):
      guard try shape.index(of: dimension, layer: name) > 0 else {
        throw GraphError(
          .invalidArgument, layer: name, key: "dimension",
          "dimension \(dimension) of the input \(shape) is the samples, which are kept apart; use "
            + (shape.rank > 2 ? "1 to \(shape.rank - 1)" : "1"))
      }
    case .transpose(let order):
      guard let first = order.first, try shape.index(of: first, layer: name, key: "order") > 0 else { return }
      throw GraphError(
        .invalidArgument, layer: name, key: "order",
        "the order \(order) moves the samples of the input \(shape) from the front; begin it with 0")
    default: return
    }
  }

  /// Whether it computes, rather than moves elements or looks them up; dense and recurrent layers say so themselves.
  private var takesNumbers: Bool {
    switch kind {
    case .embedding, .flatten, .reshape, .transpose, .slice, .concatenate, .identity, .dense, .recurrent: false
    default: true
    }
  }
}
