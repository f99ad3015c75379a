import Catalog
import CostModel
import Foundation
import Testing

/// Measured collectives of published systems, with their sources.
func measuredCollectives() throws -> [FabricMeasurement] {
  let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/collectives.csv").path
  return try FabricMeasurement.read(ByteReader(path: path))
}

@Suite struct FabricValidationTests {
  @Test func meanErrorsStayWithinThreePercentInsideNodesAndSixAcross() throws {
    let validation = FabricValidation(try measuredCollectives(), constants: try .shipped())
    #expect(validation.insideNode.mean <= 0.03 && validation.insideNode.rows == 206)
    #expect(validation.acrossNodes.mean <= 0.06 && validation.acrossNodes.rows == 83)
    for summary in validation.classes where summary.setAside == nil && summary.key != "efa-p3dn" {
      #expect(summary.mean <= 0.05, "\(summary.key)")
    }
  }

  @Test func everyRowIsScoredOrSkippedWithAReason() throws {
    let rows = try measuredCollectives()
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
    let rows = try measuredCollectives()
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
    let validation = FabricValidation(try measuredCollectives(), constants: try .shipped(), leavesOut: true)
    #expect(try #require(validation.insideNode.meanWithoutSize) < 0.05)
    #expect(try #require(validation.insideNode.meanWithoutRanks) < 0.06)
    #expect(try #require(validation.classes.first { $0.key == "efa-p4de" }?.meanWithoutSize) < 0.06)
  }

  @Test func allToAllIsPredictedFromAllReduceAlone() throws {
    let constants = try FabricConstants.shipped()
    let kind = try #require(FabricClass.all.first { $0.key == "nvlink-8-unstated" })
    let entry = try #require(constants[kind.key])
    let fabric = Fabric(node: entry.node(), network: nil, acceleratorsPerNode: 8)
    let rows = try measuredCollectives().filter { $0.collective == "all_to_all" && $0.bytes ?? 0 > 1e7 }
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
    let rows = try measuredCollectives().filter {
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
}
