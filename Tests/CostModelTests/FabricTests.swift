import Catalog
import Collectives
import CostModel
import Foundation
import TestSupport
import Testing
import Units

private let sizes: [Double] = (0...75).map { step in (0..<step).reduce(1.0) { value, _ in value * 1.37 } }

/// Every fabric that there are constants of, with a network where it has one.
private func fabrics() throws -> [(name: String, fabric: Fabric)] {
  let constants = try FabricConstants.shipped()
  let instances = ["p3dn.24xlarge", "p4de.24xlarge", "p5.48xlarge", "trn1.32xlarge", "p2.16xlarge", "g4dn.12xlarge"]
  let catalog = try Catalog.shipped()
  return try instances.map { name in
    (name, Fabric(FabricDescription(try catalog.instance(named: name)), constants: constants))
  }
}

private let groups = [
  RankGroup(size: 2, ranksPerNode: 2), RankGroup(size: 3, ranksPerNode: 3), RankGroup(size: 4, ranksPerNode: 4),
  RankGroup(size: 2, ranksPerNode: 1, concurrentPerNode: 8), RankGroup(size: 8, ranksPerNode: 4),
  RankGroup(size: 12, ranksPerNode: 4), RankGroup(size: 64, ranksPerNode: 4, concurrentPerNode: 2),
  RankGroup(size: 37, ranksPerNode: 1),
]

@Suite struct FabricTests {
  @Test func timesGrowWithTheSizeAndStayPositive() throws {
    for (name, fabric) in try fabrics() {
      for group in groups {
        let coefficients = fabric.coefficients(group)
        for collective in Collective.allCases {
          var before = 0.0
          for bytes in sizes {
            let time = coefficients.time(collective, bytes: bytes).seconds
            #expect(time.isFinite && time > 0 && time >= before, "\(name) \(group) \(collective) \(bytes)")
            before = time
          }
        }
      }
    }
  }

