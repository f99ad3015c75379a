import Catalog
import CostModel
import Foundation
import Jobs
import Planner
import TestSupport
import Testing
import Units

@Suite("What stops a training") struct DisturbanceTests {
  private func group(_ purchase: Price.Kind = .onDemand, nodes: Int = 4) -> NodeGroup {
    var group = NodeGroup.made("plain", nodes: nodes, hourly: 30)
    group.purchase = purchase
    return group
  }

  @Test("are failures of accelerators, and of spot nodes interruptions; an inventory's figure counts for both")
  func rates() {
    let disturbance = Disturbance(
      failuresPerAcceleratorHour: 0.001, spotInterruptionsPerHour: 0.25, checkpoint: Bytes(gigabytes: 20))
    expectClose([disturbance.stopsPerHour(group())], [4 * 8 * 0.001], relative: 1e-12)
    expectClose([disturbance.stopsPerHour(group(.spot))], [4 * (8 * 0.001 + 0.25)], relative: 1e-12)
    var own = group(.spot, nodes: 3)
    own.interruptionsPerHour = 0.5
    expectClose([disturbance.stopsPerHour(own)], [1.5], relative: 1e-12)
    // 419 stops of 16,384 GPUs in 54 days are one in 7,748 hours for the 8 of a node: 50,681 hours of one.
    expectClose([1 / Disturbance.publishedFailureRate], [50_678], relative: 1e-3)
  }

  @Test("make a checkpoint every √(2·δ·M) and the time longer by what Young and Daly say")
  func checkpoints() throws {
    var request = PlanRequest(globalBatch: 96, length: .steps(10_000))
    request.disturbance = Disturbance(
      failuresPerAcceleratorHour: 0, spotInterruptionsPerHour: 0.5, restart: Seconds(200),
      checkpoint: Bytes(gigabytes: 60), storage: Bandwidth(gigabytesPerSecond: 1.5))
    // 4 nodes write 60 GB at 1.5 GB/s each; they stop twice an hour.
    let (write, between) = (10.0, 1800.0)
    let interval = (2 * write * between).squareRoot()
    let spot = request.purchase(group(.spot), step: Seconds(1.5))
    let expected = 15_000 * (1 + write / interval + (interval / 2 + 200) / between)
    expectClose(
      [spot.time.count, try #require(spot.checkpointInterval).count, spot.expectedInterruptions],
      [expected, interval, expected / between], relative: 1e-12)
    expectClose([spot.cost.dollars], [4 * 30 * expected.rounded(.up) / 3600], relative: 1e-12)
    let calm = request.purchase(group(), step: Seconds(1.5))
    #expect(calm.time == Seconds(15_000) && calm.checkpointInterval == nil && calm.expectedInterruptions == 0)
  }

  @Test("is by the second, a minute at least")
  func billing() {
    let request = PlanRequest(globalBatch: 96, length: .steps(10))
    expectClose([request.purchase(group(), step: Seconds(2)).cost.dollars], [4 * 30 / 60.0], relative: 1e-12)
    expectClose(
      [request.purchase(group(), step: Seconds(6.01)).cost.dollars], [4 * 30 * 61 / 3600.0], relative: 1e-12)
  }
}

@Suite("The chosen nodes bought otherwise") struct PurchaseOptionTests {
  @Test("are told with their price, stops and, reserved, the whole term; the chosen one stays what was asked")
  func options() throws {
    let catalog = try Catalog.shipped()
    let market = Market(purchases: [.onDemand], spotShare: 0.4)
    let candidates = try CatalogGroups(catalog, names: ["p4d.24xlarge"], nodeCounts: [2], market: market)
    let request = PlannerTests.request { $0.disturbance = Disturbance(checkpoint: Bytes(gigabytes: 20)) }
    let plan = Planner(SyntheticModel(), request).plan(
      job: "test", groups: candidates.groups, offers: candidates.offers)
    let chosen = try #require(plan.chosen)
    #expect(chosen.group.purchase == .onDemand)
    #expect(Set(plan.purchases.map(\.kind)) == [.onDemand, .spot, .reserved1Year, .reserved3Years])
    #expect(plan.purchases.map(\.purchase.cost) == plan.purchases.map(\.purchase.cost).sorted())
    let spot = try #require(plan.purchases.first { $0.kind == .spot })
    expectClose([spot.group.hourly.dollars], [0.4 * chosen.group.hourly.dollars], relative: 1e-12)
    #expect(spot.purchase.expectedInterruptions > 0 && spot.group.priceSource?.contains("assumed: 40 %") == true)
    #expect(spot.purchase.time > chosen.time && spot.alone == nil)
    let year = try #require(plan.purchases.first { $0.kind == .reserved1Year })
    let alone = try #require(year.alone)
    expectClose([alone.dollars], [2 * year.group.hourly.dollars * 24 * 365], relative: 1e-12)
  }

