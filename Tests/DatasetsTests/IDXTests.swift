import Datasets
import Testing

@Suite struct IDXTests {
  static let elements = noise(3 * 5 * 7)
  static let whole = idx([3, 5, 7], elements)

  @Test func readsPlainAndGzipAlike() throws {
    for bytes in [Self.whole, try gzip(Self.whole)] {
      let array = try TemporaryFile(bytes).read(dimensionCount: 3)
      #expect(array.dimensions == [3, 5, 7])
      #expect(array.elements == Self.elements)
    }
  }

  @Test func readsAFileOfManyChunksAndOfSeveralGzipMembers() throws {
    let elements = noise(1_000_003)
    let bytes = idx([1_000_003], elements)
    let members = try gzip(Array(bytes[..<400_000])) + gzip(Array(bytes[400_000...]))
    for file in [bytes, members] {
      #expect(try TemporaryFile(file).read(dimensionCount: 1).elements == elements)
    }
  }

  @Test func dimensionsAreBigEndian() throws {
    let array = try TemporaryFile(idx([2, 259], noise(518))).read(dimensionCount: 2)
    #expect(array.dimensions == [2, 259])
  }

  struct Damage: Sendable, CustomTestStringConvertible {
    let name: String
    let code: DatasetError.Code
    let offset: Int
    let bytes: [UInt8]
    var testDescription: String { name }
  }

  static let plainDamages: [Damage] = [
    Damage(name: "empty file", code: .emptyData, offset: 0, bytes: []),
    Damage(name: "a byte of header", code: .truncatedData, offset: 1, bytes: [0]),
    Damage(name: "cut in the dimensions", code: .truncatedData, offset: 9, bytes: Array(whole.prefix(9))),
    Damage(name: "not IDX", code: .wrongMagic, offset: 0, bytes: Array("P5 28 28".utf8)),
    Damage(name: "second byte set", code: .wrongMagic, offset: 0, bytes: [0, 1] + whole.dropFirst(2)),
    Damage(name: "unknown type", code: .wrongMagic, offset: 0, bytes: idx([3, 5, 7], elements, type: 7)),
    Damage(name: "floats", code: .unsupportedElementType, offset: 2, bytes: idx([3, 5, 7], elements, type: 13)),
    Damage(name: "labels", code: .wrongDimensionCount, offset: 3, bytes: idx([105], elements)),
    Damage(name: "no samples", code: .emptyData, offset: 4, bytes: idx([0, 5, 7], [])),
    Damage(name: "no columns", code: .emptyData, offset: 12, bytes: idx([3, 5, 0], [])),
    Damage(name: "one short", code: .truncatedData, offset: 120, bytes: whole.dropLast()),
    Damage(name: "two long", code: .trailingData, offset: 121, bytes: whole + [1, 2]),
    Damage(
      name: "promises 80 PB", code: .truncatedData, offset: 121,
      bytes: idx([20_000_000, 2_000_000, 2000], elements)),
    Damage(
      name: "promises more than Int.max", code: .truncatedData, offset: 12,
      bytes: idx([4_294_967_295, 2_147_483_647, 3], elements)),
  ]

  @Test(arguments: plainDamages) func refusesDamagedArrays(_ damage: Damage) throws {
    for bytes in [damage.bytes, try gzip(damage.bytes)] {
      let file = try TemporaryFile(bytes)
      let error = #expect(throws: DatasetError.self) { try file.read(dimensionCount: 3) }
      #expect(error?.code == damage.code && error?.offset == damage.offset && error?.path == file.path)
    }
  }

  @Test(arguments: [2, 9, 60, 125, 131]) func refusesATruncatedGzipStream(length: Int) throws {
    let bytes = try gzip(Self.whole)
    try #require(bytes.count > 131)
    let file = try TemporaryFile(Array(bytes.prefix(length)))
    let error = #expect(throws: DatasetError.self) { try file.read(dimensionCount: 3) }
    #expect(error?.code == .truncatedGzip && error?.offset == length)
  }

  // Places from the end: in the length, in the CRC, in the data, and in the header's dimensions.
  @Test(arguments: [1, 6, 40, 100, 120]) func refusesAGzipStreamWithAFlippedBit(fromTheEnd place: Int) throws {
    var bytes = try gzip(Self.whole)
    bytes[bytes.count - place] ^= 0x10
    let file = try TemporaryFile(bytes)
    let error = #expect(throws: DatasetError.self) { try file.read(dimensionCount: 3) }
    #expect(error?.code == .corruptGzip)
  }

  @Test func refusesBytesAfterTheGzipStream() throws {
    let file = try TemporaryFile(try gzip(Self.whole) + [7, 7])
    let error = #expect(throws: DatasetError.self) { try file.read(dimensionCount: 3) }
    #expect(error?.code == .corruptGzip)
  }

  @Test func namesAMissingFileAndADirectory() {
    let missing = #expect(throws: DatasetError.self) { try IDX(path: "/nowhere/train", dimensionCount: 3) }
    #expect(missing?.code == .missingFile)
    #expect(missing?.description == "/nowhere/train: there is no such file; give the path of a data file")
    let directory = #expect(throws: DatasetError.self) { try IDX(path: "/usr", dimensionCount: 3) }
    #expect(directory?.code == .unreadableFile)
  }

  @Test func messageHasPlaceCountsAndRemedy() throws {
    let file = try TemporaryFile(Self.whole.dropLast(4))
    let error = #expect(throws: DatasetError.self) { try file.read(dimensionCount: 3) }
    #expect(
      error?.description == "\(file.path), byte 117: the header promises 105 elements (3 × 5 × 7), the file has 101; "
        + "the copy is incomplete: fetch the file again")
  }
}
