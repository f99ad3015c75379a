import Catalog
import CostModel
import Models
import Foundation
import Jobs
import Planner
import TestSupport
import Testing
import Units

@Suite("A plan") struct PlannerTests {
  static let groups: [NodeGroup] = [1, 2, 4, 8].flatMap { nodes in
    [
      NodeGroup.made("fast", nodes: nodes, hourly: 70), .made("plain", nodes: nodes, hourly: 30),
      .made("slow", nodes: nodes, perNode: 4, gibibytes: 24, hourly: 6),
    ]
  }
  static func request(_ change: (inout PlanRequest) -> Void = { _ in }) -> PlanRequest {
    var request = PlanRequest(globalBatch: 96, sequence: 1024, length: .steps(20_000))
    change(&request)
    return request
  }
  static func plan(_ request: PlanRequest, groups: [NodeGroup] = groups) -> Plan {
    Planner(SyntheticModel(), request).plan(job: "test", groups: groups)
  }

  @Test("ranks by what is asked for", arguments: PlanRequest.Objective.allCases)
  func ranking(objective: PlanRequest.Objective) throws {
    let plan = Self.plan(Self.request { $0.objective = objective })
    #expect(plan.ranked.count + plan.rejections.count == Self.groups.count && plan.ranked.count >= 8)
    let keys = plan.ranked.map { objective == .cost ? $0.cost.count : $0.time.count }
    #expect(keys == keys.sorted())
    let chosen = try #require(plan.chosen)
    let runnerUp = try #require(plan.runnerUp)
    #expect(runnerUp.group.instance != chosen.group.instance)
    #expect(chosen.search.gap == 0 && chosen.remarks == ["a made-up machine"])
  }

  @Test("adds up: terms to the step, components to the memory, steps to time and money")
  func sums() throws {
    for entry in Self.plan(Self.request()).ranked {
      expectClose([entry.estimate.time.count], [entry.step.count], relative: 1e-12)
      #expect(entry.memory.fits && entry.memory.components.total <= entry.memory.budget.usable)
      expectClose([entry.time.count], [entry.step.count * 20_000], relative: 1e-12)
      let billed = entry.time.count.rounded(.up) / 3600
      expectClose(
        [entry.cost.dollars], [entry.group.hourly.dollars * Double(entry.group.nodes) * billed], relative: 1e-12)
      let interval = try #require(entry.interval)
      expectClose([interval.low, interval.high], [exp(-0.2), exp(0.2)], relative: 1e-12)
    }
  }

  @Test("has on its front what nothing beats in time and cost")
  func front() {
    let plan = Self.plan(Self.request())
    let front = Set(plan.pareto)
    for (index, entry) in plan.ranked.enumerated() {
      let isBeaten = plan.ranked.contains {
        $0.time <= entry.time && $0.cost <= entry.cost && ($0.time < entry.time || $0.cost < entry.cost)
      }
      #expect(front.contains(index) == !isBeaten, "\(entry.group)")
    }
    #expect(plan.pareto.map { plan.ranked[$0].time } == plan.pareto.map { plan.ranked[$0].time }.sorted())
  }

  @Test("keeps deadline and budget, and says what misses them by how much")
  func limits() throws {
    let free = Self.plan(Self.request())
    let times = free.ranked.map(\.time).sorted()
    let deadline = times[times.count / 2]
    let timely = Self.plan(Self.request { $0.deadline = deadline })
    #expect(timely.ranked.allSatisfy { $0.time <= deadline } && timely.ranked.count == times.count / 2 + 1)
    let late = timely.rejections.filter { $0.code == .deadline }
    #expect(late.count == times.count - timely.ranked.count && late[0].message.contains("past the deadline"))
    let least = try #require(free.ranked.map(\.cost).min())
    let cheap = Self.plan(Self.request { $0.budget = least })
    #expect(cheap.ranked.map(\.cost) == [least])
  }

  @Test("names the nearest plans where none is feasible")
  func infeasible() throws {
    let free = Self.plan(Self.request())
    let fastest = try #require(free.ranked.map(\.time).min())
    let plan = Self.plan(Self.request { $0.deadline = fastest * 0.5 })
    #expect(!plan.isFeasible && plan.chosen == nil && !plan.nearest.isEmpty && plan.nearest.count <= 5)
    #expect(plan.nearest[0].time == fastest)
    guard case .time(let missing) = plan.nearest[0].lacks[0] else {
      Issue.record("\(plan.nearest[0].lacks)")
      return
    }
    expectClose([missing.count], [fastest.count / 2], relative: 1e-12)
  }