  @Test func oneRankSendsNothing() throws {
    for (_, fabric) in try fabrics() {
      let alone = fabric.coefficients(groupSize: 1, ranksPerNode: 1)
      for collective in Collective.allCases { #expect(alone.time(collective, bytes: 1e9).seconds == 0) }
      #expect(fabric.coefficients(groupSize: 2, ranksPerNode: 2).allReduce(0) == 0)
    }
  }

  /// 2(n−1)/n · S over what a rank has inside a node; over nodes 2(X−1)/X · S over what a node has, which for two nodes is S:
  /// a bus bandwidth above the interface's is then no error.
  @Test func noTimeIsBelowWhatTheLinksCanCarry() throws {
    let rated = ["p3dn.24xlarge": (150e9, 12.5e9), "p4de.24xlarge": (300e9, 50e9), "p5.48xlarge": (450e9, 400e9)]
    for (name, fabric) in try fabrics() {
      guard let (link, network) = rated[name] else { continue }
      for bytes in sizes {
        for n in 2...8 {
          // p5's switch reduces: each rank sends and receives S.
          let wire = name.hasPrefix("p5") ? 1 : Collective.allReduce.wireFactor(ranks: n)
          #expect(fabric.coefficients(groupSize: n, ranksPerNode: n).allReduce(bytes) >= wire * bytes / link)
        }
        for nodes in [2, 3, 4, 16, 128] {
          let bound = Collective.allReduce.wireFactor(ranks: nodes) * bytes / network
          #expect(fabric.coefficients(groupSize: 8 * nodes, ranksPerNode: 8).allReduce(bytes) >= bound)
        }
      }
    }
  }

  @Test func theFastestAlgorithmIsTakenAndItsPartsAddUp() throws {
    for (name, fabric) in try fabrics() {
      for group in groups {
        let coefficients = fabric.coefficients(group)
        for bytes in [64, 3e4, 5e6, 1.7e9] {
          let times = coefficients.times(.allReduce, bytes: bytes)
          #expect(coefficients.allReduce(bytes) == times.map(\.seconds).min(), "\(name) \(group)")
          for time in times {
            expectClose([time.latency + time.transfer + time.pipelining], [time.seconds], relative: 1e-12)
          }
        }
      }
    }
  }

  @Test func smallMessagesBetweenManyNodesTakeTheTreeAndLargeOnesTheRing() throws {
    let fabric = try #require(try fabrics().first { $0.name == "p4de.24xlarge" }).fabric
    let many = fabric.coefficients(groupSize: 128, ranksPerNode: 8)
    #expect(many.time(.allReduce, bytes: 4096).algorithm == .doubleTree)
    #expect(many.time(.allReduce, bytes: 4e10).algorithm == .ring)
    let two = fabric.coefficients(groupSize: 16, ranksPerNode: 8)
    #expect(two.time(.allReduce, bytes: 4e9).algorithm == .doubleTree)
    // The height of the tree: half of the latency is there anyway, the other half once a level.
    expectClose([many.allReduce(8) / two.allReduce(8)], [2.5], relative: 1e-3)
  }

  @Test func groupsThatShareANodesInterfacesShareItsBandwidth() throws {
    let fabric = try #require(try fabrics().first { $0.name == "p4de.24xlarge" }).fabric
    let bytes = 64e9
    func time(_ ranks: Int, _ concurrent: Int) -> Double {
      fabric.coefficients(groupSize: 2 * ranks, ranksPerNode: ranks, concurrentGroupsPerNode: concurrent)
        .allReduce(bytes)
    }
    // Eight data-parallel groups of a rank a node: an eighth of the interfaces each; one alone reaches one of four.
    expectClose([time(1, 8) / time(8, 1)], [8], relative: 0.02)
    expectClose([time(1, 1) / time(8, 1)], [4], relative: 0.02)
    expectClose([time(2, 4) / time(8, 1)], [4], relative: 0.02)
  }

  @Test func reduceScatterAndAllGatherMakeAnAllReduce() throws {
    let fabric = try #require(try fabrics().first { $0.name == "p4de.24xlarge" }).fabric
    let group = fabric.coefficients(groupSize: 6, ranksPerNode: 6)
    expectClose([group.reduceScatter(3e9) + group.allGather(3e9)], [group.allReduce(3e9)], relative: 2e-3)
  }

  @Test func busBandwidthIsThatOfNCCLTests() throws {
    // p4de, two nodes, 1 GiB in 26,217 µs: nccl-tests printed 40.96 and 76.79 GB/s.
    let two = ExpectedBandwidth(.allReduce, bytes: 0x1p30, seconds: 26_217e-6, ranks: 16)
    expectClose([two.algorithm / 1e9, two.bus / 1e9], [40.96, 76.79], relative: 1e-3)
    #expect(ExpectedBandwidth(.allGather, bytes: 8e9, seconds: 2, ranks: 4).bus == 3e9)
    #expect(ExpectedBandwidth(.broadcast, bytes: 8e9, seconds: 2, ranks: 4).bus == 4e9)
  }
}

@Suite struct LinkStructureTests {
  @Test(arguments: [(2, 1.0), (3, 2), (4, 4), (5, 1.6), (6, 2), (7, 4), (8, 6)])
  func ringsOfAHybridCubeMeshAreWhatV100Show(ranks: Int, links: Double) throws {
    let paths = try #require(LinkStructure.hybridCubeMeshV100.paths(ranks: ranks))
    expectClose([paths.busLinks], [links], relative: 1e-12)
    #expect(paths.isChain == (ranks == 5))
  }

  @Test func otherStructures() {
    #expect(LinkStructure.hybridCubeMeshP100.paths(ranks: 8)?.busLinks == 4)
    #expect(LinkStructure.hybridCubeMeshP100.paths(ranks: 4)?.busLinks == 2)
    #expect(LinkStructure.mesh(ranks: 4, linksPerPair: 2).paths(ranks: 4)?.busLinks == 6)
    #expect(LinkStructure.hybridCubeMeshV100.paths(ranks: 9) == nil)
    #expect(LinkStructure(links: [[0, 0], [0, 0]]).paths(ranks: 2) == nil)
  }

  @Test func everyLinkOfTheCubeMeshIsSymmetricAndSixAGPU() {
    let links = LinkStructure.hybridCubeMeshV100.links
    for i in 0..<8 {
      #expect(links[i].reduce(0, +) == 6)
      for j in 0..<8 { #expect(links[i][j] == links[j][i]) }
    }
  }
}

@Suite struct FabricDescriptionTests {
  @Test func everyInstanceTypeOfTheCatalogHasAFabric() throws {
    let constants = try FabricConstants.shipped()
    for instance in try Catalog.shipped().sortedInstances {
      let fabric = Fabric(FabricDescription(instance), constants: constants)
      let count = instance.acceleratorCount.value
      if count > 1 {
        let time = fabric.coefficients(groupSize: count, ranksPerNode: count).allReduce(1e9)
        #expect(time > 1e-3 && time < 2, "\(instance.name) \(time)")
        #expect(!fabric.sources.isEmpty)
      }
      guard fabric.network != nil else { continue }
      let time = fabric.coefficients(groupSize: 2 * count, ranksPerNode: count).allReduce(1e9)
      #expect(time > 1e-3 && time < 60, "\(instance.name) \(time)")
    }
  }

