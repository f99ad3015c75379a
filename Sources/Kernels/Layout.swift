internal import COneDNN

/// Where the elements of a tensor lie in memory: dimensions, element type, and the order or blocking of dimensions.
///
/// A blocked layout may pad dimensions; the padding is zero and stays zero.
package struct Layout: Equatable, Sendable {
  package enum Element: Sendable {
    case float32, uint8
    /// The upper half of a float32: its range, 8 bits of precision.
    case bfloat16

    fileprivate var type: dnnl_data_type_t {
      switch self {
      case .float32: dnnl_f32
      case .uint8: dnnl_u8
      case .bfloat16: dnnl_bf16
      }
    }
  }

  let descriptor: dnnl_memory_desc_t

  init(_ descriptor: dnnl_memory_desc_t) { self.descriptor = descriptor }

  init(_ shape: [Int], _ element: Element, tag: dnnl_format_tag_t) throws {
    precondition(!shape.isEmpty && shape.count <= 6)
    var descriptor = dnnl_memory_desc_t()
    let dimensions = shape.map { Int64($0) }
    unsafe try check(
      dnnl_memory_desc_init_by_tag(&descriptor, Int32(shape.count), dimensions, element.type, tag),
      "dnnl_memory_desc_init_by_tag of \(shape)")
    self.descriptor = descriptor
  }

  /// Row-major. A scalar is one element.
  package static func plain(_ shape: [Int], _ element: Element = .float32) throws -> Layout {
    let tags = [dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd, dnnl_abcde, dnnl_abcdef]
    let shape = shape.isEmpty ? [1] : shape
    return try Layout(shape, element, tag: tags[shape.count - 1])
  }

  /// Whatever the kernel likes best.
  package static func any(_ shape: [Int], _ element: Element = .float32) throws -> Layout {
    try Layout(shape, element, tag: dnnl_format_tag_any)
  }

  /// [N, C, …] of three to five dimensions with the channels of a position side by side.
  package static func channelsLast(_ shape: [Int], _ element: Element = .float32) throws -> Layout {
    try Layout(shape, element, tag: [dnnl_acb, dnnl_acdb, dnnl_acdeb][shape.count - 3])
  }

  /// [N, T, …] with the steps outermost, so that what one step needs lies together.
  package static func timeMajor(_ shape: [Int], _ element: Element = .float32) throws -> Layout {
    try Layout(shape, element, tag: [dnnl_ba, dnnl_bac, dnnl_bacd, dnnl_bacde][shape.count - 2])
  }

  /// A matrix inside a larger run of elements: neighbours in a column or a row lie this many elements apart.
  package static func matrix(rows: Int, columns: Int, rowStride: Int, columnStride: Int = 1) throws -> Layout {
    var descriptor = dnnl_memory_desc_t()
    let dimensions = [Int64(rows), Int64(columns)]
    let strides = [Int64(rowStride), Int64(columnStride)]
    unsafe try check(
      dnnl_memory_desc_init_by_strides(&descriptor, 2, dimensions, dnnl_f32, strides),
      "dnnl_memory_desc_init_by_strides of \(rows)×\(columns)")
    return Layout(descriptor)
  }

  /// The dimensions as the layout has them: those of grouped convolution weights begin with the groups.
  package var shape: [Int] {
    var copy = descriptor
    let count = Int(copy.ndims)
    return unsafe withUnsafeBytes(of: &copy.dims) { bytes in
      unsafe bytes.bindMemory(to: Int64.self).prefix(count).map { Int($0) }
    }
  }

  package var element: Element {
    switch descriptor.data_type {
    case dnnl_u8: .uint8
    case dnnl_bf16: .bfloat16
    default: .float32
    }
  }

  /// The same places, for elements of another type.
  package func with(_ element: Element) -> Layout {
    var changed = descriptor
    changed.data_type = element.type
    return Layout(changed)
  }

  /// The same elements row-major.
  package var plain: Layout {
    get throws { try .plain(shape, element) }
  }

  package var byteCount: Int { var copy = descriptor; return unsafe dnnl_memory_desc_get_size(&copy) }

  package static func == (a: Layout, b: Layout) -> Bool {
    var first = a.descriptor
    var second = b.descriptor
    return unsafe dnnl_memory_desc_equal(&first, &second) != 0
  }

  /// A number that two layouts share if they place elements alike: ranks compare it before they add gradients.
  package var fingerprint: UInt64 {
    var copy = descriptor
    return unsafe withUnsafeBytes(of: &copy) { bytes in
      unsafe bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
  }
}
