import CMPI
package import Collectives
import Foundation
import Synchronization

/// The ranks of an MPI communicator of its own.
///
/// Counts of MPI are 32-bit. Messages, broadcasts and all-reduces of more are cut into chunks; gathers and reduce-scatters
/// of more are refused. Sizes that differ between ranks are found in messages only. All waits end: see
/// `MPIGroup+Waiting.swift`.
package final class MPIGroup: Group {
  package let hostName: String
  /// The most bytes that one MPI call moves; a multiple of 8.
  let chunkBytes: Int
  let communicator: Communicator
  /// Whether an exchange sleeps between its looks at what has arrived.
  let sleeps: Bool
  /// Of the exchange under way.
  let requests = Requests()
  let rollCall: RollCall
  private let notices: WorkNotices
  /// Of waits, in nanoseconds.
  private let limit: Atomic<Int64>
  /// The most bytes of a message of an exchange.
  let exchangeBytes: Int
  /// The host of each rank.
  let rankHosts: [String]

  package var rank: Int { communicator.rank }
  package var rankCount: Int { communicator.rankCount }

  /// All ranks that the launcher started. Collective; `MPIRuntime.initialize()` comes first.
  ///
  /// - Parameter chunkBytes: smaller than the default only to test what large messages do.
  package static func world(chunkBytes: Int = 1 << 30) throws(GroupError) -> MPIGroup {
    guard MPIRuntime.isRunning else {
      throw GroupError(.launch, "MPI is not running", remedy: "call MPIRuntime.initialize() first")
    }
    return try unsafe MPIGroup(duplicating: cmpi_comm_world(), chunkBytes: chunkBytes, sleeps: false)
  }

  /// - Parameter parent: what `original` is of, if it is of a group.
  private init(
    duplicating original: MPI_Comm, of parent: MPIGroup? = nil, chunkBytes: Int, sleeps: Bool
  ) throws(GroupError) {
    precondition(chunkBytes > 0 && chunkBytes % 8 == 0 && chunkBytes <= 1 << 30, "chunks of \(chunkBytes) bytes")
    self.chunkBytes = chunkBytes
    self.sleeps = sleeps
    communicator = try unsafe Communicator(duplicating: original)
    rollCall = try unsafe RollCall(of: original)
    if let parent { notices = parent.notices } else { notices = try unsafe WorkNotices(of: original) }
    limit = Atomic(parent?.limit.load(ordering: .relaxed) ?? Int64(Duration.collectiveTimeout / .nanoseconds(1)))
    hostName = try Self.processorName()
    rankHosts = try Self.gather(hostName, communicator)
    exchangeBytes = Set(rankHosts).count > 1 ? min(chunkBytes, Self.pieceBytes) : chunkBytes
  }

  package func duplicate(sleeps: Bool) throws(GroupError) -> any Group {
    try unsafe MPIGroup(duplicating: communicator.handle, of: self, chunkBytes: chunkBytes, sleeps: sleeps)
  }

  package func limitWaits(to limit: Duration) {
    self.limit.store(Int64(limit / .nanoseconds(1)), ordering: .relaxed)
  }

  var waitLimit: Duration { .nanoseconds(limit.load(ordering: .relaxed)) }

  package func working<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    guard rankCount > 1 else { return try body() }
    return try notices.working(every: waitLimit / 4, body)
  }

  package func workNotices() throws(GroupError) -> Int { try notices.count() }

  package func abort(code: Int32) throws(GroupError) -> Never {
    try check(unsafe MPI_Abort(communicator.handle, code), "MPI_Abort")
    exit(code)
  }

  /// The names of all ranks' hosts. Collective.
  private static func gather(_ name: String, _ communicator: borrowing Communicator) throws(GroupError) -> [String] {
    let length = Int(MPI_MAX_PROCESSOR_NAME)
    var own = Array(name.utf8.prefix(length))
    own += Array(repeating: 0, count: length - own.count)
    var all = [UInt8](repeating: 0, count: length * communicator.rankCount)
    try check(
      unsafe MPI_Allgather(
        &own, Int32(length), cmpi_byte(), &all, Int32(length), cmpi_byte(), communicator.handle), "MPI_Allgather")
    return (0..<communicator.rankCount).map { rank in
      String(decoding: all[rank * length..<(rank + 1) * length].prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  private static func processorName() throws(GroupError) -> String {
    var name = [CChar](repeating: 0, count: Int(MPI_MAX_PROCESSOR_NAME))
    var length: Int32 = 0
    try check(unsafe MPI_Get_processor_name(&name, &length), "MPI_Get_processor_name")
    return String(decoding: name.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
