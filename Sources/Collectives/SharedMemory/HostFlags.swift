import CSharedMemory
import Foundation
import Synchronization

/// What the ranks of a host tell each other in a collective over shared memory: who has arrived, for which call, which
/// blocks are taken and which are done. All of it in one small `SharedMemory`, a few cache lines a rank.
///
/// Waiting ends, however late: with the values that were waited for, or with an error that names who did not arrive.
@safe final class HostFlags {
  /// What must agree between the ranks, and where their elements are.
  struct Call: Equatable {
    /// How many elements.
    var count: Int
    /// The first of them, in floats from the begin of the rank's part of the slots.
    var first: Int
    /// Floats between slots; -1 if they are not in shared memory.
    var stride: Int
  }

  static let line = 64
  /// Line 0: arrival, state, process, and a call for each parity. Lines 1, 2: tickets. Lines 3, 4: blocks done.
  private static let recordBytes = 5 * line

  /// The first byte of each rank's part behind its flags: room that the reducer uses.
  static let roomOffset = 4096

  let memory: SharedMemory
  let group: any Group
  let rankCount: Int
  let place: Int
  private let timeout: Duration
  private let patience: Patience
  /// Whether the process of each rank can be seen from here, so that its end can be.
  private var visible: [Bool] = []
  /// How often this rank has arrived, and how often blocks were shared out.
  private var arrivals: UInt32 = 0
  private(set) var round = 0
  private var calls = 0
  private var failure: GroupError?

  /// Collective.
  /// - Parameters:
  ///   - roomBytes: what each rank wants behind its flags.
  ///   - timeout: how long a rank waits for another one.
  init(group: any Group, roomBytes: Int, timeout: Duration) throws(GroupError) {
    memory = try group.sharedMemory(byteCount: Self.roomOffset + roomBytes)
    self.group = group
    self.timeout = timeout
    rankCount = memory.ranks.count
    place = memory.place
    patience = Patience(sharesCores: rankCount > ProcessInfo.processInfo.activeProcessorCount)
    unsafe (memory.part(place).baseAddress! + 12).storeBytes(of: getpid(), as: Int32.self)
    try group.barrier()
    for place in 0..<rankCount { visible.append(Self.isAlive(process(place))) }
  }

  /// Room of the rank at `place`, behind its flags.
  func room(_ place: Int) -> UnsafeMutableRawPointer { unsafe record(place) + Self.roomOffset }

  private func record(_ place: Int) -> UnsafeMutableRawPointer { unsafe memory.part(place).baseAddress! }

  private func process(_ place: Int) -> Int32 { unsafe (record(place) + 12).load(as: Int32.self) }

  private static func isAlive(_ process: Int32) -> Bool { kill(process, 0) == 0 || errno != ESRCH }

  private func arrival(_ place: Int) -> Flag { unsafe Flag(record(place)) }

  private func callAddress(_ place: Int) -> UnsafeMutableRawPointer {
    unsafe record(place) + 16 + (calls & 1) * MemoryLayout<Call>.stride
  }

  func ticket(_ slice: Int) -> Ticket { unsafe Ticket(record(slice) + (1 + round & 1) * Self.line) }

  func done(_ slice: Int) -> Flag { unsafe Flag(record(slice) + (3 + round & 1) * Self.line) }

  /// Says what this rank is about to do and waits until all have said the same.
  ///
  /// - Returns: the calls of all ranks of the host.
  /// - Throws: `.countMismatch` on every rank if the counts differ; `.peerLost` if a rank does not arrive.
  func begin(_ call: Call) throws(GroupError) {
    if let failure { throw failure }
    calls += 1
    unsafe callAddress(place).storeBytes(of: call, as: Call.self)
    try arrive(call.count)
    for peer in 0..<rankCount where (self.call(peer).stride < 0) != (call.stride < 0) {
      throw fail(
        GroupError(
          .invalidArgument,
          "of ranks \(memory.ranks[place]) and \(memory.ranks[peer]) one reduces slots in shared memory and one does not",
          remedy: "keep the slots of all ranks of a host in shared memory that the reducer has adopted, or of none"))
    }
    for peer in 0..<rankCount where self.call(peer).count != call.count {
      let counts = (0..<rankCount).map { self.call($0).count }
      throw fail(
        GroupError(
          .countMismatch, "ranks \(memory.ranks) reduce \(counts) elements in their call \(calls)",
          remedy: "reduce the same elements in the same order on all ranks"))
    }
  }

