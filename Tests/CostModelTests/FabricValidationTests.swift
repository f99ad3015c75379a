import Catalog
import Collectives
import CostModel
import TestSupport
import Testing

@Suite struct FabricValidationTests {
  @Test func meanErrorsStayWithinThreePercentInsideNodesAndSixAcross() throws {
    let validation = FabricValidation(try FabricMeasurement.shipped(), constants: try .shipped())
    #expect(try #require(validation.insideNode.mean) <= 0.03 && validation.insideNode.rows == 206)
    #expect(try #require(validation.acrossNodes.mean) <= 0.06 && validation.acrossNodes.rows == 83)
    #expect(validation.insideNode.goal == 0.03 && validation.insideNode.meetsGoal == true)
    #expect(validation.acrossNodes.goal == 0.06 && validation.acrossNodes.meetsGoal == true)
    for summary in validation.classes where summary.setAside == nil && summary.key != "efa-p3dn" {
      #expect(try #require(summary.mean) <= 0.05, "\(summary.key)")
      #expect(summary.goal == nil)
    }
  }

  @Test func everyRowIsScoredOrSkippedWithAReason() throws {
    let rows = try FabricMeasurement.shipped()
    let validation = FabricValidation(rows, constants: try .shipped())
    #expect(validation.rows.count + validation.skipped.count == rows.count)
    #expect(validation.classes.reduce(0) { $0 + $1.rows } == validation.rows.count)
    #expect(validation.skipped.allSatisfy { !$0.reason.isEmpty })
    // Points of an exact size and a time that no class takes would be lost silently.
    let unplaced = validation.skipped.filter { $0.measurement.notScored == nil }.map(\.measurement.hardware)
    #expect(unplaced.allSatisfy { $0.hasPrefix("Trainium/Inferentia2 single instance") }, "\(Set(unplaced))")
    #expect(validation.classes.filter { $0.setAside != nil }.map(\.key) == ["efa-trn1"])
  }

  @Test func fittingAgainGivesTheShippedConstants() throws {
    let rows = try FabricMeasurement.shipped()
    let shipped = try FabricConstants.shipped()
    let fitted = FabricFit(rows).constants()
    #expect(fitted.entries.map(\.key) == shipped.entries.map(\.key))
    for entry in fitted.entries {
      let other = try #require(shipped[entry.key])
      #expect(Set(entry.values.keys) == Set(other.values.keys), "\(entry.key)")
      #expect(entry.assumed == other.assumed && entry.points == other.points, "\(entry.key)")
      for (constant, value) in entry.values {
        let ratio = value / (other.values[constant] ?? 0)
        #expect(abs(ratio - 1) < 0.02, "\(entry.key) \(constant.name) \(ratio)")
      }
    }
  }

  @Test func pointsLeftOutOfTheFitArePredictedToo() throws {
    let validation = FabricValidation(try FabricMeasurement.shipped(), constants: try .shipped(), leavesOut: true)
    #expect(try #require(validation.insideNode.meanWithoutSize) < 0.05)
    #expect(try #require(validation.insideNode.meanWithoutRanks) < 0.06)
    #expect(try #require(validation.classes.first { $0.key == "efa-p4de" }?.meanWithoutSize) < 0.06)
  }

