import Foundation
import Safetensors
import Testing

private func golden(_ name: String) throws -> [UInt8] {
  let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")
  return [UInt8](try Data(contentsOf: folder.appending(path: name)))
}

/// What `scripts/golden` writes as `apus.safetensors`, by Python's `struct` and `json`.
private func sample() throws -> SafetensorsFile {
  try SafetensorsFile(
    metadata: ["step": "17", "note": "π \"quoted\" \\ tab\t."],
    tensors: [
      .init(name: "weights", shape: [2, 3], [1.5, -2.25, 3, 0.1, -0, 65_504] as [Float]),
      .init(name: "labels", shape: [3], [-1, 7, 2_147_483_647] as [Int32]),
      .init(name: "empty", shape: [0, 4], [] as [Double]),
      .init(name: "mask", shape: [5], [0, 1, 255, 3, 4] as [UInt8]),
      .init(name: "scalar", shape: [], [0.1] as [Double]),
      .init(name: "steps", shape: [2, 1], [Int64.min, 99] as [Int64]),
    ])
}

@Suite struct SafetensorsFileTests {
  @Test func encodingGivesTheBytesThatPythonComposesAndReads() throws {
    #expect(try sample().encode() == golden("apus.safetensors"))
  }

  @Test func decodingGivesBackWhatWasEncoded() throws {
    let file = try sample()
    #expect(try SafetensorsFile(decoding: file.encode(), checksum: .required) == file)
    let bare = try SafetensorsFile(tensors: [])
    #expect(try SafetensorsFile(decoding: bare.encode(), checksum: .required) == bare)
  }

  @Test func aFileOfPythonsPackageIsRead() throws {
    let file = try SafetensorsFile(decoding: golden("python.safetensors"))
    #expect(file.metadata == ["source": "safetensors for Python", "unit": "µs"])
    #expect(Set(file.tensors.map(\.name)) == ["f32", "f64", "i32", "i64", "u8"])
    #expect(try file.tensor("f32").shape == [2, 3])
    #expect(try file.tensor("f32").elements() == [0, 0.25, 0.5, 0.75, 1, -1.25] as [Float])
    #expect(try file.tensor("f64").elements() == [0.1, -1e300] as [Double])
    #expect(try file.tensor("i32").elements() == [-5, 6, 7] as [Int32])
    #expect(try file.tensor("i64").elements() == [1 << 40] as [Int64])
    #expect(try file.tensor("i64").shape == [])
    #expect(try file.tensor("u8").elements() == [250, 251, 252, 253, 254, 255, 0] as [UInt8])
  }

  @Test func aTensorIsReadByItsOwnNameAndTypeOnly() throws {
    let file = try sample()
    #expect(code { try file.tensor("weight") } == .noSuchTensor)
    #expect(code { try file.tensor("weights").elements(as: Double.self) } == .noSuchTensor)
  }

  @Test func contentThatNoFileCanHoldIsRefused() throws {
    let one = try SafetensorsFile.Tensor(name: "a", shape: [1], [1] as [Float])
    #expect(code { try SafetensorsFile(tensors: [one, one]) } == .badName)
    #expect(code { try SafetensorsFile(metadata: ["crc32": "0"], tensors: [one]) } == .badName)
    let reserved = try SafetensorsFile.Tensor(name: "__metadata__", shape: [1], [1] as [Float])
    #expect(code { try SafetensorsFile(tensors: [reserved]) } == .badName)
    #expect(code { try SafetensorsFile.Tensor(name: "b", shape: [3], [1] as [Float]) } == .sizeMismatch)
    #expect(code { try SafetensorsFile.Tensor(name: "b", shape: [-1, -1], [1] as [Float]) } == .sizeMismatch)
    let huge = [1 << 40, 1 << 40]
    #expect(code { try SafetensorsFile.Tensor(name: "b", shape: huge, [1] as [Float]) } == .sizeMismatch)
  }

