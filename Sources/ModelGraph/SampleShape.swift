/// One named part of a sample: what goes into the graph's input of that name.
package struct SampleField: Hashable, Sendable, Codable {
  package let name: String
  /// Of one sample, without the batch dimension; elements are float32 or int32.
  package let type: TensorType

  package init(_ name: String, _ shape: Shape, _ elementType: ElementType = .float32) {
    precondition(elementType.byteCount == 4, "a field's elements are float32 or int32")
    self.name = name
    type = TensorType(shape, elementType)
  }

  package var elementCount: Int { type.shape.elementCount }

  /// The type of `count` samples.
  package func batch(of count: Int) -> TensorType {
    TensorType(Shape([count] + type.shape.dimensions), type.elementType)
  }
}

/// What a model is given of one sample: its inputs, the first of them called `input`.
///
///     let image: SampleShape = [1, 28, 28]                    // one float32 input
///     let words = SampleShape(fields: [SampleField("input", [20], .int32)])
package struct SampleShape: Hashable, Sendable, Codable, ExpressibleByArrayLiteral, CustomStringConvertible {
  package static let inputName = "input"

  package let fields: [SampleField]

  package init(fields: [SampleField]) {
    precondition(fields.first?.name == Self.inputName, "the first input of a sample is called 'input'")
    self.fields = fields
  }

  /// One float32 input.
  package init(_ shape: Shape) { fields = [SampleField(Self.inputName, shape)] }

  package init(arrayLiteral elements: Int...) { self.init(Shape(elements)) }

  package var description: String {
    fields.count == 1
      ? fields[0].type.description : fields.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
  }
}
