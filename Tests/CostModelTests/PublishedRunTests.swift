import Catalog
import CostModel
import TestSupport
import Testing
import Units

@Suite struct PublishedRunTests {
  private static let header =
    "id,source,model,accelerator,framework,step_time_s,precision,total_accels,micro_batch,image_size"

  private static func runs(_ lines: [String]) throws -> [PublishedRun] {
    let folder = try TemporaryFolder()
    try folder.write(([header] + lines).joined(separator: "\n") + "\n", "runs.csv")
    return try PublishedRun.rows(path: folder.path + "/runs.csv")
  }

  @Test func aRunWithFewColumnsIsPredicted() throws {
    let runs = try Self.runs(["a,mine,resnet50,V100,PyTorch,0.25,fp16,1,64,224"])
    let validation = Validation(runs, catalog: try Catalog.shipped())
    let step = try #require(validation.steps.first)
    #expect(validation.skipped.isEmpty)
    let prediction = try Calibration.shipped().predict(step)
    // 64 images through 24.5 GFLOP each at 125 TFLOP/s are 13 ms at the peak.
    #expect(prediction.seconds > 0.02 && prediction.seconds < 0.4)
    #expect(prediction.low < prediction.seconds && prediction.seconds < prediction.high)
  }

  @Test func whatCannotBeModelledIsListedWithItsReason() throws {
    let runs = try Self.runs([
      "a,mine,no-such-net,V100,PyTorch,0.25,fp16,1,64,",
      "b,mine,resnet50,Abacus 9,PyTorch,0.25,fp16,1,64,224",
      "c,mine,resnet50,V100,PyTorch,,fp16,1,64,224",
      "d,mine,resnet50,V100,PyTorch,0.25,fp16,1,,224",
    ])
    let validation = Validation(runs, catalog: try Catalog.shipped())
    #expect(validation.steps.isEmpty)
    #expect(validation.skipped.map(\.id) == ["a", "b", "c", "d"])
    let reasons = validation.skipped.map(\.reason)
    #expect(reasons[0].contains("no-such-net"))
    #expect(reasons[1].contains("Abacus"))
    #expect(reasons[2].contains("no step time"))
    #expect(reasons[3].contains("batch"))
  }

  @Test(arguments: [
    ("a,mine,resnet50,V100,PyTorch,-1,fp16,1,64,224", 2, 30, "a step time of '-1'"),
    ("a,mine,resnet50,V100,PyTorch,soon,fp16,1,64,224", 2, 30, "a step time of 'soon'"),
    (",mine,resnet50,V100,PyTorch,1,fp16,1,64,224", 2, 1, "a run without id"),
    ("a,mine,resnet50,V100,PyTorch,1,fp16,1,64", 2, 39, "9 fields where the header has 10"),
  ])
  func aWrongRowIsRefusedAtItsPlace(line: String, row: Int, column: Int, message: String) {
    let error = #expect(throws: CatalogError.self) { try Self.runs([line]) }
    #expect(error?.line == row)
    #expect(error?.column == column)
    #expect(error?.message.contains(message) == true)
  }

  @Test func aRunTwiceIsRefused() {
    let line = "a,mine,resnet50,V100,PyTorch,1,fp16,1,64,224"
    let error = #expect(throws: CatalogError.self) { try Self.runs([line, line]) }
    #expect(error?.line == 3)
    #expect(error?.code == .duplicate)
  }

  @Test func aMissingColumnIsNamed() throws {
    let folder = try TemporaryFolder()
    try folder.write("id,source,model,framework,step_time_s\na,b,c,d,1\n", "runs.csv")
    let error = #expect(throws: CatalogError.self) { try PublishedRun.rows(path: folder.path + "/runs.csv") }
    #expect(error?.message.contains("accelerator") == true)
  }

  @Test func everyScoredRunThatIsShippedIsModelled() throws {
    let runs = try Calibration.shippedRuns()
    let validation = Validation(runs, catalog: try Catalog.shipped())
    #expect(validation.steps.count == 1432)
    let report = ValidationReport(validation, calibration: try Calibration.shipped())
    #expect(report.overall.rows == 1432)
    #expect(report.overall.median < 0.06)
    #expect(report.overall.mape < 0.1)
    #expect(report.skipped.count == runs.count - 1432)
  }
}