  @Test func onlyMeasuredFabricsSayThatTheyAre() throws {
    let constants = try FabricConstants.shipped()
    let catalog = try Catalog.shipped()
    let node = RankGroup(size: 4, ranksPerNode: 4)
    let nodes = RankGroup(size: 8, ranksPerNode: 4)
    let expected = [
      "p3dn.24xlarge": (true, true), "p4d.24xlarge": (true, true), "p5.48xlarge": (true, true),
      "p2.16xlarge": (false, false), "g4dn.12xlarge": (false, false), "trn1.32xlarge": (false, false),
      "p3.16xlarge": (true, false),
    ]
    for (name, (inside, across)) in expected {
      let fabric = Fabric(FabricDescription(try catalog.instance(named: name)), constants: constants)
      #expect(fabric.isMeasured(node) == inside && fabric.isMeasured(nodes) == across, "\(name)")
    }
  }

  @Test func slowerNetworksTakeLonger() throws {
    let constants = try FabricConstants.shipped()
    let node = FabricDescription.NodeLinks(.nvSwitch, accelerators: 8, perDirection: Bandwidth(gigabytesPerSecond: 300))
    func time(_ network: FabricDescription.NetworkLinks) -> Double {
      Fabric(FabricDescription(node: node, network: network), constants: constants)
        .coefficients(groupSize: 24, ranksPerNode: 8).allReduce(2e8)
    }
    let rate = Bandwidth(gigabitsPerSecond: 200)
    let infiniband = time(FabricDescription.NetworkLinks(.infiniband, perNode: rate))
    let roce = time(FabricDescription.NetworkLinks(.roce, perNode: rate))
    let sockets = time(FabricDescription.NetworkLinks(.tcp, perNode: rate))
    let limited = FabricDescription.NetworkLinks(.shaped, perNode: Bandwidth(gigabitsPerSecond: 1))
    let far = FabricDescription.NetworkLinks(
      .shaped, perNode: Bandwidth(gigabitsPerSecond: 1), delay: Seconds(milliseconds: 40))
    #expect(infiniband < roce && roce < sockets && sockets < time(limited))
    #expect(time(far) - time(limited) > 4 * 0.04)
  }
}

@Suite struct FabricConstantsTests {
  private func read(_ text: String) throws -> FabricConstants {
    try FabricConstants(ByteReader(Array(text.utf8), name: "f.csv"))
  }

  private let header = "fabric,constant,ranks,value,unit,kind,residual,points,source,as_of\n"

  @Test func whatIsWrittenIsReadAgain() throws {
    let shipped = try FabricConstants.shipped()
    #expect(try read(shipped.csv).csv == shipped.csv)
    #expect(shipped["nvswitch-a100"]?.values.count == 11)
  }

  @Test(arguments: [
    ("a,speed,,3,GB/s,fitted,0.1,4,s,2026-01-01", "f.csv:2:3", CatalogError.Code.invalidValue),
    ("a,latency,,fast,us,fitted,0.1,4,s,2026-01-01", "f.csv:2:12", .invalidValue),
    ("a,latency,,3,ms,fitted,0.1,4,s,2026-01-01", "f.csv:2:14", .invalidValue),
    ("a,latency,,3,us,fitted,0.1,4,s,d\na,latency,,4,us,fitted,0.1,4,s,d", "f.csv:3:3", .duplicate),
    ("a,latency,,3,us", "f.csv:2:", .malformed),
  ])
  func malformedRowsAreRefusedWithTheirPlace(rows: String, place: String, code: CatalogError.Code) throws {
    let thrown = #expect(throws: CatalogError.self) { try read(header + rows + "\n") }
    let error = try #require(thrown)
    #expect(error.code == code && "\(error)".hasPrefix(place), "\(error)")
  }
}

@Suite struct LeastSquaresTests {
  @Test func findsTheConstantsBehindPointsAndLeavesAnOutlierAlone() {
    let points = [1, 3, 8, 30, 90, 400, 1500].map { (x: Double($0), y: 40 + 0.7 * Double($0)) }
    let problem = LeastSquares([
      LeastSquares.Variable(10, in: 1...1000), LeastSquares.Variable(5, in: 0.01...100),
    ])
    let logs = points.enumerated().map { index, point in (index == 2 ? 3 * point.y : point.y) }
    let solution = problem.solve { values in
      zip(points, logs).map { point, y in log((values[0] + values[1] * point.x) / y) }
    }
    expectClose(solution.values, [40, 0.7], relative: 0.02)
  }

  @Test func staysWithinItsBounds() {
    let problem = LeastSquares([LeastSquares.Variable(2, in: 1...3)])
    #expect(problem.solve { values in [log(values[0] / 50)] }.values == [3])
  }
}
