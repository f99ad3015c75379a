import Foundation

/// An array in NumPy's format, versions 1 to 3: magic, version, a header that is a Python dictionary, elements in C
/// order.
///
/// Source: numpy.org/doc/stable/reference/generated/numpy.lib.format.html
struct NPY: Hashable, Sendable {
  enum Elements: Hashable, Sendable {
    case floats([Float])
    case integers([Int32])
  }

  let shape: [Int]
  let elements: Elements
  /// Bytes and truth values: numbers, where other integers are tokens or classes.
  let isOfBytes: Bool

  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Reads an array.
  ///
  /// - Parameters:
  ///   - bytes: a whole .npy file.
  ///   - path: its name, for messages.
  /// - Throws: `DatasetError` with the byte.
  init(_ bytes: [UInt8], path: String) throws(DatasetError) {
    let header = try Header(bytes, path: path)
    let count = header.shape.reduce(1, *)
    let available = (bytes.count - header.end) / header.type.size
    guard bytes.count - header.end == count * header.type.size else {
      let isShort = bytes.count - header.end < count * header.type.size
      throw DatasetError(
        isShort ? .truncatedData : .trailingData, path: path, offset: isShort ? bytes.count : nil,
        "the header promises \(count) elements of \(header.type.size) bytes, the file has \(available)",
        remedy: "save the array again")
    }
    shape = header.shape
    isOfBytes = ["u1", "b1"].contains(header.type.code)
    elements = try Self.elements(bytes, header, path)
  }

  private static func elements(
    _ bytes: [UInt8], _ header: Header, _ path: String
  ) throws(DatasetError) -> Elements {
    let (start, size) = (header.end, header.type.size)
    let count = (bytes.count - start) / size
    let raw = unsafe bytes.span.bytes
    func word(_ index: Int) -> UInt64 {
      // In bounds: the initialiser has counted the bytes.
      let offset = start + index * size
      return switch size {
      case 1: UInt64(unsafe raw.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt8.self))
      case 2: UInt64(unsafe raw.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt16.self))
      case 4: UInt64(unsafe raw.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self))
      default: unsafe raw.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
      }
    }
    guard header.type.isFloat else {
      var integers: [Int32] = []
      integers.reserveCapacity(count)
      for index in 0..<count {
        let value = header.type.integer(word(index))
        guard let narrow = Int32(exactly: value) else {
          throw DatasetError(
            .unsupportedElementType, path: path, offset: start + index * size,
            "element \(index) is \(value), beyond 32 bits", remedy: "save it as float32, or as smaller numbers")
        }
        integers.append(narrow)
      }
      return .integers(integers)
    }
    var floats: [Float] = []
    floats.reserveCapacity(count)
    for index in 0..<count {
      let value = size == 4 ? Float(bitPattern: UInt32(word(index))) : Float(Double(bitPattern: word(index)))
      guard value.isFinite else {
        throw DatasetError(
          .missingValue, path: path, offset: start + index * size, "element \(index) is \(value)",
          remedy: "replace what is not finite before you save the array")
      }
      floats.append(value)
    }
    return .floats(floats)
  }

  /// Reads a .npy file, or of a .npz file the array behind the colon: `data.npz:x`.
  /// - Throws: `DatasetError`.
  static func read(_ path: String) throws(DatasetError) -> NPY {
    guard let colon = path.lastIndex(of: ":"), path[..<colon].hasSuffix(".npz") else {
      guard !path.hasSuffix(".npz") else {
        let names = try ZipArchive(bytes(path), path: path).members.map { "'\(path):\($0.name.dropLast(4))'" }
        throw DatasetError(
          .unsupportedFormat, path: path, "the file holds \(names.count) arrays",
          remedy: "name one: \(names.joined(separator: " or "))")
      }
      return try NPY(bytes(path), path: path)
    }
    let file = String(path[..<colon])
    let name = path[path.index(after: colon)...] + ".npy"
    let archive = try ZipArchive(bytes(file), path: file)
    guard let member = archive.members.first(where: { $0.name == name }) else {
      let names = archive.members.map { "'\($0.name.dropLast(4))'" }.joined(separator: ", ")
      throw DatasetError(
        .missingFile, path: path, "the archive has no array '\(name.dropLast(4))'", remedy: "its arrays are \(names)")
    }
    return try NPY(archive.content(of: member), path: path)
  }

  private static func bytes(_ path: String) throws(DatasetError) -> [UInt8] {
    var file = try InflatingFile(path: path)
    var bytes: [UInt8] = []
    try file.append(.max, to: &bytes)
    return bytes
  }
}