  @Test func allToAllIsPredictedFromAllReduceAlone() throws {
    let constants = try FabricConstants.shipped()
    let kind = try #require(FabricClass.all.first { $0.key == "nvlink-8-unstated" })
    let entry = try #require(constants[kind.key])
    let fabric = Fabric(node: entry.node(), network: nil, acceleratorsPerNode: 8)
    let rows = try FabricMeasurement.shipped().filter { $0.collective == "all_to_all" && $0.bytes ?? 0 > 1e7 }
    #expect(rows.count == 12)
    let errors = try rows.map { row in
      let n = try #require(row.ranks)
      let time = fabric.coefficients(groupSize: n, ranksPerNode: n).allToAll(try #require(row.bytes))
      return abs(time / (try #require(row.seconds)) - 1)
    }
    #expect(errors.reduce(0, +) / 12 < 0.2)
  }

  @Test func transferOfA100ConstantsToAnotherClusterIsWorseThanItsOwn() throws {
    let constants = try FabricConstants.shipped()
    let fabric = Fabric(node: try #require(constants["nvswitch-a100"]).node(), network: nil, acceleratorsPerNode: 8)
    let rows = try FabricMeasurement.shipped().filter {
      $0.hardware.hasPrefix("8-GPU NVLink node profiled") && $0.collective == "all_reduce"
    }
    let errors = try rows.map { row in
      let n = try #require(row.ranks)
      let time = fabric.coefficients(groupSize: n, ranksPerNode: n).allReduce(try #require(row.bytes))
      return abs(time / (try #require(row.seconds)) - 1)
    }
    let mean = errors.reduce(0, +) / Double(errors.count)
    #expect(errors.count == 18 && mean > 0.03 && mean < 0.25)
  }

  private static let header =
    "hardware,nodes,gpus,collective,message_size_bytes,algbw_GBps,busbw_GBps,time_us,kind,source\n"
  private static let node = "8x A100-SXM4 node"

  private static func read(_ lines: [String]) throws -> [FabricMeasurement] {
    let text = header + lines.map { $0 + "\n" }.joined()
    return try FabricMeasurement.read(ByteReader(Array(text.utf8), name: "c.csv"))
  }

  @Test func aClassOfFewerPointsThanConstantsKeepsWhatItHad() throws {
    let shipped = try FabricConstants.shipped()
    // p6 has one constant of its own, and gets 80 µs; seven points of V100 and 50 of p4de are missing.
    let fit = FabricFit(
      try Self.read([
        "p6-b200.48xlarge B200 EFA,2,16,all_reduce,8,,,80,measured,mine",
        "\(Self.node),1,4,all_reduce,1048576,,,70,measured,mine",
      ]))
    let unfixed = Dictionary(uniqueKeysWithValues: fit.unfixed.map { ($0.kind.key, $0.points) })
    #expect(unfixed["nvswitch-a100"] == 1 && unfixed["efa-p4de"] == 0 && unfixed["efa-p6"] == nil)
    let constants = fit.constants(keeping: shipped)
    #expect(constants.entries.map(\.key) == shipped.entries.map(\.key))
    for key in ["nvswitch-a100", "efa-p4de", "nvlink-cube-mesh-v100"] { #expect(constants[key] == shipped[key]) }
    let latency = try #require(constants["efa-p6"]?[.smallLatency])
    expectClose(latency, 80e-6, relative: 0.02)
    #expect(constants["efa-p6"]?.points == 1)
    // Without anything to keep, nothing is called fitted that no point fixed.
    let alone = try #require(fit.constants()["efa-p4de"])
    #expect(alone.points == 0 && alone.assumed == Set(alone.values.keys))
  }

  @Test(arguments: [
    ("1,two,all_reduce,1024,,,9,measured,mine", 21, "'two' is no number of ranks"),
    ("half,4,all_reduce,1024,,,9,measured,mine", 19, "'half' is no number of nodes"),
    ("1,4,all_reduce,1024,,,soon,measured,mine", 41, "'soon' is no time"),
    ("1,4,all_reduce,1024,,,-9,measured,mine", 41, "'-9' is no time"),
    ("1,4,all_reduce,1024,,,9", 41, "8 fields where the header has 10"),
  ])
  func aMalformedCollectiveIsRefusedAtItsPlace(cells: String, column: Int, message: String) {
    let error = #expect(throws: CatalogError.self) { try Self.read(["\(Self.node),\(cells)"]) }
    #expect(error?.line == 2 && error?.column == column && error?.file == "c.csv", "\(String(describing: error))")
    #expect(error?.message.contains(message) == true)
  }

  @Test(arguments: [
    ("1,8,all_gather,1024,,,9,measured", "not an all-reduce, but all_gather"),
    ("1,8,all_reduce,1024,,,1-2,vendor", "not measured, but vendor"),
    ("1,8,all_reduce,large,,,9,measured", "no exact size ('large')"),
    ("1,8,all_reduce,-4,,,9,measured", "no exact size ('-4')"),
    ("1,8,all_reduce,1024,,,,measured", "no time"),
    (",8,all_reduce,1024,,,9,measured", "no number of nodes or of ranks"),
    ("2,0,all_reduce,1024,,,9,measured", "no number of nodes or of ranks"),
    ("two,half,all_reduce,1024,,,9,vendor", "not measured, but vendor"),
    ("1,1,all_reduce,1024,,,9,measured", "1 ranks on 1 nodes"),
    ("4,3,all_reduce,1024,,,9,measured", "3 ranks on 4 nodes"),
  ])
  func whatIsNotScoredSaysWhy(cells: String, reason: String) throws {
    let rows = try Self.read(["\(Self.node),\(cells),mine"])
    let validation = FabricValidation(rows, constants: try .shipped())
    #expect(validation.rows.isEmpty && validation.skipped.map(\.reason) == [reason])
    #expect(validation.insideNode.mean == nil && validation.insideNode.meetsGoal == nil)
  }

  @Test func moreRanksThanAMeasuredNodeHasArePricedAllTheSame() throws {
    let lines = ["8x V100-SXM2 node", Self.node, "p5.48xlarge H100 NVSwitch"].map {
      "\($0),1,64,all_reduce,1048576,,,900,measured,mine"
    }
    let validation = FabricValidation(try Self.read(lines), constants: try .shipped())
    #expect(validation.rows.count == 3)
    #expect(validation.rows.allSatisfy { $0.predicted.isFinite && $0.predicted > 0 })
  }

  @Test func aTableWithoutRowsIsRefused() {
    let error = #expect(throws: CatalogError.self) { try Self.read([]) }
    #expect(error?.line == 2 && error?.message == "a table without rows")
  }
}
