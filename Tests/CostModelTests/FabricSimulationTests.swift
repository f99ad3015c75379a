import Catalog
import Collectives
import CostModel
import TestSupport
import Testing

/// Of measured constants, and of instances that nobody measured.
private func fabrics() throws -> [(name: String, fabric: Fabric)] {
  let constants = try FabricConstants.shipped()
  let catalog = try Catalog.shipped()
  return try ["p3dn.24xlarge", "p4de.24xlarge", "trn1.32xlarge", "p2.16xlarge", "g4dn.12xlarge"].map { name in
    (name, Fabric(FabricDescription(try catalog.instance(named: name)), constants: constants))
  }
}

private let sizes: [Double] = [1 << 12, 1 << 16, 1 << 20, 1 << 24, 1 << 28, 1 << 30].map { Double($0) * 15 / 16 }

@Suite struct FabricSimulationTests {
  @Test func theRingInsideANodeAgreesWithItsClosedFormWithinTwoPercent() throws {
    for (name, fabric) in try fabrics() {
      for n in [2, 3, 4, 5, 8] {
        let group = RankGroup(size: n, ranksPerNode: n)
        for collective in [Collective.allReduce, .reduceScatter, .allGather] {
          for bytes in sizes {
            let closed = fabric.coefficients(group).times(collective, bytes: bytes).first { $0.algorithm == .ring }
            let simulated = try #require(fabric.simulated(collective, .ring, group, bytes: bytes)).seconds
            expectClose(
              [simulated], [try #require(closed).seconds], relative: 0.02, "\(name) \(n) \(collective) \(bytes)")
          }
        }
      }
    }
  }

  @Test(arguments: [
    RankGroup(size: 2, ranksPerNode: 1), .init(size: 5, ranksPerNode: 1), .init(size: 48, ranksPerNode: 1),
  ])
  func theRingOfOneRankANodeAgreesWithItsClosedFormWithinTwoPercent(group: RankGroup) throws {
    for (name, fabric) in try fabrics() {
      for bytes in sizes {
        let closed = fabric.coefficients(group).times(.allReduce, bytes: bytes).first { $0.algorithm == .ring }
        let simulated = try #require(fabric.simulated(.allReduce, .ring, group, bytes: bytes)).seconds
        expectClose([simulated], [try #require(closed).seconds], relative: 0.02, "\(name) \(group) \(bytes)")
      }
    }
  }

  @Test(arguments: [
    RankGroup(size: 16, ranksPerNode: 8), .init(size: 32, ranksPerNode: 4), .init(size: 128, ranksPerNode: 8),
  ])
  func theHierarchicalFormAgreesWithItsSchedulesWithinTwoPercent(group: RankGroup) throws {
    for (name, fabric) in try fabrics() {
      var all = fabric
      all.library = .mpi
      for bytes in sizes {
        let closed = all.coefficients(group).times(.allReduce, bytes: bytes).first { $0.algorithm == .hierarchical }
        let simulated = [ScheduleAlgorithm.hierarchical, .hierarchicalHalving].compactMap {
          all.simulated(.allReduce, $0, group, bytes: bytes)?.seconds
        }
        expectClose(
          [try #require(simulated.min())], [try #require(closed).seconds], relative: 0.02, "\(name) \(group) \(bytes)")
      }
    }
  }

  @Test func theTreeOfTwoNodesAgreesWithItsClosedFormAtBothEnds() throws {
    let fabric = try #require(try fabrics().first { $0.name == "p4de.24xlarge" }).fabric
    let group = RankGroup(size: 16, ranksPerNode: 8)
    for bytes in [8, 256, 0x1p31, 0x1p34] {
      let closed = fabric.coefficients(group).times(.allReduce, bytes: bytes).first { $0.algorithm == .doubleTree }
      let simulated = try #require(fabric.simulated(.allReduce, .doubleTree, group, bytes: bytes)).seconds
      expectClose([simulated], [try #require(closed).seconds], relative: 0.02, "\(bytes)")
    }
  }

  @Test func theSimulatorReproducesPublishedPointsOfV100A100AndP4de() throws {
    let validation = FabricValidation(try FabricMeasurement.shipped(), constants: try .shipped())
    for (key, goal, points) in [
      ("nvlink-cube-mesh-v100", 0.03, 78), ("nvswitch-a100", 0.03, 78), ("efa-p4de", 0.06, 29),
    ] {
      let rows = validation.rows.filter { $0.fabric == key }
      #expect(rows.count == points && rows.allSatisfy { $0.simulated != nil })
      let mean = try #require(validation.classes.first { $0.key == key }?.meanSimulated)
      #expect(mean <= goal, "\(key): \(mean)")
    }
    // The switch of H100 sums by itself: no schedule of messages says how.
    #expect(validation.rows.filter { $0.fabric == "nvswitch-h100" }.allSatisfy { $0.simulated == nil })
  }

  @Test func aChoiceOnACatalogFabricNamesTheFastestAndTheJobsOverride() throws {
    let fabric = try #require(try fabrics().first { $0.name == "p4de.24xlarge" }).fabric
    let group = RankGroup(size: 32, ranksPerNode: 8)
    let choice = try fabric.choice(.allReduce, group, bytes: 0x1p28)
    #expect(choice.chosen == choice.candidates.first && choice.candidates.count == 8)
    let forced = try fabric.choice(.allReduce, group, bytes: 0x1p28, forced: .binomialTree)
    #expect(forced.chosen.algorithm == .binomialTree && forced.candidates == choice.candidates)
  }
}
