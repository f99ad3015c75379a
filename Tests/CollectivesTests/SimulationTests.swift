import Collectives
import TestSupport
import Testing

/// 25 Gbit/s between hosts, a tenth of the time inside.
private let cluster = LinkModel(
  launch: 3e-6, link: .init(overhead: 1e-6, bandwidth: 31e9), network: .init(latency: 20e-6, bandwidth: 3.1e9))

@Suite struct SimulationTests {
  @Test("A ring takes 2(n−1) steps of 1/n of the bytes", arguments: [2, 3, 7, 16])
  func ring(n: Int) throws {
    let schedule = try Schedule(.allReduce, .ring, Topology(ranksPerHost: n), count: n * 16 * 1000)
    let done = schedule.simulated(on: cluster)
    let part = Double(16 * 1000 * 4)
    expectClose(done.seconds, 3e-6 + Double(2 * (n - 1)) * (1e-6 + part / 31e9), relative: 1e-9)
    #expect(done.messageCount == 2 * n * (n - 1) && done.bytesOut == [0])
    let rates = done.bandwidths(schedule, elementSize: 4)
    expectClose(rates.bus, rates.algorithm * 2 * Double(n - 1) / Double(n), relative: 1e-12)
    expectClose(rates.algorithm, Double(n) * part / done.seconds, relative: 1e-12)
  }

  @Test("Latencies between hosts add up along the way of a message, not round by round")
  func latenciesAlongTheWay() throws {
    let schedule = try Schedule(.allGather, .ring, Topology(hosts: 3, ranksPerHost: 4), count: 12 * 16)
    let done = schedule.simulated(
      on: LinkModel(link: .init(latency: 1, bandwidth: .infinity), network: .init(latency: 100, bandwidth: .infinity)))
    // 11 steps; the worst begins before a crossing and has three, and eight inside.
    #expect(done.seconds == 308)
  }

  @Test("Ranks of one host share its interfaces")
  func sharedInterfaces() throws {
    // Every rank of host 0 sends 1 MB to its twin on host 1 and the other way: recursive doubling's last round.
    let topology = Topology(hosts: 2, ranksPerHost: 4)
    let schedule = try Schedule(.allReduce, .recursiveDoubling, topology, count: 250_000)
    func seconds(_ interfaces: Int) -> Double {
      let links = LinkModel(link: .init(bandwidth: .infinity), network: .init(bandwidth: 1e9), interfaces: interfaces)
      return schedule.simulated(on: links).seconds
    }
    expectClose([seconds(1), seconds(2), seconds(4)], [4e-3, 2e-3, 1e-3], relative: 1e-9)
    // Three interfaces: one of them has two ranks.
    expectClose(seconds(3), 2e-3, relative: 1e-9)
    #expect(schedule.simulated(on: cluster).bytesOut == [4_000_000, 4_000_000])
  }

  @Test("A bus is shared by the messages of a host, links of a mesh are not")
  func insideAHost() throws {
    let schedule = try Schedule(.reduceScatter, .mesh, Topology(ranksPerHost: 3), count: 3 * 16 * 1000)
    let part = 64_000.0
    let bus = LinkModel(link: .init(bandwidth: .infinity), inside: .bus(1e9))
    expectClose(schedule.simulated(on: bus).seconds, 6 * part / 1e9, relative: 1e-9)
    let ports = LinkModel(link: .init(bandwidth: 1e9))
    expectClose(schedule.simulated(on: ports).seconds, 2 * part / 1e9, relative: 1e-9)
    let rates: [[Double]] = [[0, 1e9, 2e9], [1e9, 0, 4e9], [2e9, 4e9, 0]]
    let mesh = LinkModel(link: .init(bandwidth: .infinity), inside: .mesh(rates, fallback: 1e8))
    expectClose(schedule.simulated(on: mesh).seconds, part / 1e9, relative: 1e-9)
    let cut: [[Double]] = [[0, 0, 2e9], [0, 0, 4e9], [2e9, 4e9, 0]]
    let broken = LinkModel(link: .init(bandwidth: .infinity), inside: .mesh(cut, fallback: 1e8))
    expectClose(schedule.simulated(on: broken).seconds, 2 * part / 1e8, relative: 1e-9)
  }

  @Test("Adding what comes takes time, copying may take another")
  func reductionRate() throws {
    let schedule = try Schedule(.allReduce, .ring, Topology(ranksPerHost: 5), count: 5 * 16)
    let links = LinkModel(link: .init(bandwidth: .infinity), reducePerByte: 3, copyPerByte: 0.5)
    expectClose(schedule.simulated(on: links).seconds, 4 * 64 * 3.5, relative: 1e-9)
  }