  @Test("names how much memory is missing where nothing fits")
  func tooLarge() throws {
    let plan = Self.plan(Self.request(), groups: [.made("slow", nodes: 1, perNode: 2, gibibytes: 8, hourly: 3)])
    let near = try #require(plan.nearest.first)
    #expect(plan.rejections.map(\.code) == [.memory] && plan.rejections[0].message.contains("needs"))
    guard case .memory(let missing) = near.lacks[0] else {
      Issue.record("\(near.lacks)")
      return
    }
    #expect(missing == near.memory.missing && missing > .zero)
    #expect(missing == near.memory.components.total - near.memory.budget.usable)
    // Nothing needs less.
    let model = SyntheticModel()
    let evaluator = try model.evaluator(for: near.group, globalBatch: 96)
    LayoutSpace(rules: model.rules(for: near.group, globalBatch: 96)).forEach {
      #expect(evaluator.bytes($0) >= evaluator.bytes(near.layout))
    }
  }

  @Test("never leaves the user's choices, and says so where they are impossible")
  func choices() {
    let chosen = Self.plan(
      Self.request {
        $0.choices.tensor = 2
        $0.choices.recomputation = .full
      })
    #expect(!chosen.ranked.isEmpty)
    #expect(chosen.ranked.allSatisfy { $0.layout.tensor == 2 && $0.layout.recomputation == .full })
    let none = Self.plan(Self.request { $0.choices.tensor = 7 })
    #expect(none.ranked.isEmpty && none.rejections.allSatisfy { $0.code == .noLegalLayout })
    #expect(none.rejections[0].message.hasPrefix("tensor 7 does not divide the 8 accelerators"))
  }

  @Test("says at which price the runner-up is the cheaper one")
  func priceCrossover() throws {
    let plan = Self.plan(Self.request())
    let (chosen, other) = (try #require(plan.chosen), try #require(plan.runnerUp))
    let crossover = try #require(plan.crossover)
    let price = try #require(crossover.hourly)
    #expect(crossover.group == other.group && price < other.group.hourly)
    for (factor, wins) in [(0.999, true), (1.001, false)] {
      var group = other.group
      group.hourly = price * factor
      let again = Self.plan(Self.request(), groups: [chosen.group, group])
      #expect((again.chosen?.group.instance == group.instance) == wins, "at \(group.hourly)")
    }
  }

  @Test("says with which network the runner-up is the faster one")
  func networkCrossover() throws {
    // One plain node more than fast ones, but for the network.
    var model = SyntheticModel()
    model.speeds = ["near": (1, 2), "far": (1.02, 0.5)]
    let request = Self.request { $0.objective = .time }
    let groups = [
      NodeGroup.made("near", nodes: 4, perNode: 1, hourly: 5), .made("far", nodes: 4, perNode: 1, hourly: 5),
    ]
    let plan = Planner(model, request).plan(job: "network", groups: groups)
    #expect(plan.chosen?.group.instance == "near")
    let crossover = try #require(plan.crossover)
    let factor = try #require(crossover.networkFactor)
    #expect(crossover.hourly == nil && factor > 1)
    for (change, wins) in [(1.01, true), (0.99, false)] {
      var far = groups[1]
      far.networkScale = factor * change
      let again = Planner(model, request).plan(job: "network", groups: [groups[0], far])
      #expect((again.chosen?.group.instance == "far") == wins, "\(factor) × \(change)")
    }
  }

  @Test("finds the crossover of a falling curve, or none")
  func bisection() throws {
    let root = try #require(Crossover.bisect(low: 1, high: 100, target: 0.1) { 1 / $0 })
    expectClose([root], [10], relative: 2e-6)
    #expect(Crossover.bisect(low: 1, high: 5, target: 0.1) { 1 / $0 } == nil)
    #expect(Crossover.bisect(low: 1, high: 5, target: 2) { 1 / $0 } == 1)
  }

  @Test("survives a file")
  func coding() throws {
    let plan = Self.plan(
      Self.request {
        $0.deadline = Seconds(hours: 100)
        $0.disturbance = Disturbance(checkpoint: Bytes(gigabytes: 20))
        $0.choices.recomputation = .full
      })
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let data = try encoder.encode(plan)
    let read = try JSONDecoder().decode(Plan.self, from: data)
    #expect(try encoder.encode(read) == data)
    #expect(read == plan && read.formatVersion == .current && read.ranked.map(\.layout) == plan.ranked.map(\.layout))
    #expect(plan.ranked.allSatisfy { ($0.purchase.checkpointInterval ?? .zero) > .zero })
  }
}

@Suite("Uneven shares") struct UnevenSharesTests {
  @Test("make the slowest replica as early as any shares could, on random cases")
  func optimal() {
    var random = SplitMix(seed: 9)
    for number in 0..<400 {
      let count = random.pick([1, 2, 3])
      let times = (0..<count).map { _ in Double(random.next() % 9 + 1) }
      let fixed = (0..<count).map { _ in Double(random.next() % 5) }
      let microBatches = random.pick(0...9)
      let shares = UnevenShares(perMicroBatch: times, fixed: fixed, microBatches: microBatches)
      #expect(shares.shares.reduce(0, +) == microBatches && shares.shares.allSatisfy { $0 >= 0 })
      expectClose([shares.seconds], [best(times, fixed, microBatches)], relative: 1e-12, "case \(number)")
    }
  }

