/// The extent of a tensor in each of its dimensions, outermost first: `[N, C, H, W]` for a batch of images.
///
/// A scalar has no dimensions and one element.
package struct Shape: Hashable, Sendable, Codable, ExpressibleByArrayLiteral, CustomStringConvertible {
  package let dimensions: [Int]

  package init(_ dimensions: [Int]) { self.dimensions = dimensions }

  package init(arrayLiteral elements: Int...) { self.dimensions = elements }

  package init(from decoder: any Decoder) throws {
    dimensions = try decoder.singleValueContainer().decode([Int].self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(dimensions)
  }

  package var rank: Int { dimensions.count }
  package var elementCount: Int { dimensions.reduce(1, *) }

  package subscript(dimension: Int) -> Int { dimensions[dimension] }

  /// `1×28×28`; `scalar` for a shape without dimensions.
  package var description: String {
    dimensions.isEmpty ? "scalar" : dimensions.map(String.init).joined(separator: "×")
  }
}

/// What one element of a tensor is.
package enum ElementType: String, Hashable, Sendable, Codable {
  case float32, int32, uint8

  package var byteCount: Int {
    switch self {
    case .float32, .int32: 4
    case .uint8: 1
    }
  }
}

/// Shape and element type: all that an operation needs to know of a tensor before there is one.
package struct TensorType: Hashable, Sendable, Codable, CustomStringConvertible {
  package let shape: Shape
  package let elementType: ElementType

  package init(_ shape: Shape, _ elementType: ElementType = .float32) {
    self.shape = shape
    self.elementType = elementType
  }

  package var byteCount: Int { shape.elementCount * elementType.byteCount }

  package var description: String {
    elementType == .float32 ? shape.description : "\(shape) \(elementType.rawValue)"
  }
}