  @Test("A floor hides the wire, and a smallest buffer costs as much as itself")
  func protocols() throws {
    let schedule = try Schedule(.allReduce, .ring, Topology(ranksPerHost: 2), count: 32)
    let floor = LinkModel(link: .init(bandwidth: 64 / 3.0, floor: 2))
    let step = (16.0 + 81).squareRoot().squareRoot()
    expectClose(schedule.simulated(on: floor).seconds, 2 * step, relative: 1e-9)
    let smallest = LinkModel(link: .init(bandwidth: 64), smallestBuffer: 640)
    expectClose(schedule.simulated(on: smallest).seconds, 10, relative: 1e-9)
  }

  @Test("Behind a pause an interface lets a burst through at once, and fills it again while it is idle")
  func bursts() throws {
    // 1 MB from each host to the other, at 1 MB/s, of which 0.25 MB are there at once.
    let schedule = try Schedule(.allGather, .ring, Topology(hosts: 2, ranksPerHost: 1), count: 500_000)
    var links = LinkModel(link: .init(bandwidth: 1e9), network: .init(bandwidth: 1e6), burst: 250_000)
    expectClose(schedule.simulated(on: links).seconds, 0.75, relative: 1e-3)
    // Right behind each other runs find the bucket empty: they take what bytes take.
    expectClose(schedule.simulatedInARow(on: links), 1, relative: 1e-3)
    // One that sends in turns fills it again: of 2 × 2 MB each way's first quarter is there.
    let tree = try Schedule(.allReduce, .binomialTree, Topology(hosts: 2, ranksPerHost: 1), count: 500_000)
    expectClose(tree.simulatedInARow(on: links), 2 * 1.75, relative: 1e-3)
    links.burst = 0
    expectClose(schedule.simulated(on: links).seconds, 1, relative: 1e-3)
    expectClose(tree.simulatedInARow(on: links), 4, relative: 1e-3)
  }

  @Test("What several hosts send to one interface beyond its queue takes longer; what one sends does not")
  func contention() throws {
    var links = LinkModel(link: .init(bandwidth: 1e9), network: .init(bandwidth: 1e6), queue: 500_000, contention: 1.5)
    let topology = Topology(hosts: 3, ranksPerHost: 1)
    // Each host takes in 2 × 1 MB: 1.5 MB beyond the queue, at 1.5 µs a byte.
    let mesh = try Schedule(.allGather, .mesh, topology, count: 750_000)
    expectClose(mesh.simulated(on: links).seconds, 0.5 + 1.5 * 1.5, relative: 1e-3)
    let ring = try Schedule(.allGather, .ring, topology, count: 750_000)
    expectClose(ring.simulated(on: links).seconds, 2, relative: 1e-3)
    links.queue = 3_000_000
    expectClose(mesh.simulated(on: links).seconds, 2, relative: 1e-3)
  }

  @Test("The bytes at each host's interface are what crosses it", arguments: ScheduleAlgorithm.allCases)
  func bytesAtInterfaces(algorithm: ScheduleAlgorithm) throws {
    let topology = Topology(hostOfRank: [0, 1, 2, 0, 1, 2])
    guard algorithm.obstacle(.allReduce, topology) == nil else { return }
    let schedule = try Schedule(.allReduce, algorithm, topology, count: 6 * 160, chunks: 3)
    var out = [0, 0, 0]
    var into = [0, 0, 0]
    for round in 0..<schedule.roundCount {
      for rank in 0..<6 {
        for action in schedule.actions(rank: rank, round: round) where rank % 3 != action.peer % 3 {
          if action.kind == .send {
            out[rank % 3] += 4 * action.range.count
          } else {
            into[rank % 3] += 4 * action.range.count
          }
        }
      }
    }
    let done = schedule.simulated(on: cluster)
    #expect(done.bytesOut == out && done.bytesIn == into)
    #expect(done.finishes.max() == done.seconds && done.seconds > 0)
  }

  @Test("A ring of 4,096 ranks on 512 hosts is simulated message by message")
  func thousands() throws {
    let schedule = try Schedule(.allReduce, .ring, Topology(hosts: 512, ranksPerHost: 8), count: 4096 * 16 * 100)
    let done = schedule.simulated(on: cluster)
    #expect(done.messageCount == 8190 * 4096)
    // Hosts' crossings are one in eight steps, and wider inside; the narrow link sets the pace.
    let wire = 8190 * Double(16 * 100 * 4) / 3.1e9
    #expect(done.seconds > wire && done.seconds < wire + 3e-6 + 8190 * 4e-6)
  }
}

