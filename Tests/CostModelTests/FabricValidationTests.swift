import Catalog
import CostModel
import Foundation
import Testing

/// The measurements beside this file.
func collectives() throws -> [FabricMeasurement] {
  let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/collectives.csv").path
  return try FabricMeasurement.read(ByteReader(path: path))
}

@Suite struct FabricValidationTests {
  @Test func fitPrints() throws {
    let rows = try collectives()
    let constants = FabricFit(rows).constants()
    try constants.csv.write(toFile: "/tmp/fab/fabrics.csv", atomically: true, encoding: .utf8)
    let v = FabricValidation(rows, constants: constants, leavesOut: true)
    for c in v.classes + [v.insideNode, v.acrossNodes] {
      print(
        c.key, c.rows, c.constants, (c.mean * 1000).rounded() / 10, (c.largest * 1000).rounded() / 10,
        c.meanWithoutSize.map { ($0 * 1000).rounded() / 10 } ?? -1,
        c.meanWithoutRanks.map { ($0 * 1000).rounded() / 10 } ?? -1)
    }
    for r in v.rows where r.fabric != "nvlink-cube-mesh-v100" && r.fabric != "nvswitch-a100" || r.error > 0.1 {
      print(
        r.fabric, r.measurement.ranks ?? 0, r.measurement.bytes ?? 0, r.measurement.seconds ?? 0, r.predicted,
        (r.error * 1000).rounded() / 10)
    }
  }
}
