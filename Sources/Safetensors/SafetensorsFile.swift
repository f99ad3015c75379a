/// Named tensors and a few lines of text in one file, in the safetensors format
/// (https://github.com/huggingface/safetensors#format): 8 bytes of header length (little-endian), a JSON header padded
/// with spaces, then the tensors' elements row-major, little-endian, without gaps.
///
/// A file written here carries its own checksum: the metadata key `crc32` holds the CRC-32 of the whole file, taken
/// with its own eight digits read as `00000000`.
package struct SafetensorsFile: Hashable, Sendable {
  /// Text by key. Does not hold `crc32`, which belongs to the bytes and not to the content.
  package let metadata: [String: String]
  /// In the order of their data in the file.
  package let tensors: [Tensor]

  /// - Throws: `SafetensorsError` with `.badName` if two tensors share a name or one is named `__metadata__`.
  package init(metadata: [String: String] = [:], tensors: [Tensor]) throws {
    var seen: Set<String> = [Header.metadataKey]
    for tensor in tensors where !seen.insert(tensor.name).inserted {
      throw SafetensorsError(
        .badName,
        tensor.name == Header.metadataKey
          ? "a tensor cannot be named '\(tensor.name)', which the format keeps for itself; rename it"
          : "two tensors are named '\(tensor.name)'; give each its own name")
    }
    if metadata[Checksum.key] != nil {
      throw SafetensorsError(
        .badName, "the metadata key '\(Checksum.key)' is the file's own checksum; use another key")
    }
    self.metadata = metadata
    self.tensors = tensors
  }

  /// - Throws: `SafetensorsError` with `.noSuchTensor`.
  package func tensor(_ name: String) throws -> Tensor {
    guard let found = tensors.first(where: { $0.name == name }) else {
      throw SafetensorsError(
        .noSuchTensor,
        "the file has no tensor '\(name)'; it has \(tensors.map(\.name).sorted().joined(separator: ", "))")
    }
    return found
  }
}

extension SafetensorsFile {
  /// What one element of a tensor is, by the format's own names.
  package enum ElementType: String, Hashable, Sendable, CaseIterable {
    case float32 = "F32"
    case float64 = "F64"
    case int32 = "I32"
    case int64 = "I64"
    case uint8 = "U8"

    package var byteCount: Int {
      switch self {
      case .float64, .int64: 8
      case .float32, .int32: 4
      case .uint8: 1
      }
    }
  }

  /// A named array of elements: `data` holds shape × element size bytes, row-major, little-endian.
  package struct Tensor: Hashable, Sendable {
    package let name: String
    package let type: ElementType
    package let shape: [Int]
    package let data: [UInt8]

    /// - Throws: `SafetensorsError` with `.sizeMismatch` if `data` is not shape × element size bytes.
    package init(name: String, type: ElementType, shape: [Int], data: [UInt8]) throws {
      let expected = Header.byteCount(of: shape, type)
      guard expected == data.count else {
        throw SafetensorsError(
          .sizeMismatch,
          "tensor '\(name)' of shape \(shape) and type \(type.rawValue) takes "
            + "\(expected.map(String.init) ?? "more than any file's") bytes, not \(data.count); correct shape or data")
      }
      self.name = name
      self.type = type
      self.shape = shape
      self.data = data
    }
  }
}