  private func best(_ times: [Double], _ fixed: [Double], _ microBatches: Int) -> Double {
    guard let time = times.first, let start = fixed.first else { return microBatches == 0 ? 0 : .infinity }
    return (0...microBatches).map { share in
      max(
        share == 0 ? 0 : start + Double(share) * time,
        best(Array(times.dropFirst()), Array(fixed.dropFirst()), microBatches - share))
    }.min() ?? .infinity
  }

  @Test("are in proportion to speed where nothing has to be rounded")
  func proportion() {
    #expect(UnevenShares(perMicroBatch: [1, 2, 4], microBatches: 700).shares == [400, 200, 100])
    #expect(UnevenShares(perMicroBatch: [5, 5, 5], microBatches: 7).shares == [3, 2, 2])
    #expect(UnevenShares(perMicroBatch: [1, 100], microBatches: 20).shares == [20, 0])
  }
}

@Suite("A plan of mixed nodes") struct MixedPlanTests {
  let request = PlannerTests.request()
  let groups = [
    NodeGroup.made("fast", nodes: 2, hourly: 70), .made("plain", nodes: 1, hourly: 30),
    .made("slow", nodes: 3, perNode: 4, gibibytes: 40, hourly: 6),
  ]

  @Test("gives slower nodes less, all of the batch in all, and waits for the slowest")
  func shares() throws {
    let plan = try Planner(SyntheticModel(), request).mixed(groups)
    #expect(plan.parts.reduce(0) { $0 + $1.samples(microBatch: plan.layout.microBatch) } == 96)
    let perReplica = plan.parts.map { Double($0.microBatches.reduce(0, +)) / Double($0.replicas) }
    #expect(perReplica[0] > perReplica[1] && perReplica[1] >= perReplica[2])
    #expect(plan.parts.map(\.time).max() == plan.step)
    #expect(plan.layout.data == plan.parts.reduce(0) { $0 + $1.replicas })
    #expect(plan.parts.allSatisfy { $0.memory.fits } && plan.idleShare >= 0 && plan.idleShare < 1)
  }

  @Test("of one group is the plan of that group, where no stage is interleaved")
  func oneGroup() throws {
    let planner = Planner(SyntheticModel(), PlannerTests.request { $0.choices.pipeline = 1 })
    let mixed = try planner.mixed([groups[1]])
    let alone = try planner.best(on: groups[1])
    expectClose([mixed.step.count], [alone.step.count], relative: 1e-12)
  }

  @Test("says why there is none")
  func none() {
    var impossible = request
    impossible.choices.tensor = 5
    #expect(throws: Rejection.self) { try Planner(SyntheticModel(), impossible).mixed(groups) }
    var small = groups
    small[2].memory = Bytes(gibibytes: 1)
    do {
      _ = try Planner(SyntheticModel(), request).mixed(small)
      Issue.record("a plan in 1 GiB")
    } catch {
      #expect(error.code == .memory)
    }
  }
}

@Suite("Groups of the catalog") struct CatalogGroupsTests {
  @Test("train, are current and have a price; the rest is told with its reason")
  func groups() throws {
    let catalog = try Catalog.shipped()
    let groups = try CatalogGroups(catalog)
    let names = Set(groups.groups.map(\.instance))
    #expect(names.contains("p4d.24xlarge") && names.contains("trn1.32xlarge"))
    #expect(!names.contains { $0.hasPrefix("inf") || $0.hasPrefix("g2.") })
    let inferentia = try #require(groups.rejections.first { $0.subject.hasPrefix("inf1.") })
    #expect(inferentia.code == .cannotTrain && inferentia.message.contains("cannot train"))
    let rejected = Set(groups.rejections.map(\.subject))
    #expect(rejected.isDisjoint(with: names) && rejected.count + names.count == catalog.instances.count)
    #expect(groups.groups.count == names.count * 10)
  }

  @Test("are refused by name with the name that was meant")
  func unknown() throws {
    let catalog = try Catalog.shipped()
    #expect(throws: CatalogError.self) { try CatalogGroups(catalog, names: ["p4d.24xlrge"]) }
  }

  @Test("are planned at 1 to 512 nodes in seconds")
  func wholeCatalog() throws {
    let groups = try CatalogGroups(try Catalog.shipped())
    var model = SyntheticModel()
    model.transformer = TransformerSpecification(
      layers: 32, hidden: 4096, heads: 32, vocabulary: 50_000, sequence: 2048)
    let request = PlanRequest(globalBatch: 1024, sequence: 2048, length: .tokens(1e10))
    let clock = ContinuousClock()
    var plan: Plan?
    let time = clock.measure {
      plan = Planner(model, request).plan(job: "7B", groups: groups.groups, rejections: groups.rejections)
    }
    let evaluated = plan?.ranked.reduce(0) { $0 + $1.search.counts.evaluated } ?? 0
    print("whole catalog: \(groups.groups.count) groups in \(time), \(evaluated) layouts evaluated")
    #expect((plan?.ranked.count ?? 0) > 50)
  }
}