  @Test("have no spot price but an import's or an assumed one")
  func unknown() throws {
    let catalog = try Catalog.shipped()
    let none = try CatalogGroups(catalog, names: ["g5.xlarge"], market: Market(purchases: [.spot]))
    #expect(none.groups.isEmpty && none.rejections.map(\.code) == [.noPrice])
    #expect(none.rejections[0].message.contains("--spot-discount"))
    let both = try CatalogGroups(
      catalog, names: ["g5.xlarge"], nodeCounts: [1, 2],
      market: Market(purchases: [.onDemand, .spot], spotShare: 0.3))
    #expect(both.groups.map(\.purchase) == [.onDemand, .onDemand, .spot, .spot])
  }
}

@Suite("Groups of an inventory") struct InventoryGroupsTests {
  private func file(_ groups: String) throws -> InventoryFile {
    try InventoryFile(yaml: "apus: 1\nname: test\ngroups:\n\(groups)\n", file: "cluster.yaml")
  }

  @Test("are each with fewer nodes too, and together with all")
  func groups() throws {
    let candidates = try CatalogGroups(
      try Catalog.shipped(),
      try file(
        """
          - {instance: p4d.24xlarge, nodes: 3}
          - {instance: p3.16xlarge, nodes: 4, hourly: 0, zone: us-east-1b, interruptions_per_hour: 0.01}
          - {instance: inf1.xlarge, nodes: 2}
        """))
    let counts = candidates.groups.map { "\($0.instance) \($0.nodes)" }
    #expect(
      counts == [
        "p4d.24xlarge 1", "p4d.24xlarge 2", "p4d.24xlarge 3", "p3.16xlarge 1", "p3.16xlarge 2", "p3.16xlarge 4",
      ])
    let old = try #require(candidates.groups.last)
    #expect(old.hourly == .zero && old.zone == "us-east-1b" && old.interruptionsPerHour == 0.01)
    #expect(old.priceSource == "the inventory" && old.storage != nil)
    #expect(candidates.mixes.map { $0.map(\.nodes) } == [[3, 4]])
    #expect(candidates.rejections.map(\.code) == [.cannotTrain])
  }

  @Test("of other vendors are not together, and more nodes than there are, are not planned on")
  func vendors() throws {
    let inventory = try file(
      "  - {instance: p4d.24xlarge, nodes: 2}\n  - {instance: trn1.32xlarge, nodes: 4}\n  - {instance: p5.48xlarge, nodes: 1}"
    )
    let candidates = try CatalogGroups(try Catalog.shipped(), inventory, nodeCounts: [4])
    #expect(candidates.groups.map { "\($0.instance) \($0.nodes)" } == ["trn1.32xlarge 4"])
    #expect(candidates.mixes.map { $0.map(\.instance) } == [["p4d.24xlarge", "p5.48xlarge"]])
    #expect(
      candidates.rejections.map(\.description) == [
        "p4d.24xlarge ×2: the inventory has 2 of it; ask for as many or fewer",
        "p5.48xlarge ×1: the inventory has 1 of it; ask for as many or fewer",
        "AWS + NVIDIA: their collective libraries do not reach each other's accelerators; each is planned without the other",
      ])
  }

  @Test("are refused at the line of an unknown type or of a price that nobody knows")
  func refusals() throws {
    let catalog = try Catalog.shipped()
    do {
      _ = try CatalogGroups(
        catalog, try file("  - {instance: p4d.24xlrge, nodes: 3}\n  - {instance: g5.xlarge, nodes: 1, purchase: spot}"))
      Issue.record("planned")
    } catch let error as InvalidJob {
      let texts = error.problems.map(\.description)
      #expect(texts.count == 2)
      #expect(texts[0].hasPrefix("cluster.yaml:4:16: ") && texts[0].contains("did you mean 'p4d.24xlarge'?"))
      #expect(texts[1].hasPrefix("cluster.yaml:5:47: ") && texts[1].contains("add 'hourly' to the group"))
    }
  }

  @Test("of more than four kinds are tried in pairs and all together")
  func many() throws {
    let lines = ["g5.xlarge", "g5.2xlarge", "g5.4xlarge", "g6.xlarge", "g6e.xlarge"].map {
      "  - {instance: \($0), nodes: 2}"
    }
    let candidates = try CatalogGroups(try Catalog.shipped(), try file(lines.joined(separator: "\n")))
    #expect(candidates.mixes.count == 11 && candidates.mixes.last?.count == 5)
  }
}