  @Test(arguments: malformed) func aMalformedFileIsRefused(_ example: Malformed) {
    #expect(code { try SafetensorsFile(decoding: example.bytes) } == example.code, "\(example.header)")
  }

  @Test func everyTruncationIsRefused() throws {
    let bytes = try sample().encode()
    for count in 0..<bytes.count {
      #expect(code { try SafetensorsFile(decoding: Array(bytes[..<count])) } != nil, "\(count) of \(bytes.count) bytes")
    }
  }

  @Test func everyFlippedBitIsRefusedWhereAChecksumIsRequired() throws {
    let bytes = try sample().encode()
    for position in bytes.indices {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[position] ^= 1 << bit
        #expect(
          code { try SafetensorsFile(decoding: damaged, checksum: .required) } != nil, "byte \(position), bit \(bit)")
      }
    }
  }

  @Test func aFlipPassesUnseenOnlyWhereItTakesTheChecksumsKeyAway() throws {
    let bytes = try sample().encode()
    let key = try #require(bytes.indices.first { bytes[$0...].starts(with: Array("crc32".utf8)) })
    for position in bytes.indices where !(key..<(key + 5)).contains(position) {
      for flip: UInt8 in [0x01, 0x20, 0x80, 0xFF] {
        var damaged = bytes
        damaged[position] ^= flip
        #expect(code { try SafetensorsFile(decoding: damaged) } != nil, "byte \(position) ^ \(flip)")
      }
    }
  }

  @Test func aFileWithoutChecksumIsRefusedWhereOneIsRequired() throws {
    let bytes = try golden("python.safetensors")
    #expect(code { try SafetensorsFile(decoding: bytes, checksum: .required) } == .checksumMissing)
  }
}

private func code(_ body: () throws -> some Any) -> SafetensorsError.Code? {
  do {
    _ = try body()
    return nil
  } catch let error as SafetensorsError {
    return error.code
  } catch {
    Issue.record("\(error) is no SafetensorsError")
    return nil
  }
}

struct Malformed: Sendable, CustomTestStringConvertible {
  let header: String
  var length: UInt64?
  var data = 8
  let code: SafetensorsError.Code

  var bytes: [UInt8] {
    let length = length ?? UInt64(header.utf8.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8)
      + Array(repeating: 7, count: data)
  }

  var testDescription: String { "\(code.rawValue): \(header)" }
}

private let malformed = [
  Malformed(header: "{}", length: 11, code: .truncated),
  Malformed(header: "{}", length: .max, code: .headerTooLong),
  Malformed(header: "", data: 0, code: .badHeader),
  Malformed(header: "{", data: 0, code: .badHeader),
  Malformed(header: "[]", data: 0, code: .badHeader),
  Malformed(header: #"{"a":{"dtype":"F32","shape":[2]}}"#, code: .badHeader),
  Malformed(header: #"{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}"#, code: .badHeader),
  Malformed(header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,99999999999999999999]}}"#, code: .badHeader),
  Malformed(header: #"{"__metadata__":{"step":3}}"#, data: 0, code: .badHeader),
  Malformed(header: #"{"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}}"#, code: .unknownType),
  Malformed(header: #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, code: .sizeMismatch),
  Malformed(header: #"{"a":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}"#, code: .sizeMismatch),
  Malformed(header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}"#, code: .badOffsets),
  Malformed(header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}}"#, code: .badOffsets),
  Malformed(header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, code: .badOffsets),
  Malformed(header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#, code: .badOffsets),
  Malformed(header: #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, code: .badOffsets),
  Malformed(header: #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, code: .badOffsets),
  Malformed(
    header:
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[1],"data_offsets":[7,8]}}"#,
    code: .badOffsets),
  Malformed(
    header: #"{"__metadata__":{"crc32":"00000000"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
    code: .checksumMismatch),
  Malformed(header: #"{"__metadata__":{"crc32":"short"}}"#, data: 0, code: .checksumMismatch),
]
