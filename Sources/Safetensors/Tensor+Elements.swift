/// A Swift type whose values are stored as they are in memory. Every platform of this package is little-endian.
package protocol SafetensorsElement: BitwiseCopyable {
  static var safetensorsType: SafetensorsFile.ElementType { get }
}

extension Float: SafetensorsElement {
  package static var safetensorsType: SafetensorsFile.ElementType { .float32 }
}

extension Double: SafetensorsElement {
  package static var safetensorsType: SafetensorsFile.ElementType { .float64 }
}

extension Int32: SafetensorsElement {
  package static var safetensorsType: SafetensorsFile.ElementType { .int32 }
}

extension Int64: SafetensorsElement {
  package static var safetensorsType: SafetensorsFile.ElementType { .int64 }
}

extension UInt8: SafetensorsElement {
  package static var safetensorsType: SafetensorsFile.ElementType { .uint8 }
}

extension SafetensorsFile.Tensor {
  /// A tensor of the elements of `elements`, row-major in `shape`.
  /// - Throws: `SafetensorsError` with `.sizeMismatch` if the shape has another number of elements.
  package init<Element: SafetensorsElement>(name: String, shape: [Int], _ elements: [Element]) throws {
    let bytes = unsafe elements.withUnsafeBytes { unsafe [UInt8]($0) }
    try self.init(name: name, type: Element.safetensorsType, shape: shape, data: bytes)
  }

  /// The elements, row-major.
  /// - Throws: `SafetensorsError` with `.noSuchTensor` if the tensor holds another type.
  package func elements<Element: SafetensorsElement>(as type: Element.Type = Element.self) throws -> [Element] {
    guard self.type == Element.safetensorsType else {
      throw SafetensorsError(
        .noSuchTensor,
        "tensor '\(name)' holds \(self.type.rawValue), not \(Element.safetensorsType.rawValue); "
          + "read it as what it is, or write it as what is asked for")
    }
    return unsafe [Element](unsafeUninitializedCapacity: data.count / self.type.byteCount) { buffer, count in
      unsafe UnsafeMutableRawBufferPointer(buffer).copyBytes(from: data)
      count = data.count / self.type.byteCount
    }
  }
}
