import Datasets
import ModelGraph
import TestSupport
import Testing

@Suite struct TableTests {
  private static func table(
    _ text: String, _ specification: TableSpecification
  ) throws -> (file: TemporaryFile, table: Table) {
    let file = try TemporaryFile(Array(text.utf8), name: "t.csv")
    return (file, try withExtendedLifetime(file) { try Table(path: file.path, specification) })
  }

  private static func refused(_ text: String, _ specification: TableSpecification) throws -> (DatasetError?, String) {
    let file = try TemporaryFile(Array(text.utf8), name: "t.csv")
    let error = #expect(throws: DatasetError.self) {
      try withExtendedLifetime(file) { try Table(path: file.path, specification) }
    }
    return (error, (error?.description ?? "").replacing(file.path, with: "t.csv"))
  }

  private static func all(_ table: Table, normalises: Bool = true) throws -> (SampleBuffer, DataEncoding) {
    let places = Array(0..<UInt32(table.count))
    let encoding = try table.encoding(of: places, normalises: normalises)
    return (try table.source(encoding, augmentation: nil).samples(places), encoding)
  }

  @Test func typesAreInferredAndCategoriesOneHot() throws {
    let lines = [
      #"size, colour,"a ""quoted, name""",kind"#, "2,red,1e1,\"ab\nc\"", #"4,"blue",20,d"#, "", "9,red,-3.5,d", "",
    ]
    let (_, table) = try Self.table(lines.joined(separator: "\r\n"), TableSpecification(target: "kind"))
    let (buffer, encoding) = try Self.all(table, normalises: false)
    #expect(buffer.fields == [SampleField("input", [4]), SampleField("labels", [], .int32)])
    #expect(buffer.values(0) == [2, 0, 1, 10, 4, 1, 0, 20, 9, 0, 1, -3.5])
    #expect(buffer.values(1) == [0, 1, 1])
    #expect(encoding.target == .classes(ClassTarget(names: ["ab\nc", "d"])))
  }

  @Test func numbersAreStandardisedByTheTrainingRows() throws {
    let (_, table) = try Self.table("a,y\n1,10\n3,30\n100,7\n", TableSpecification(target: "y"))
    let encoding = try table.encoding(of: [0, 1], normalises: true)
    let buffer = try table.source(encoding, augmentation: nil).samples([2, 0, 1])
    expectClose(buffer.values(0), [98, -1, 1], relative: 1e-6)
    expectClose(buffer.values(1), [-1.3, -1, 1], relative: 1e-6)
    #expect(
      encoding.target
        == .values(ValueTarget(name: "y", shape: [1], mean: 20, deviation: 10, baseline: .mean([20]))))
  }

  @Test func codesAreCategoriesWhereTheJobSaysSoInTheOrderOfTheirNumbers() throws {
    let (_, table) = try Self.table(
      "a,code\n1,10\n2,9\n4,10\n", TableSpecification(target: "code", categories: ["code"]))
    let (buffer, encoding) = try Self.all(table)
    #expect(encoding.target == .classes(ClassTarget(names: ["9", "10"])))
    #expect(buffer.values(1) == [1, 0, 1])
  }

  @Test func onlyTheChosenColumnsAreRead() throws {
    let (_, table) = try Self.table(
      "a,b,c,y\n1,x,5,2\n2,?,7,4\n", TableSpecification(target: "y", columns: ["c", "a"]))
    let (buffer, _) = try Self.all(table, normalises: false)
    #expect(buffer.values(0) == [5, 1, 7, 2])
  }

  @Test(arguments: ["", "NA", "NaN", "null", "?", " na "])
  func everySpellingOfAMissingValueIsRefusedAtItsPlace(spelling: String) throws {
    let (error, text) = try Self.refused("a,b,y\n1,2,3\n4,\(spelling),6\n", TableSpecification(target: "y"))
    #expect(error?.code == .missingValue)
    let shown = spelling.isEmpty ? "empty" : "'\(spelling)'"
    #expect(
      text == "t.csv:3:3: 'b' is \(shown), a missing value; fill it in, or write 'missing: drop' to leave such rows "
        + "out or, for inputs, 'missing: mean'")
  }

  @Test func missingNumbersBecomeTheMeanAndMissingCategoriesNone() throws {
    let text = "a,c,y\n1,u,3\nNA,v,4\n5,null,6\n"
    let (_, table) = try Self.table(text, TableSpecification(target: "y", missing: .mean))
    #expect(try Self.all(table, normalises: false).0.values(0) == [1, 1, 0, 3, 0, 1, 5, 0, 0])
    let (error, place) = try Self.refused("a,y\n1,3\n2,\n", TableSpecification(target: "y", missing: .mean))
    #expect(error?.code == .missingValue && place.hasPrefix("t.csv:3:3: 'y' is empty"))
  }

  @Test func rowsWithMissingValuesAreDropped() throws {
    let (_, table) = try Self.table("a,b,y\n1,,3\n4,5,6\n", TableSpecification(target: "y", missing: .drop))
    #expect(table.count == 1)
    let (error, _) = try Self.refused("a,y\n1,?\n", TableSpecification(target: "y", missing: .drop))
    #expect(error?.code == .emptyData && error?.key == "missing")
  }

  @Test(
    arguments: [
      ("a,b\n1,\"x\ny\n", .badQuotes, "t.csv:2:3: the quote that opens here is never closed"),
      ("a,b\n1,\"x\"y\n", .badQuotes, "t.csv:2:6: 'y' behind a closing quote"),
      ("a,b\n1,x\"y\n", .badQuotes, "t.csv:2:4: a quote within a field that does not begin with one"),
      ("a,b\n1,2\n1,2,3\n", .unequalRows, "t.csv:3:1: 3 fields where the first line has 2"),
      ("5.1,3.5\n4.9,3\n", .noHeader, "t.csv:1:1: the first line names the columns, and '5.1' is no name"),
      ("a,b,a\n1,2,3\n", .noHeader, "t.csv:1:5: two columns are called 'a'"),
      ("a,b\n", .emptyData, "t.csv: the file has a header and no rows"),
      ("", .emptyData, "t.csv: the file has no lines"),
    ] as [(String, DatasetError.Code, String)])
  func badTextIsRefusedAtItsPlace(text: String, code: DatasetError.Code, message: String) throws {
    let (error, found) = try Self.refused(text, TableSpecification(target: "b"))
    #expect(error?.code == code)
    #expect(found.hasPrefix(message + "; "), "\(found)")
  }

  @Test func unknownColumnsNameTheKeyAndTheNearestName() throws {
    let (error, text) = try Self.refused("Price,b\n1,2\n", TableSpecification(target: "price"))
    #expect(error?.key == "target" && text == "t.csv: there is no column 'price'; did you mean 'Price'?")
    let (columns, _) = try Self.refused("a,b\n1,2\n", TableSpecification(target: "b", columns: ["c"]))
    #expect(columns?.key == "columns" && columns?.remedy == "its columns are 'a', 'b'")
    let (known, _) = try Self.refused("a,b\n1,2\n", TableSpecification(target: "b", columns: ["a", "b"]))
    #expect(known?.key == "columns" && known?.problem == "'b' is the target, and would be known to the model")
  }

  @Test func aColumnThatNeverVariesIsRefused() throws {
    let (_, table) = try Self.table("a,b,y\n1,7,1\n2,7,2\n", TableSpecification(target: "y"))
    let error = #expect(throws: DatasetError.self) { try table.encoding(of: [0, 1], normalises: true) }
    #expect(error?.code == .constantColumn && error?.problem == "every training row has 7.0 in 'b'")
  }

  @Test func aTestFileMustHaveTheKindsAndCategoriesOfTheTrainingFile() throws {
    let (_, training) = try Self.table("a,c,y\n1,u,1\n2,v,2\n", TableSpecification(target: "y"))
    let encoding = try training.encoding(of: [0, 1], normalises: true)
    let (file, other) = try Self.table("a,c,y\n1,u,1\n2,w,2\n", TableSpecification(target: "y"))
    let error = #expect(throws: DatasetError.self) { try other.source(encoding, augmentation: nil) }
    #expect(error?.code == .unknownCategory)
    #expect(
      error?.description.replacing(file.path, with: "t.csv") == "t.csv:3:3: 'w' in 'c' does not occur in the training "
        + "rows, which have 'u', 'v'; correct it, or train on rows that have it")
    let (_, text) = try Self.table("a,c,y\nx,u,1\n2,v,2\n", TableSpecification(target: "y"))
    let number = #expect(throws: DatasetError.self) { try text.source(encoding, augmentation: nil) }
    #expect(number?.code == .notANumber && number?.line == 2 && number?.column == 1)
  }

  @Test func windowsAreTheRowsBeforeTheTargets() throws {
    let rows = (0..<7).map { "\($0),\(10 * $0 + 5)" }.joined(separator: "\n")
    let (_, table) = try Self.table(
      "t,y\n\(rows)\n", TableSpecification(target: "y", window: .init(length: 3, horizon: 2)))
    #expect(table.count == 3 && table.timeGap == 1)
    let encoding = try table.encoding(of: [0], normalises: false)
    let buffer = try table.source(encoding, augmentation: nil).samples([2, 0])
    #expect(buffer.fields == [SampleField("input", [3, 2]), SampleField("target", [2])])
    #expect(buffer.values(0) == [2, 25, 3, 35, 4, 45, 0, 5, 1, 15, 2, 25])
    #expect(buffer.values(1) == [55, 65, 35, 45])
    guard case .values(let values) = encoding.target else {
      Issue.record("a window predicts numbers")
      return
    }
    // The last of the three rows of two columns, its second one.
    #expect(values.baseline == .lastValue(element: 5))
  }

  @Test func windowStatisticsKnowNothingOfLaterRows() throws {
    let (_, table) = try Self.table(
      "y\n1\n2\n3\n4\n1000\n", TableSpecification(target: "y", window: .init(length: 2)))
    guard case .table(let encoding) = try table.encoding(of: [0, 1], normalises: true) else {
      Issue.record("a table has a table's encoding")
      return
    }
    #expect(encoding.inputs == [.number(name: "y", mean: 2.5, deviation: 1.25.squareRoot(), fill: 2.5)])
  }

  @Test func aTableTooShortForItsWindowIsRefused() throws {
    let (error, _) = try Self.refused(
      "y\n1\n2\n3\n", TableSpecification(target: "y", window: .init(length: 3, horizon: 1)))
    #expect(error?.code == .tooFewRows && error?.key == "window")
    #expect(error?.problem == "3 rows hold no window of 3 and the 1 that follow")
  }

  @Test func twoTablesThatDifferInOneFieldHaveOtherFingerprints() throws {
    let specification = TableSpecification(target: "y")
    let first = try Self.table("a,c,y\n1,u,1\n2,v,2\n", specification).table.fingerprint
    #expect(try Self.table("a,c,y\n1,u,1\n2,v,2\n", specification).table.fingerprint == first)
    #expect(try Self.table("a,c,y\n1,u,1\n2,v,3\n", specification).table.fingerprint != first)
    #expect(try Self.table("a,c,y\n1,v,1\n2,u,2\n", specification).table.fingerprint != first)
  }
}
