package import ModelGraph

// Layers without parameters that combine values or move their elements. Dimensions may be counted from the back: −1 is
// the last one.

extension Graph {
  /// y = Σ of two or more values of one shape, such as a block's input and what the block made of it.
  ///
  ///     let block = try graph.add("sum", [x, transformed])
  ///
  /// - Throws: `GraphError` if the shapes differ or there are fewer than two values.
  package mutating func add(_ name: String, _ values: [ValueID]) throws -> ValueID {
    try append(.add(Add()), values, layer: name)[0]
  }

  /// y = a − b, two values of one shape.
  ///
  ///     let change = try graph.subtract("change", now, before)
  ///
  /// - Throws: `GraphError` if the shapes differ.
  package mutating func subtract(_ name: String, _ a: ValueID, _ b: ValueID) throws -> ValueID {
    try append(.subtract(Subtract()), [a, b], layer: name)[0]
  }

  /// y = a · b, element by element. A dimension in which one has extent 1 meets all positions of the other's:
  /// [N, C, H, W] · [N, C, 1, 1] → [N, C, H, W].
  ///
  ///     let gated = try graph.multiply("gate", x, weights)
  ///
  /// - Throws: `GraphError` if the ranks differ, or a dimension does and is 1 in neither.
  package mutating func multiply(_ name: String, _ a: ValueID, _ b: ValueID) throws -> ValueID {
    try append(.multiply(Multiply()), [a, b], layer: name)[0]
  }

  /// y = the values one behind the other along a dimension: [N, C₁, …], [N, C₂, …] → [N, C₁ + C₂, …] along 1.
  ///
  ///     let both = try graph.concatenate("both", [narrow, wide], dimension: 1)
  ///
  /// - Throws: `GraphError` if another dimension differs or there is no such one.
  package mutating func concatenate(_ name: String, _ values: [ValueID], dimension: Int) throws -> ValueID {
    let operation = Concatenate(dimension: dimension)
    guard !values.isEmpty else { return try append(.concatenate(operation), values, layer: name)[0] }
    let result = try operation.outputTypes(values.map { self[$0].type }, layer: name)
    try requireFeasible(result, workPerOutput: 1, layer: name)
    return try append(.concatenate(operation), values, layer: name)[0]
  }

  /// y = `count` positions of a dimension from `start` on: x [N, T, I] → [N, count, I] for dimension 1.
  ///
  ///     let last = try graph.slice("last", x, dimension: 1, start: 9, count: 1)
  ///
  /// - Throws: `GraphError` if the dimension does not have these positions.
  package mutating func slice(
    _ name: String, _ x: ValueID, dimension: Int, start: Int, count: Int
  ) throws -> ValueID {
    try append(.slice(Slice(dimension: dimension, start: start, count: count)), [x], layer: name)[0]
  }

  /// The value cut along a dimension into parts of the given sizes.
  ///
  ///     let halves = try graph.split("halves", x, dimension: -1, sizes: [8, 8])
  ///
  /// - Throws: `GraphError` if the sizes do not add up to the dimension's extent.
  package mutating func split(_ name: String, _ x: ValueID, dimension: Int, sizes: [Int]) throws -> [ValueID] {
    try append(.split(Split(dimension: dimension, sizes: sizes)), [x], layer: name)
  }

  /// y = x with dimension `order[i]` as dimension i: [N, T, I] → [N, I, T] in the order 0, 2, 1.
  ///
  ///     let channelsFirst = try graph.transpose("channels", x, order: [0, 2, 1])
  ///
  /// - Throws: `GraphError` if `order` does not name each dimension once.
  package mutating func transpose(_ name: String, _ x: ValueID, order: [Int]) throws -> ValueID {
    try append(.transpose(Transpose(order: order)), [x], layer: name)[0]
  }

  /// y = the same elements, row-major, in samples of another shape: x [N, …] → [N] + `sample`.
  ///
  ///     let images = try graph.reshape("images", x, sample: [1, 28, 28])
  ///
  /// - Throws: `GraphError` if the samples have another number of elements.
  package mutating func reshape(_ name: String, _ x: ValueID, sample: [Int]) throws -> ValueID {
    let shape = self[x].type.shape
    guard shape.rank >= 1, boundedProduct(sample, limit: largestTensor) != nil else {
      throw GraphError(
        .shapeMismatch, layer: name, key: "shape",
        "\(shape) has no samples of \(Shape(sample)); give the shape of one sample")
    }
    return try append(.reshape(Reshape(to: Shape([shape[0]] + sample))), [x], layer: name)[0]
  }

  /// y = the mean or sum over a dimension, which goes: [N, T, I] → [N, I] for dimension 1.
  ///
  ///     let pooled = try graph.reduce("pooled", x, .mean, dimension: 1)
  ///
  /// - Throws: `GraphError` if there is no such dimension.
  package mutating func reduce(_ name: String, _ x: ValueID, _ kind: Reduce.Kind, dimension: Int) throws -> ValueID {
    try append(.reduce(Reduce(kind, first: dimension, last: dimension)), [x], layer: name)[0]
  }
}
