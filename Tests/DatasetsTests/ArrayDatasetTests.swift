import Datasets
import Foundation
import ModelGraph
import TestSupport
import Testing

/// Files that `scripts/golden` has NumPy write: sample n, element k of x is n − k / 4.
@Suite struct ArrayDatasetTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

  private static func path(_ name: String) -> String { folder.appending(path: name).path }

  private static func read(
    _ inputs: String, _ targets: String, classes: Classes? = nil
  ) throws -> ArrayDataset {
    try ArrayDataset(ArrayFiles(inputs: path(inputs), targets: path(targets)), classes.map { .classes($0) } ?? .plain)
  }

  private static func all(_ dataset: ArrayDataset, normalises: Bool = false) throws -> (SampleBuffer, DataEncoding) {
    let places = Array(0..<UInt32(dataset.count))
    let encoding = try dataset.encoding(of: places, normalises: normalises)
    return (try dataset.source(encoding, augmentation: nil).samples(places), encoding)
  }

  private static let x: [Double] = (0..<24).map { Double($0 / 6) - Double($0 % 6) / 4 }

  @Test(arguments: [
    "deflated.npz:f4", "deflated.npz:f8", "stored.npz:x", "version1.npy", "version2.npy", "version3.npy",
  ])
  func readsFloatsOfEverySizeAndVersion(name: String) throws {
    let (buffer, encoding) = try Self.all(Self.read(name, "deflated.npz:labels"))
    #expect(buffer.fields == [SampleField("input", [2, 3]), SampleField("labels", [], .int32)])
    #expect(buffer.values(0) == Self.x)
    #expect(buffer.values(1) == [2, 0, 1, 2])
    #expect(encoding.target == .classes(ClassTarget(names: ["0", "1", "2"])))
  }

  @Test(arguments: ["i1", "i2", "i4", "i8"]) func readsIntegersAsTokens(code: String) throws {
    let (buffer, _) = try Self.all(Self.read("deflated.npz:\(code)", "labels.npy", classes: .names(["a", "b", "c"])))
    #expect(buffer.fields == [SampleField("input", [2], .int32), SampleField("labels", [], .int32)])
    #expect(buffer.values(0) == [0, -5, 20, 15, 40, 35, 60, 55])
  }

  @Test func readsBytesAndTruthValuesAsNumbers() throws {
    let (bytes, _) = try Self.all(Self.read("deflated.npz:u1", "deflated.npz:u2"))
    #expect(bytes.fields[0] == SampleField("input", [6]))
    #expect(bytes.values(0).prefix(6) == [70, 57, 45, 32, 20, 7])
    #expect(bytes.values(1) == [2, 0, 1, 2])
    let (truths, _) = try Self.all(Self.read("deflated.npz:b1", "labels.npy"))
    let expected: [Double] = Self.x.map { $0 > 1 ? 1 : 0 }
    #expect(truths.values(0) == expected)
  }

  @Test func floatTargetsArePredictedWithTheirMeansAsBaseline() throws {
    let (buffer, encoding) = try Self.all(Self.read("stored.npz:x", "version1.npy"), normalises: true)
    #expect(buffer.fields[1] == SampleField("target", [2, 3]))
    guard case .values(let values) = encoding.target else {
      Issue.record("floats are numbers")
      return
    }
    let means: [Double] = (0..<6).map { 1.5 - Double($0) / 4 }
    #expect(values.baseline == .mean(means))
    expectClose([values.mean], [1.5 - 0.625], relative: 1e-12)
    expectClose(buffer.values(1).map { $0 * values.deviation + values.mean }, Self.x, relative: 1e-6)
  }

  @Test func theLastDimensionOfSequencesIsNormalisedEachOnItsOwn() throws {
    let (buffer, _) = try Self.all(Self.read("stored.npz:x", "labels.npy"), normalises: true)
    let values = buffer.values(0)
    for feature in 0..<3 {
      let own = stride(from: feature, to: 24, by: 3).map { values[$0] }
      let sum: Double = own.reduce(0, +)
      let squares: Double = own.reduce(0) { $0 + $1 * $1 }
      expectClose([sum / 8], [0.0], relative: 0, absolute: 1e-6)
      expectClose([squares / 8], [1.0], relative: 1e-6)
    }
  }

  @Test(
    arguments: [
      ("fortran.npy", .fortranOrder, "the elements are in Fortran order; save numpy.ascontiguousarray(a)"),
      ("big-endian.npy", .unsupportedElementType, "elements are '>f4'; convert them"),
      ("objects.npy", .unsupportedElementType, "elements are '|O'; convert them"),
      ("stored.npz", .unsupportedFormat, "the file holds 2 arrays; name one: "),
      ("stored.npz:z", .missingFile, "the archive has no array 'z'; its arrays are 'x', 'y'"),
    ] as [(String, DatasetError.Code, String)])
  func refusesWhatItCannotReadWithTheRemedy(name: String, code: DatasetError.Code, message: String) throws {
    let error = #expect(throws: DatasetError.self) { try Self.read(name, "labels.npy") }
    #expect(error?.code == code)
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  @Test func everyCutOfAFileIsRefused() throws {
    for name in ["version1.npy", "version2.npy", "deflated.npz", "stored.npz"] {
      let bytes = [UInt8](try Data(contentsOf: Self.folder.appending(path: name)))
      for count in [0, 4, 9, 11, 60, bytes.count / 2, bytes.count - 30, bytes.count - 1] {
        let file = try TemporaryFile(Array(bytes.prefix(count)), name: name)
        let path = file.path + (name.hasSuffix(".npz") ? ":\(name == "stored.npz" ? "x" : "f4")" : "")
        let error = #expect(throws: DatasetError.self, "\(count) bytes of \(name)") {
          try withExtendedLifetime(file) {
            try ArrayDataset(ArrayFiles(inputs: path, targets: Self.path("labels.npy")), .plain)
          }
        }
        #expect(error?.path.hasPrefix(file.path) == true)
      }
    }
  }

  @Test func aFlippedByteOfADeflatedArrayIsRefused() throws {
    var bytes = [UInt8](try Data(contentsOf: Self.folder.appending(path: "stored.npz")))
    let start = try #require(bytes.firstRange(of: Array("NUMPY".utf8))).lowerBound
    bytes[start + 150] ^= 0x10
    let file = try TemporaryFile(bytes, name: "stored.npz")
    let error = #expect(throws: DatasetError.self) {
      try withExtendedLifetime(file) {
        try ArrayDataset(ArrayFiles(inputs: file.path + ":x", targets: Self.path("labels.npy")), .plain)
      }
    }
    #expect(error?.problem == "the checksum of 'x.npy' is wrong")
  }

  @Test func aNumberThatIsNoneIsRefusedAtItsByte() throws {
    var bytes = [UInt8](try Data(contentsOf: Self.folder.appending(path: "version1.npy")))
    // The last of 24 float64 elements becomes a NaN.
    bytes.replaceSubrange(bytes.count - 8..<bytes.count, with: [0, 0, 0, 0, 0, 0, 0xf8, 0x7f])
    let file = try TemporaryFile(bytes, name: "x.npy")
    let error = #expect(throws: DatasetError.self) {
      try withExtendedLifetime(file) {
        try ArrayDataset(ArrayFiles(inputs: file.path, targets: Self.path("labels.npy")), .plain)
      }
    }
    #expect(error?.code == .missingValue && error?.offset == bytes.count - 8 && error?.problem == "element 23 is nan")
  }

  @Test func countsLabelsAndClassesMustFit() throws {
    let few = #expect(throws: DatasetError.self) {
      try Self.read("stored.npz:x", "labels.npy", classes: .count(2))
    }
    #expect(few?.code == .labelOutsideClasses && few?.problem.hasPrefix("element 0 is 2, but 2 classes") == true)
    let floats = #expect(throws: DatasetError.self) {
      try Self.read("stored.npz:x", "version1.npy", classes: .count(2))
    }
    #expect(floats?.key == "classes")
  }
}
