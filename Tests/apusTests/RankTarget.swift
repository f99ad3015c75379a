import Foundation

/// Whom a signal is for.
enum RankTarget: Sendable {
  case rank(Int), launcher, everything

  /// The processes that train `job`: ranks have theirs in their environment, and mpirun is the one without.
  func processes(training job: String) -> [Int32] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.compactMap(Int32.init).filter { process in
      guard let line = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") else { return false }
      let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      guard words.contains(job), let name = words.first else { return false }
      let environment = FileManager.default.contents(atPath: "/proc/\(process)/environ") ?? Data()
      let rank = environment.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        .first { $0.hasPrefix("OMPI_COMM_WORLD_RANK=") }.flatMap { Int($0.dropFirst(21)) }
      return switch self {
      case .rank(let wanted): name.hasSuffix("apus") && (rank ?? 0) == wanted
      case .launcher: name == "mpirun"
      case .everything: true
      }
    }
  }
}
