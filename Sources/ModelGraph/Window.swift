/// A number for each spatial dimension, outermost first: depth, height, width. One number stands for all of them.
package struct Extent: Hashable, Sendable, Codable, CustomStringConvertible {
  package let sides: [Int]

  /// - Parameter sides: one number for all dimensions, or one for each.
  package init(_ sides: [Int]) {
    precondition((1...3).contains(sides.count), "an extent has one to three sides")
    self.sides = sides
  }

  package init(_ sides: Int...) { self.init(sides) }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let sides = try container.decode([Int].self)
    guard (1...3).contains(sides.count) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "an extent has one to three sides")
    }
    self.sides = sides
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(sides)
  }

  /// The sides for `rank` spatial dimensions; nil if this extent is for another number of them.
  package func sides(rank: Int) -> [Int]? {
    if sides.count == 1 { return Array(repeating: sides[0], count: rank) }
    return sides.count == rank ? sides : nil
  }

  /// `5×3`; `5` where one number stands for all.
  package var description: String { sides.map(String.init).joined(separator: "×") }
}

/// A window that slides over the spatial dimensions of [N, C, …], one to three of them.
package struct Window: Hashable, Sendable, Codable {
  package let kernel: Extent
  package let stride: Extent
  /// Positions without elements that are added on both sides of each dimension.
  package let padding: Extent
  /// Distance between neighbours in the window; 1: they touch.
  package let dilation: Extent
  /// Whether a last window that reaches beyond the padded input counts (PyTorch's `ceil_mode`).
  package let roundsUp: Bool

  package init(
    kernel: Extent, stride: Extent, padding: Extent = Extent(0), dilation: Extent = Extent(1), roundsUp: Bool = false
  ) {
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.roundsUp = roundsUp
  }

  /// A window with a number for each of its dimensions.
  package struct Sides {
    package let kernel: [Int]
    package let stride: [Int]
    package let padding: [Int]
    package let dilation: [Int]

    /// Positions in a window.
    package var count: Int { kernel.reduce(1, *) }

    /// The stretch that the window covers.
    package func reach(_ dimension: Int) -> Int { dilation[dimension] * (kernel[dimension] - 1) + 1 }
  }

  /// - Throws: `GraphError` if the extents are for another number of dimensions, or out of range.
  package func sides(rank: Int, layer: String) throws -> Sides {
    func sides(_ extent: Extent, _ what: String, from lowest: Int) throws -> [Int] {
      guard let sides = extent.sides(rank: rank) else {
        throw GraphError(
          .shapeMismatch, layer: layer, key: what,
          "\(what) \(extent) has \(extent.sides.count) numbers, the input \(rank) spatial dimensions; "
            + "give one number, or one for each dimension")
      }
      guard sides.allSatisfy({ $0 >= lowest }) else {
        throw GraphError(.invalidArgument, layer: layer, key: what, "\(what) \(extent) must be at least \(lowest)")
      }
      return sides
    }
    return Sides(
      kernel: try sides(kernel, "kernel", from: 1), stride: try sides(stride, "stride", from: 1),
      padding: try sides(padding, "padding", from: 0), dilation: try sides(dilation, "dilation", from: 1))
  }

  /// The windows along each spatial dimension of `input` [N, C, …]: (I + 2 pad − reach) / stride + 1, rounded down, or
  /// up if `roundsUp` and the last window still starts on the input or the padding before it.
  package func output(of input: Shape, layer: String) throws -> [Int] {
    let spatial = Array(input.dimensions.dropFirst(2))
    let sides = try sides(rank: spatial.count, layer: layer)
    return try spatial.indices.map { index in
      let room = spatial[index] + 2 * sides.padding[index] - sides.reach(index)
      guard room >= 0 else {
        throw GraphError(
          .shapeMismatch, layer: layer, key: "kernel",
          "a \(Shape(sides.kernel)) window does not fit an input of \(Shape(spatial)) with padding \(padding); "
            + "use a smaller kernel or more padding")
      }
      guard roundsUp else { return room / sides.stride[index] + 1 }
      let count = (room + sides.stride[index] - 1) / sides.stride[index] + 1
      return (count - 1) * sides.stride[index] >= spatial[index] + sides.padding[index] ? count - 1 : count
    }
  }
}

extension Shape {
  /// Refuses what is not [samples, channels, …] with one to three spatial dimensions.
  func requireImage(_ what: String, layer: String) throws {
    guard (3...5).contains(rank) else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "\(what) takes [samples, channels, …] with one to three spatial dimensions, its input is \(self)")
    }
  }
}