extension NPY {
  struct ElementKind: Hashable, Sendable {
    let code: String
    let size: Int

    var isFloat: Bool { code.first == "f" }

    static let all = ["f4", "f8", "i1", "u1", "i2", "u2", "i4", "i8", "b1"].map { code in
      ElementKind(code: code, size: Int(String(code.dropFirst())) ?? 1)
    }

    /// Little-endian bits as a number.
    func integer(_ word: UInt64) -> Int64 {
      switch code {
      case "i1": Int64(Int8(truncatingIfNeeded: word))
      case "i2": Int64(Int16(truncatingIfNeeded: word))
      case "i4": Int64(Int32(truncatingIfNeeded: word))
      case "b1": word == 0 ? 0 : 1
      default: Int64(truncatingIfNeeded: word)
      }
    }
  }

  /// What stands before the elements.
  struct Header {
    let type: ElementKind
    let shape: [Int]
    /// The first byte of the elements.
    let end: Int

    init(_ bytes: [UInt8], path: String) throws(DatasetError) {
      guard bytes.starts(with: NPY.magic), bytes.count >= 10 else {
        throw DatasetError(
          bytes.starts(with: NPY.magic.prefix(bytes.count)) ? .truncatedData : .wrongMagic, path: path, offset: 0,
          "an array begins with 93 'NUMPY' and a header", remedy: "give a file that numpy.save wrote")
      }
      let version = bytes[6]
      guard (1...3).contains(version) else {
        throw DatasetError(
          .unsupportedFormat, path: path, offset: 6, "version \(version) of the format is not known, 1 to 3 are",
          remedy: "save it with numpy.save")
      }
      let lengthSize = version == 1 ? 2 : 4
      let length = bytes[8..<min(8 + lengthSize, bytes.count)].reversed().reduce(0) { $0 << 8 | Int($1) }
      end = 8 + lengthSize + length
      guard end <= bytes.count else {
        throw DatasetError(
          .truncatedData, path: path, offset: bytes.count, "the file ends within its header",
          remedy: "save the array again")
      }
      let text = String(decoding: bytes[(8 + lengthSize)..<end], as: UTF8.self)
      func refuse(_ code: DatasetError.Code, _ problem: String, _ remedy: String) -> DatasetError {
        DatasetError(code, path: path, offset: 8 + lengthSize, problem, remedy: remedy)
      }
      guard let description = text.firstMatch(of: /'descr':\s*'([^']*)'/)?.1,
        let order = text.firstMatch(of: /'fortran_order':\s*(True|False)/)?.1,
        let sizes = text.firstMatch(of: /'shape':\s*\(([0-9, ]*)\)/)?.1
      else {
        throw refuse(
          .unsupportedFormat, "the header \(text.trimmed) names no plain element type, order and shape",
          "save an array of numbers with numpy.save, not of objects or records")
      }
      guard order == "False" else {
        throw refuse(
          .fortranOrder, "the elements are in Fortran order",
          "save numpy.ascontiguousarray(a), which is in C order")
      }
      let code = description.drop { "<|=".contains($0) }
      guard let type = ElementKind.all.first(where: { $0.code == code }), !description.hasPrefix(">") else {
        throw refuse(
          .unsupportedElementType, "elements are '\(description)'",
          "convert them: a.astype('<f4') for numbers, a.astype('<i4') for classes or tokens")
      }
      self.type = type
      shape = sizes.split(separator: ",").compactMap { Int($0.filter { $0 != " " }) }
      let (_, overflow) = shape.reduce((type.size, false)) { part, size in
        let (product, overflow) = part.0.multipliedReportingOverflow(by: size)
        return (product, part.1 || overflow)
      }
      guard !overflow, shape.reduce(1, *) > 0 else {
        throw refuse(.emptyData, "the shape (\(sizes)) holds no elements, or more than any file", "save it again")
      }
    }
  }
}
