import CostModel
import Foundation
import Planner
import TestSupport
import Testing
import Units

@Suite("A plan in words and files") struct PlanTests {
  @Test("of another format is refused")
  func format() throws {
    let data = try JSONEncoder().encode(PlannerTests.plan(PlannerTests.request()))
    let text = String(decoding: data, as: UTF8.self)
    #expect(text.contains("\"formatVersion\":2"))
    let other = Data(text.replacing("\"formatVersion\":2", with: "\"formatVersion\":1").utf8)
    do {
      _ = try JSONDecoder().decode(Plan.self, from: other)
      Issue.record("format 1 was read")
    } catch DecodingError.dataCorrupted(let context) {
      #expect(context.debugDescription == "plan format 1; this Apus reads format 2")
    }
  }

  @Test("meets its deadline with a probability that the interval gives")
  func probability() throws {
    let entry = try #require(PlannerTests.plan(PlannerTests.request()).chosen)
    let high = try #require(entry.interval?.high)
    let even = try #require(entry.probability(within: entry.time))
    let likely = try #require(entry.probability(within: entry.time * high))
    let unlikely = try #require(entry.probability(within: entry.time / high))
    expectClose([even, likely, unlikely], [0.5, 0.95, 0.05], relative: 0, absolute: 1e-4)
  }

  @Test("shows no second row for the same accelerators in a dearer host")
  func twins() throws {
    var groups = [NodeGroup.made("fast", nodes: 1, hourly: 70), .made("plain", nodes: 1, hourly: 30)]
    var twin = groups[0]
    twin.instance = "faster-host"
    twin.hourly = Money(dollars: 90)
    groups.append(twin)
    for index in groups.indices { groups[index].accelerator = groups[index].instance == "plain" ? "a100" : "h100" }
    var model = SyntheticModel()
    model.speeds["faster-host"] = model.speeds["fast"]
    let plan = Planner(model, PlannerTests.request()).plan(job: "twins", groups: groups)
    #expect(plan.ranked.count == 3)
    let shown = plan.shown(atMost: 12).map { plan.ranked[$0].group.instance }
    #expect(Set(shown) == ["fast", "plain"])
    #expect(plan.runnerUp?.group.accelerator != plan.chosen?.group.accelerator)
  }

  @Test("says in words how a layout shares the work")
  func words() {
    let layout = ParallelLayout(
      tensor: 8, pipeline: 4, data: 16, virtualStages: 2, microBatch: 1, zeroStage: 1, recomputation: .full,
      sequenceParallel: true)
    #expect(
      layout.words
        == "each layer on 8 accelerators, what they repeat shared by position, 4 stages of 2 interleaved pieces, "
        + "16 replicas, 1 sample at a time, optimizer states shared by replicas (ZeRO-1), every layer computed again "
        + "in backward")
    #expect(ParallelLayout.legend([ParallelLayout()]) == "d replicas, b samples at a time")
  }

  @Test("says where the runner-up wins, with the rated network")
  func crossover() throws {
    let groups = [NodeGroup.made("fast", nodes: 4, hourly: 70), .made("plain", nodes: 4, hourly: 30)]
    let plan = Planner(SyntheticModel(), PlannerTests.request()).plan(job: "test", groups: groups)
    #expect(plan.chosen?.group.instance == "plain")
    let crossover = try #require(plan.crossover)
    let price = try #require(crossover.hourly)
    let factor = try #require(crossover.networkFactor)
    let network = try #require(crossover.network)
    expectClose([network.count], [200e9], relative: 1e-12)
    #expect(
      crossover.text
        == "runner-up: fast ×4, \(crossover.cost) in \(crossover.time). It wins below \(price.exact) an hour a node (now "
        + "$70.00), or above \((network * factor).gigabits) between nodes (now 1600 Gbit/s).")
  }
}

@Suite("A plan with nodes of several kinds") struct PlanOfMixesTests {
  private let groups = [NodeGroup.made("fast", nodes: 2, hourly: 70), .made("plain", nodes: 2, hourly: 30)]