  /// What the rank at `place` said in the call that has begun.
  func call(_ place: Int) -> Call { unsafe callAddress(place).load(as: Call.self) }

  /// Waits until all ranks have come here.
  func arrive(_ count: Int) throws(GroupError) {
    arrivals &+= 1
    unsafe arrival(place).raise(to: arrivals)
    for peer in 0..<rankCount where peer != place {
      if unsafe arrival(peer).isAt(arrivals) { continue }
      try unsafe wait(for: arrival(peer), arrivals, count) { !(unsafe self.arrival($0).isAt(self.arrivals)) }
    }
  }

  /// Shares out the blocks of the ranks' slices: each rank takes those of its own slice, then what is left of others'.
  ///
  /// All ranks have arrived since the last round, so nobody looks at what that used any more: it is made ready for the
  /// next round, which begins behind an arrival of this rank.
  func beginRound() {
    round += 1
    setWorking(true)
    unsafe Ticket(record(place) + (1 + (round + 1) & 1) * Self.line).reset()
    unsafe Flag(record(place) + (3 + (round + 1) & 1) * Self.line).reset()
  }

  /// Waits until all blocks of a round are done, whoever does them.
  func endRound(blocks: (Int) -> Int, count: Int) throws(GroupError) {
    setWorking(false)
    for slice in 0..<rankCount {
      let target = UInt32(blocks(slice))
      if unsafe done(slice).isAt(target) { continue }
      try unsafe wait(for: done(slice), target, count) { self.isWorking($0) }
    }
  }

  private func work(_ place: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe (record(place) + 8).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  private func setWorking(_ works: Bool) { unsafe work(place).pointee.store(works ? 1 : 0, ordering: .relaxed) }

  /// Whether a rank waits no more, and may have ended, because another one did not arrive.
  private func hasGivenUp(_ place: Int) -> Bool { unsafe work(place).pointee.load(ordering: .acquiring) == 2 }

  private func isWorking(_ place: Int) -> Bool { unsafe work(place).pointee.load(ordering: .relaxed) == 1 }

  private func wait(
    for flag: Flag, _ target: UInt32, _ count: Int, missing: (Int) -> Bool
  ) throws(GroupError) {
    for _ in 0..<patience.looks {
      if unsafe flag.isAt(target) { return }
      csm_pause()
    }
    for _ in 0..<patience.yields {
      if unsafe flag.isAt(target) { return }
      sched_yield()
    }
    var start = ContinuousClock.now
    var notices: Int?
    while true {
      unsafe flag.sleep(below: target, .milliseconds(10))
      if unsafe flag.isAt(target) { return }
      let waited = ContinuousClock.now - start
      let gone = (0..<rankCount).filter { $0 != place && visible[$0] && !Self.isAlive(process($0)) }
      // Looked for behind that: who gives up says so before it ends.
      let givenUp = (0..<rankCount).filter { $0 != place && hasGivenUp($0) }
      let late = (0..<rankCount).filter { $0 != place && missing($0) && !givenUp.contains($0) }
      let dead = late.filter { gone.contains($0) }
      if !dead.isEmpty || !givenUp.isEmpty { throw fail(lost(late.isEmpty ? givenUp : late, dead, waited, count)) }
      do throws(GroupError) {
        try group.checkPresence()
        let told = try notices == nil || waited > timeout ? group.workNotices() : nil
        if waited > timeout {
          guard told != notices else { throw lost(late, [], waited, count) }
          start = .now
        }
        notices = told ?? notices
      } catch {
        if unsafe flag.isAt(target) { return }
        throw fail(error)
      }
    }
  }

  private func lost(_ late: [Int], _ dead: [Int], _ waited: Duration, _ count: Int) -> GroupError {
    let seconds = (waited / .milliseconds(100)).rounded() / 10
    let names = (dead.isEmpty ? late : dead).map { place in
      "rank \(memory.ranks[place]) (process \(process(place)) of \(group.hostName))"
    }
    let fate = dead.isEmpty ? "did not arrive within \(seconds) s" : "ended"
    return GroupError(
      .peerLost,
      "rank \(group.rank) waits in an all-reduce of \(count) elements for \(names.joined(separator: ", ")), which \(fate)",
      remedy: "see what became of that process; a run that only takes long needs a longer time limit for collectives")
  }

  private func fail(_ error: GroupError) -> GroupError {
    failure = error
    if error.code == .peerLost { unsafe work(place).pointee.store(2, ordering: .releasing) }
    return error
  }
}
