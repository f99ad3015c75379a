/// A safetensors file that cannot be read, or a tensor that cannot be put into one.
package struct SafetensorsError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: String, Sendable, CaseIterable {
    /// The file ends before its header does.
    case truncated
    /// The header's length is larger than the file, or than the format allows.
    case headerTooLong
    /// The header is not the JSON object that the format asks for.
    case badHeader
    /// An element type that is not read here.
    case unknownType
    /// Data ranges that leave the file, overlap, or leave bytes that belong to no tensor.
    case badOffsets
    /// The bytes of a tensor are not its shape's elements.
    case sizeMismatch
    /// The bytes are not the ones that were written.
    case checksumMismatch
    /// A checksum was asked for and the file has none.
    case checksumMissing
    /// Two tensors of one name, or a name the format keeps for itself.
    case badName
    /// A tensor asked for by a name that the file does not have, or as elements of another type.
    case noSuchTensor
  }

  package let code: Code
  /// What is wrong, with the values, and what to do about it.
  package let message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