  @Test("ranks them among the others, with terms that add up to the step and the price of all nodes")
  func ranking() throws {
    let request = PlannerTests.request { $0.objective = .time }
    var model = SyntheticModel()
    model.speeds = ["fast": (2, 4), "plain": (1, 4)]
    let plan = Planner(model, request).plan(job: "mix", groups: groups, mixes: [groups])
    #expect(plan.ranked.count == 3)
    let entry = try #require(plan.ranked.first { $0.mix != nil })
    let mix = try #require(entry.mix)
    // All of them are faster than any of them.
    #expect(plan.chosen?.mix != nil && plan.ranked.allSatisfy { $0.step >= entry.step })
    #expect(entry.nodes == "fast ×2 + plain ×2" && entry.hourly == Money(dollars: 200))
    expectClose([entry.estimate.time.count], [entry.step.count], relative: 1e-12)
    let billed = (entry.step.count * 20_000).rounded(.up) / 3600
    expectClose([entry.cost.dollars], [200 * billed], relative: 1e-12)
    #expect(mix.parts.map(\.time).max() == mix.step && plan.purchases.isEmpty)
    #expect(plan.runnerUp?.mix == nil && plan.crossover != nil)
    // Each part takes its share of the batch and the reduction that all wait for.
    for part in mix.parts {
      let own = part.perMicroBatch * Double(part.microBatches[0]) + mix.fixed
      expectClose([own.count], [part.time.count], relative: 1e-12)
    }
  }

  @Test("reduces gradients over all of them, also where a group has one replica")
  func reduction() throws {
    let lone = [
      NodeGroup.made("fast", nodes: 1, perNode: 1, hourly: 7), .made("plain", nodes: 1, perNode: 1, hourly: 3),
    ]
    let planner = Planner(SyntheticModel(), PlannerTests.request())
    let mix = try planner.mixed(lone)
    #expect(mix.layout.data == 2 && mix.parts.map(\.replicas) == [1, 1])
    // A replica by itself reduces nothing; together they do.
    let evaluator = try SyntheticModel().evaluator(for: lone[0], globalBatch: 96)
    var alone = mix.layout
    alone.data = 1
    #expect(mix.fixed.count > evaluator.affine(alone).fixed)
    #expect(mix.fixed.count >= evaluator.affine(mix.layout).fixed)
  }

  @Test("that fits nothing is told with its reason")
  func tooSmall() {
    var small = groups
    small[1].memory = Bytes(gibibytes: 1)
    let plan = Planner(SyntheticModel(), PlannerTests.request()).plan(job: "mix", groups: [groups[0]], mixes: [small])
    #expect(plan.ranked.count == 1 && plan.rejections.map(\.subject) == ["fast ×2 + plain ×2"])
    #expect(plan.rejections.map(\.code) == [.memory])
  }
}

@Suite("What is nearest where nothing is feasible") struct OfferTests {
  private let groups = [NodeGroup.made("fast", nodes: 1, hourly: 70)]

  @Test("is another layout, or other nodes")
  func offers() throws {
    let planner = Planner(SyntheticModel(), PlannerTests.request { $0.choices.tensor = 7 })
    let none = planner.plan(job: "test", groups: groups)
    let plan = planner.offering(none, groups: groups, elsewhere: [])
    #expect(!plan.isFeasible && plan.nearest.map(\.lacks) == [[.layout]])
    let near = try #require(plan.nearest.first)
    #expect(near.layout.tensor != 7 && near.step > .zero)

    let small = [NodeGroup.made("slow", nodes: 1, perNode: 1, gibibytes: 2, hourly: 1)]
    let free = Planner(SyntheticModel(), PlannerTests.request())
    let elsewhere = free.offering(free.plan(job: "test", groups: small), groups: small, elsewhere: groups)
    #expect(elsewhere.nearest.count == 2 && elsewhere.nearest.last?.lacks == [.nodes])
    #expect(elsewhere.nearest.last?.group.instance == "fast")
  }

  @Test("is nothing where a plan is feasible")
  func feasible() {
    let planner = Planner(SyntheticModel(), PlannerTests.request())
    let plan = planner.plan(job: "test", groups: groups)
    #expect(planner.offering(plan, groups: groups, elsewhere: PlannerTests.groups) == plan)
  }
}
