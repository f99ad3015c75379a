import Datasets
import Foundation
import ModelGraph
import TestSupport
import Testing

/// Samples whose truth is not known: what is to be predicted.
@Suite struct PredictionInputTests {
  private static func table(
    _ text: String, _ specification: TableSpecification, isToPredict: Bool = true
  ) throws -> Table {
    let file = try TemporaryFile(Array(text.utf8), name: "t.csv")
    return try withExtendedLifetime(file) {
      try Table(path: file.path, specification, isToPredict: isToPredict)
    }
  }

  private static func read(
    _ text: String, _ specification: TableSpecification, training: String
  ) throws -> SampleBuffer {
    let trained = try table(training, specification, isToPredict: false)
    let encoding = try trained.encoding(of: Array(0..<UInt32(trained.count)), normalises: false)
    let source = try table(text, specification).source(encoding, augmentation: nil)
    return try source.samples(Array(0..<UInt32(source.count)))
  }

  @Test func aTableMayLackItsTarget() throws {
    let numbers = TableSpecification(target: "y")
    let rows = try Self.read("a,b\n5,7\n6,9\n", numbers, training: "a,b,y\n1,2,3\n3,4,6\n")
    #expect(rows.values(0) == [5, 7, 6, 9])
    #expect(rows.values(1).count == 2 && rows.values(1).allSatisfy(\.isNaN))
    let classes = TableSpecification(target: "k")
    let some = try Self.read("a,k\n5,\n6,v\n", classes, training: "a,k\n1,u\n2,v\n")
    #expect(some.values(1) == [-1, 1])
    let none = try Self.read("a,k\n5,\n6,NA\n", classes, training: "a,k\n1,u\n2,v\n")
    #expect(none.values(1) == [-1, -1])
  }

  @Test func everyWindowIsASampleTheLastOnesWithoutTheirFuture() throws {
    let window = TableSpecification(target: "y", window: .init(length: 3, horizon: 2))
    let rows = try Self.read(
      "y\n1\n2\n4\n8\n16\n", window, training: "y\n1\n2\n3\n4\n5\n6\n")
    #expect(rows.capacity == 3)
    #expect(rows.values(0) == [1, 2, 4, 2, 4, 8, 4, 8, 16])
    let future = rows.values(1)
    #expect(Array(future.prefix(3)) == [8, 16, 16] && future.dropFirst(3).allSatisfy(\.isNaN))
    let short = #expect(throws: DatasetError.self) { try Self.table("y\n1\n2\n", window) }
    #expect(short?.code == .tooFewRows && short?.problem == "2 rows hold no window of 3")
  }

  @Test(arguments: [MissingPolicy.refuse, .drop])
  func aMissingInputIsRefusedAtItsPlaceSinceEveryRowIsToBePredicted(missing: MissingPolicy) throws {
    let error = #expect(throws: DatasetError.self) {
      try Self.table("a,b\n1,2\n3,\n", TableSpecification(target: "y", missing: missing))
    }
    #expect(error?.code == .missingValue && error?.line == 3 && error?.column == 3)
  }

  @Test func anUnknownColumnOfInputsIsRefused() throws {
    let error = #expect(throws: DatasetError.self) {
      try Self.table("a,c\n1,2\n", TableSpecification(target: "y", columns: ["a", "b"]))
    }
    #expect(error?.code == .unknownColumn && error?.problem == "there is no column 'b'")
  }

  @Test func textsAndImagesAreSamplesWithoutLabels() throws {
    let specification = TextSpecification(tokens: .word, sequenceLength: 3, text: "text", label: "label")
    let file = try TemporaryFile(Array("text,label\na b,u\nb c,v\n".utf8), name: "t.csv")
    let trained = try withExtendedLifetime(file) { try TextDataset(path: file.path, specification) }
    let encoding = try trained.encoding(of: [0, 1], normalises: false)
    let texts = try TextDataset(texts: ["c b b b", "d"], specification).source(encoding, augmentation: nil)
    let rows = try texts.samples([0, 1])
    // b 2, a 3, c 4.
    #expect(rows.values(0) == [4, 2, 2, 1, 0, 0] && rows.values(1) == [-1, -1])

    let images = try ImageDataset(
      pixels: [0, 255, 51, 102], labels: [1, 0], sampleShape: [1, 1, 2], classNames: ["p", "q"])
    let pixels = try images.encoding(of: [0, 1], normalises: false)
    let new = try ImageDataset(toPredict: [255, 0], sampleShape: [1, 1, 2], imagesPath: "new")
    let sample = try new.source(pixels, augmentation: nil).samples([0])
    #expect(sample.values(0)[0] > sample.values(0)[1] && sample.values(1) == [-1])
    let other = #expect(throws: DatasetError.self) {
      try ImageDataset(toPredict: [255, 0, 3], sampleShape: [1, 1, 3], imagesPath: "new")
        .source(pixels, augmentation: nil)
    }
    #expect(other?.code == .otherSize)
  }
}
