import Datasets
import TestSupport
import Testing

@Suite struct CIFARTests {
  /// A record whose pixels begin with its red, green and blue corner.
  private static func record(_ labels: [UInt8], _ corners: [UInt8]) -> [UInt8] {
    labels + corners.flatMap { [$0] + [UInt8](repeating: 9, count: 1023) }
  }

  @Test func readsBatchesInOrderWithTheNamesBesideThem() throws {
    let folder = try TemporaryFolder()
    for batch in 1...5 {
      let bytes = Self.record([UInt8(batch)], [1, 2, 3]) + Self.record([9], [4, 5, UInt8(batch)])
      try folder.write(batch == 2 ? try gzip(bytes) : bytes, "data_batch_\(batch).bin")
    }
    let names = (0..<10).map { "class \($0)" }
    try folder.write(names.joined(separator: "\n") + "\n\n", "batches.meta.txt")
    let dataset = try CIFAR.ten.read(CIFAR.ten.trainingFiles, in: folder.path)
    #expect(dataset.count == 10 && dataset.sampleShape == [3, 32, 32] && dataset.classNames == names)
    #expect(dataset.labels == [1, 9, 2, 9, 3, 9, 4, 9, 5, 9])
    let corners: [UInt8] = (0..<3).map { dataset.pixels[3 * 3072 + $0 * 1024] }
    #expect(corners == [4, 5, 2])
    // A file from elsewhere has the same classes.
    let other = try TemporaryFolder()
    try other.write(Self.record([7], [1, 2, 3]), "new.bin")
    let new = try CIFAR.ten.read(["new.bin"], in: other.path, namesFolder: folder.path)
    #expect(new.classNames == names && new.labels == [7])
  }

  @Test(arguments: [(CIFAR.Labels.fine, Int32(71), 100), (.coarse, 13, 20)])
  func aHundredHasFineAndCoarseLabels(labels: CIFAR.Labels, label: Int32, classes: Int) throws {
    let folder = try TemporaryFolder()
    try folder.write(Self.record([13, 71], [1, 2, 3]), "test.bin")
    let dataset = try CIFAR.hundred(labels).read(CIFAR.hundred(labels).testFiles, in: folder.path)
    #expect(dataset.labels == [label] && dataset.classNames.count == classes && dataset.classNames[2] == "2")
  }

  @Test func badRecordsAreRefusedAtTheirByte() throws {
    let folder = try TemporaryFolder()
    let whole = Self.record([3], [1, 2, 3])
    try folder.write(whole + whole.dropLast(), "test_batch.bin")
    let cut = #expect(throws: DatasetError.self) { try CIFAR.ten.read(["test_batch.bin"], in: folder.path) }
    #expect(cut?.code == .truncatedData && cut?.offset == 2 * 3073 - 1)
    try folder.write(whole + Self.record([10], [1, 2, 3]), "test_batch.bin")
    let label = #expect(throws: DatasetError.self) { try CIFAR.ten.read(["test_batch.bin"], in: folder.path) }
    #expect(label?.code == .labelOutsideClasses && label?.offset == 3073)
    #expect(label?.problem == "the label is 10, and there are 10 classes")
    try folder.write("", "test_batch.bin")
    #expect(throws: DatasetError.self) { try CIFAR.ten.read(["test_batch.bin"], in: folder.path) }
    try folder.write(whole, "test_batch.bin")
    try folder.write("one\ntwo\n", "batches.meta.txt")
    let names = #expect(throws: DatasetError.self) { try CIFAR.ten.read(["test_batch.bin"], in: folder.path) }
    #expect(names?.code == .countMismatch)
    let missing = #expect(throws: DatasetError.self) { try CIFAR.ten.read(["none.bin"], in: folder.path) }
    #expect(missing?.code == .missingFile)
  }
}
