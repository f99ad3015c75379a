import ModelGraph

/// Samples whose fields lie in arrays in memory, each a stretch that begins a fixed way behind the one before it;
/// stretches may overlap, as the windows of a series do.
struct ArraySource: SampleSource {
  enum Elements: Hashable, Sendable {
    case floats([Float])
    case integers([Int32])
  }

  /// A field, and where it is found.
  struct Column: Sendable {
    let field: SampleField
    let elements: Elements
    /// Where sample 0 begins, and how much further each next one.
    let start: Int
    let stride: Int

    /// Samples that lie one behind the other.
    init(_ field: SampleField, _ elements: Elements) {
      self.init(field, elements, start: 0, stride: field.elementCount)
    }

    init(_ field: SampleField, _ elements: Elements, start: Int, stride: Int) {
      self.field = field
      self.elements = elements
      self.start = start
      self.stride = stride
    }
  }

  let count: Int
  let fields: [SampleField]
  private let columns: [Column]

  init(count: Int, _ columns: [Column]) {
    for column in columns {
      let last = column.start + (count - 1) * column.stride + column.field.elementCount
      let isInBounds =
        switch (column.elements, column.field.type.elementType) {
        case (.floats(let floats), .float32): last <= floats.count
        case (.integers(let integers), .int32): last <= integers.count
        default: false
        }
      precondition(count > 0 && isInBounds, "'\(column.field.name)' has elements of its type for every sample")
    }
    self.count = count
    self.columns = columns
    fields = columns.map(\.field)
  }

  func load(_ samples: Span<UInt32>, epoch: Int, into buffer: SampleBuffer) {
    precondition(buffer.fields == fields, "a buffer of other fields")
    for (index, column) in columns.enumerated() {
      let size = column.field.elementCount
      for place in samples.indices {
        let start = column.start + Int(samples[place]) * column.stride
        switch column.elements {
        case .floats(let floats): buffer.copy(floats.span.extracting(start..<start + size), to: place, field: index)
        case .integers(let integers):
          buffer.copy(integers.span.extracting(start..<start + size), to: place, field: index)
        }
      }
    }
  }
}
