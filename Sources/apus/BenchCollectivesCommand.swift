import ArgumentParser
import Collectives
import Foundation
import Units

struct BenchCollectivesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collectives",
    abstract: "Measure all-reduces over the ranks: size × algorithm.",
    discussion: """
      Times are of the slowest rank, in the median of the samples; algorithms take turns. algbw is bytes / time and busbw \
      algbw × 2 (n − 1) / n, as nccl-tests defines them.

      Algorithms: transport (over MPI: MPI_Allreduce), reproducible and fastest (what training does), reproducible-copied \
      (from memory that ranks do not share), reproducible-messages; by messages the schedules ring, flat-ring \
      (in the order of the ranks), recursive-doubling, halving-doubling, binomial-tree, double-tree, hierarchical, \
      hierarchical-halving, mesh, canonical-mesh and canonical-exchange; and memory, which is no all-reduce: each rank \
      reads and writes its own values once. What schedules take is simulated too, on links that are measured by single \
      messages first.

      Examples:
        apus bench collectives --ranks 4 --sizes 4KiB..1MiB
        mpirun -np 2 apus bench collectives --algorithms transport,reproducible,memory
        apus bench collectives --draw ring.svg --ranks 8 --hosts 2 --algorithms hierarchical --sizes 1MiB
      """)

  @Option(help: "A range in steps of 4, as 4KiB..256MiB, or a list, as 4KiB,25MB.")
  var sizes = "4KiB..64MiB"

  @Option(help: "What to measure, separated by commas; default: all that work here.")
  var algorithms: String?

  @Option(help: "Ranks, as threads of this process; under mpirun it says how many there are.")
  var ranks: Int?

  @Option(help: "Measurements of each cell.")
  var samples = 9

  @Option(name: .customLong("collective-timeout"), help: "Seconds that a rank waits for another one; then it ends (6).")
  var timeout = 30.0

  @Option(
    help: ArgumentHelp(
      "Draw the schedule of the first size and algorithm to FILE as SVG instead of measuring.", valueName: "file"))
  var draw: String?

  @Option(help: ArgumentHelp("Hosts of --draw, with as many of the ranks each.", valueName: "count"))
  var hosts: Int?

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  func validate() throws {
    _ = try byteCounts()
    _ = try asked()
    if hosts != nil, draw == nil {
      throw ValidationError("--hosts is for --draw; measured are the hosts that there are")
    }
    if draw != nil { _ = try drawing() }
    guard 1...10_000 ~= samples else { throw ValidationError("--samples \(samples) is not in 1 … 10000") }
    guard timeout > 0, timeout <= 86_400 else {
      throw ValidationError("--collective-timeout \(timeout) is not in 0 … 86400 seconds")
    }
    if let ranks {
      guard !Ranks.isLaunched else { throw ValidationError("--ranks \(ranks): mpirun has started the ranks already") }
      guard 1...256 ~= ranks else { throw ValidationError("--ranks \(ranks) is not in 1 … 256") }
    }
  }

  func run() throws {
    if let draw { return try write(drawing(), to: draw) }
    try Ranks.run(inProcess: ranks ?? 1) { try measure(on: $0) }
  }

  /// The first schedule that is asked for, over `--ranks` on `--hosts`.
  private func drawing() throws -> String {
    let (ranks, hosts) = (ranks ?? 4, hosts ?? 1)
    guard 2...64 ~= ranks, hosts >= 1, ranks.isMultiple(of: hosts) else {
      throw ValidationError("--draw: \(ranks) ranks on \(hosts) hosts; give 2 to 64 ranks, and hosts that divide them")
    }
    let topology = Topology(hosts: hosts, ranksPerHost: ranks / hosts)
    let bytes = try byteCounts()[0]
    for case .schedule(let algorithm) in try asked() ?? [.schedule(hosts > 1 ? .hierarchical : .ring)] {
      do {
        return try Schedule(.allReduce, algorithm, topology, count: max(1, Int(bytes.count) / 4)).svg()
      } catch {
        throw ValidationError("--draw: \(error)")
      }
    }
    throw ValidationError("--draw: name a schedule in --algorithms, such as ring or hierarchical")
  }

  private func write(_ picture: String, to path: String) throws {
    do {
      try Data(picture.utf8).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw ValidationError("--draw '\(path)' cannot be written; give a file in a folder that you may write to")
    }
    Console.complain("wrote \(path)")
  }

  private func measure(on ranks: Ranks) throws -> ExitStatus {
    _ = try ranks.placeThreads(nil)
    let benchmark = try CollectiveBenchmark(group: ranks.group, samples: samples, timeout: .seconds(timeout))
    let asked = try asked()
    let isFirst = ranks.group.rank == 0
    for algorithm in asked ?? [] {
      if let obstacle = benchmark.obstacle(algorithm) {
        if isFirst { Console.complain("error: --algorithms: \(obstacle)") }
        return .usage
      }
    }
    let algorithms = asked ?? CollectiveBenchmark.Algorithm.all.filter { benchmark.obstacle($0) == nil }
    let schedules = algorithms.contains { if case .schedule = $0 { true } else { false } }
    if schedules, ranks.group.rankCount > 1 { try benchmark.measureLinks() }
    var rows: [CollectiveBenchmark.Row] = []
    for bytes in try byteCounts() { rows += try benchmark.measure(bytes, algorithms) }
    guard isFirst else { return .done }
    Console.print(try json ? JSONOutput.text(rows) : Self.table(rows))
    return .done
  }

  private static func table(_ rows: [CollectiveBenchmark.Row]) -> String {
    var table = TextTable([
      ("Size", .right), ("Algorithm", .left), ("Time", .right), ("Simulated", .right), ("algbw", .right),
      ("busbw", .right),
    ])
    for (index, row) in rows.enumerated() {
      if index > 0, rows[index - 1].bytes != row.bytes { table.rule() }
      table.append([
        "\(row.bytes)", row.algorithm, "\(row.time)", row.simulated.map { "\($0)" } ?? "", "\(row.algorithmBandwidth)",
        "\(row.busBandwidth)",
      ])
    }
    return table.text
  }

  private func asked() throws -> [CollectiveBenchmark.Algorithm]? {
    try algorithms?.split(separator: ",").map { name in
      guard let algorithm = CollectiveBenchmark.Algorithm(String(name)) else {
        let names = CollectiveBenchmark.Algorithm.all.map(\.description).joined(separator: ", ")
        throw ValidationError("--algorithms: '\(name)' is none of \(names)")
      }
      return algorithm
    }
  }

  private func byteCounts() throws -> [Bytes] {
    do {
      let ends = try sizes.components(separatedBy: "..").map {
        try $0.split(separator: ",").map { try Bytes.parse(String($0)) }
      }
      let all = ends.joined()
      guard !all.isEmpty, ends.count <= 2, all.allSatisfy({ 4...Int64(1) << 36 ~= $0.count }) else {
        throw ValidationError("--sizes '\(sizes)': give sizes of 4 B to 64 GiB, as 4KiB..256MiB or 4KiB,25MB")
      }
      guard ends.count == 2, let first = ends[0].first, let last = ends[1].first else { return Array(all) }
      return sequence(first: first) { $0.count * 4 <= last.count ? $0 * 4 : nil }.map { $0 }
    } catch let error as BytesParseError {
      throw ValidationError("--sizes: \(error)")
    }
  }
}