@Suite struct AlgorithmChoiceTests {
  private static let topology = Topology(hosts: 4, ranksPerHost: 2)

  @Test("Small buffers take few rounds, large ones few bytes across the network")
  func sizes() throws {
    let small = try AlgorithmChoice(.allReduce, Self.topology, count: 64, on: cluster)
    let large = try AlgorithmChoice(.allReduce, Self.topology, count: 16_000_000, on: cluster)
    #expect([.recursiveDoubling, .mesh, .hierarchicalHalving].contains(small.chosen.algorithm), "\(small)")
    #expect([.hierarchical, .hierarchicalHalving, .halvingDoubling].contains(large.chosen.algorithm), "\(large)")
    for choice in [small, large] {
      #expect(choice.chosen == choice.candidates[0] && !choice.isForced)
      #expect(zip(choice.candidates, choice.candidates.dropFirst()).allSatisfy { $0.seconds <= $1.seconds })
      #expect(choice.candidates.count == 8 && choice.rejected.isEmpty)
      #expect(choice.description.contains("taken") && choice.description.split(separator: "\n").count == 8)
    }
  }

  @Test("A named algorithm is taken, the others are still timed")
  func named() throws {
    let choice = try AlgorithmChoice(.allReduce, Self.topology, count: 1000, forced: .canonical, on: cluster)
    #expect(choice.chosen.algorithm == .canonical && choice.isForced && choice.candidates.count == 9)
    #expect(choice.description.contains("canonical") && choice.description.contains("named by the job"))
  }

  @Test("What cannot be is refused with its reason")
  func refused() throws {
    let uneven = Topology(hostOfRank: [0, 0, 1])
    let choice = try AlgorithmChoice(.allReduce, uneven, count: 10, on: cluster)
    #expect(choice.rejected.map(\.algorithm) == [.hierarchical, .hierarchicalHalving])
    let problem = #expect(throws: ScheduleProblem.self) {
      try AlgorithmChoice(.allReduce, uneven, count: 10, forced: .hierarchical, on: cluster)
    }
    #expect(problem?.message.contains("not 2, 1") == true)
    #expect(throws: ScheduleProblem.self) { try AlgorithmChoice(.allToAll, uneven, count: 10, on: cluster) }
  }

  @Test("A pipeline takes more chunks for more bytes")
  func chunks() throws {
    let topology = Topology(hosts: 6, ranksPerHost: 1)
    var links = cluster
    links.network?.overhead = 20e-6
    let times = try [1_000, 300_000, 30_000_000].map {
      try SimulatedTime(.allReduce, .doubleTree, topology, count: $0, on: [links])
    }
    #expect(times[0].chunks < times[1].chunks && times[1].chunks < times[2].chunks, "\(times)")
  }
}

@Suite struct ScheduleDrawingTests {
  @Test("A drawing has a column a rank, a row a round, and an arrow a message with its range and bytes")
  func drawing() throws {
    let schedule = try Schedule(.allReduce, .halvingDoubling, Topology(hosts: 2, ranksPerHost: 2), count: 256)
    let svg = schedule.svg()
    #expect(svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>\n"))
    for rank in 0..<4 { #expect(svg.contains(">rank \(rank)</text>")) }
    #expect(svg.contains(">host 1</text>") && !svg.contains(">host 2<"))
    #expect(svg.contains(">round 3</text>") && !svg.contains(">round 4<") && svg.components("marker-end") == 16)
    #expect(svg.contains("<title>round 0: rank 0 to rank 1, elements 128–255, 512 B</title>"))
    #expect(svg.components("url(#add)") == 8 && svg.components("url(#copy)") == 8)
  }

  @Test("A large schedule is cut, and says by how much")
  func cut() throws {
    let schedule = try Schedule(.allReduce, .ring, Topology(hosts: 5, ranksPerHost: 8), count: 4000)
    let svg = schedule.svg(ranks: 10, rounds: 3)
    #expect(svg.contains("75 more rounds, 30 more ranks") && svg.components(">rank ") == 10)
  }
}

extension String {
  /// How often a text occurs.
  fileprivate func components(_ text: String) -> Int { ranges(of: text).count }
}
