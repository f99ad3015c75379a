import Datasets
import ModelGraph
import TestSupport
import Testing

/// Samples of several labels at once, from tables and arrays.
@Suite struct LabelTests {
  private static let text = "a,x,b,y,c\n0,5,1,u,FALSE\n1,6,0,v,True\n1.0,7,1,u,0\n"
  private static let labels = TableSpecification(target: .labels(["c", "a", "b"]))

  private static func table(_ text: String, _ specification: TableSpecification) throws -> (TemporaryFile, Table) {
    let file = try TemporaryFile(Array(text.utf8), name: "t.csv")
    return (file, try withExtendedLifetime(file) { try Table(path: file.path, specification) })
  }

  @Test func columnsOfZerosAndOnesAreLabelsInTheOrderOfTheJob() throws {
    let (_, table) = try Self.table(Self.text, Self.labels)
    let encoding = try table.encoding(of: [0, 1, 2], normalises: false)
    #expect(encoding.target == .labels(LabelTarget(names: ["c", "a", "b"])))
    #expect(encoding.target.outputCount == 3 && encoding.target.outputShape == [3])
    let buffer = try table.source(encoding, augmentation: nil).samples([2, 0, 1])
    #expect(buffer.fields == [SampleField("input", [3]), SampleField("target", [3])])
    #expect(buffer.values(0) == [7, 1, 0, 5, 1, 0, 6, 0, 1])
    #expect(buffer.values(1) == [0, 1, 1, 0, 0, 1, 1, 1, 0])
  }

  @Test(arguments: [
    ("a,x,b\n0,5,1\n1,6,2\n", 3, 5, "'2' in 'b' is neither 0 nor 1"),
    ("a,x,b\nyes,5,1\n1,6,0\n", 2, 1, "'yes' in 'a' is neither 0 nor 1"),
    ("a,x,b\n0,5,0.5\n1,6,0\n", 2, 5, "'0.5' in 'b' is neither 0 nor 1"),
  ])
  func aFieldThatIsNoAnswerIsRefusedAtItsPlace(text: String, line: Int, column: Int, problem: String) throws {
    let (_, table) = try Self.table(text, TableSpecification(target: .labels(["a", "b"])))
    let encoding = try table.encoding(of: [0, 1], normalises: true)
    let error = #expect(throws: DatasetError.self) { try table.source(encoding, augmentation: nil) }
    #expect(error?.code == .notALabel && error?.line == line && error?.column == column)
    #expect(error?.problem == problem)
    #expect(error?.remedy.contains("or name one target column alone for numbers or classes") == true)
  }

  @Test func whatCannotBeLabelsIsRefusedWithItsKey() throws {
    func refusal(_ specification: TableSpecification) throws -> DatasetError? {
      let file = try TemporaryFile(Array(Self.text.utf8), name: "t.csv")
      return #expect(throws: DatasetError.self) {
        try withExtendedLifetime(file) { try Table(path: file.path, specification) }
      }
    }
    let unknown = try refusal(TableSpecification(target: .labels(["a", "d"])))
    #expect(unknown?.key == "target" && unknown?.problem == "there is no column 'd'")
    let known = try refusal(TableSpecification(target: .labels(["a", "b"]), columns: ["x", "b"]))
    #expect(known?.key == "columns" && known?.problem == "'b' is the target, and would be known to the model")
    let window = try refusal(TableSpecification(target: .labels(["a", "b"]), window: .init(length: 1)))
    #expect(window?.key == "target" && window?.problem == "a window predicts numbers of one column, not labels")
    let none = try refusal(TableSpecification(target: .labels(["a", "x", "b", "y", "c"])))
    #expect(none?.problem == "the file has no column besides 'a', 'x', 'b', 'y', 'c'")
    let missing = try TemporaryFile(Array("a,x,b\n0,,1\n1,6,?\n".utf8), name: "t.csv")
    let gap = #expect(throws: DatasetError.self) {
      try withExtendedLifetime(missing) {
        try Table(path: missing.path, TableSpecification(target: .labels(["a", "b"]), missing: .mean))
      }
    }
    #expect(gap?.code == .missingValue && gap?.line == 3 && gap?.column == 5)
  }

  // MARK: Arrays

  private static func floats(_ numbers: [Float]) -> [UInt8] {
    numbers.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number.bitPattern >> UInt32(8 * $0)) } }
  }

  private static func dataset(_ targets: [UInt8], _ meaning: ArrayTargets) throws -> ArrayDataset {
    let inputs = try TemporaryFile(npy("<f4", [3, 2], floats([1, 2, 3, 4, 5, 6])), name: "x.npy")
    let file = try TemporaryFile(targets, name: "y.npy")
    return try withExtendedLifetime((inputs, file)) {
      try ArrayDataset(ArrayFiles(inputs: inputs.path, targets: file.path), meaning)
    }
  }

  @Test(
    arguments: [
      ("|b1", [1, 0, 0, 1, 1, 1]), ("|u1", [1, 0, 0, 1, 1, 1]), ("|i1", [1, 0, 255, 1, 1, 1]),
      ("<f4", floats([1, 0, -1, 1, 1, 1])),
    ] as [(String, [UInt8])])
  func arraysOfAnyTypeAreLabels(type: String, bytes: [UInt8]) throws {
    let dataset = try Self.dataset(npy(type, [3, 2], bytes), .labels(.names(["u", "v"])))
    let encoding = try dataset.encoding(of: [0, 1, 2], normalises: true)
    #expect(encoding.target == .labels(LabelTarget(names: ["u", "v"])))
    let buffer = try dataset.source(encoding, augmentation: nil).samples([0, 1, 2])
    let left: Double = type.contains("u1") || type.contains("b1") ? 0 : -1
    #expect(buffer.values(1) == [1, 0, left, 1, 1, 1], "\(type)")
  }

  @Test func arraysThatAreNoLabelsAreRefused() throws {
    func refusal(_ targets: [UInt8], _ labels: Classes) -> DatasetError? {
      #expect(throws: DatasetError.self) { try Self.dataset(targets, .labels(labels)) }
    }
    let other = refusal(npy("|u1", [3, 2], [1, 0, 0, 2, 1, 1] as [UInt8]), .count(2))
    #expect(other?.code == .notALabel && other?.problem == "element [1, 1] is 2, neither 0 nor 1")
    let half = refusal(npy("<f4", [3, 2], Self.floats([1, 0, 0, 1, 0.5, 1])), .count(2))
    #expect(half?.problem == "element [2, 0] is 0.5, neither 0 nor 1")
    let width = refusal(npy("|u1", [3, 2], [1, 0, 0, 0, 1, 1] as [UInt8]), .names(["a", "b", "c"]))
    #expect(width?.key == "labels" && width?.remedy == "write 'labels: 2'")
    #expect(width?.problem == "the targets are 3×2, which is not [samples, 3] for 3 labels")
  }
}
