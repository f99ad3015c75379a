import Foundation

extension Exchange {
  /// What a rank brings to a collective call: which call it is, and memory that the others may read meanwhile.
  @safe struct Entry {
    /// The call with all that must agree between ranks.
    let call: String
    let bytes: UnsafeRawBufferPointer

    init(_ call: String, _ bytes: UnsafeRawBufferPointer) {
      self.call = call
      unsafe self.bytes = bytes
    }
  }

  /// A collective call under way in one context. Guarded by the lock of the exchange.
  final class Meeting {
    var entries: [Entry?]
    /// The entries of all ranks from the moment that the last one arrived until the last one left.
    var complete: [Entry]?
    var left = 0
    var generation = 0

    init(rankCount: Int) { entries = Array(repeating: nil, count: rankCount) }
  }

  /// Brings all ranks together, lets each of them read what the others brought, and parts when all have read.
  ///
  /// - Parameter read: called on each rank with the entries by rank. It must not write what it brought. An error is
  ///   thrown after the parting, so that nobody reads memory that is gone.
  /// - Throws: `.peerLost` if a rank left before the meeting was complete; `.countMismatch` on every rank if the calls
  ///   differ; what `read` throws.
  func meet(
    context: Int, rank: Int, _ entry: Entry, read: ([Entry]) throws(GroupError) -> Void
  ) throws(GroupError) {
    let (meeting, entries) = try arrive(context: context, rank: rank, entry)
    var failure: GroupError?
    if let other = entries.firstIndex(where: { $0.call != entries[0].call }) {
      failure = GroupError(
        .countMismatch, "rank 0 calls \(entries[0].call) while rank \(other) calls \(entries[other].call)",
        remedy: "make the same calls with the same sizes in the same order on all ranks")
    } else {
      do throws(GroupError) { try read(entries) } catch { failure = error }
    }
    part(meeting)
    if let failure { throw failure }
  }

  private func arrive(context: Int, rank: Int, _ entry: Entry) throws(GroupError) -> (Meeting, [Entry]) {
    condition.lock()
    defer { condition.unlock() }
    let meeting = meetings[context] ?? Meeting(rankCount: rankCount)
    meetings[context] = meeting
    meeting.entries[rank] = entry
    let all = meeting.entries.compactMap { $0 }
    if all.count == rankCount {
      meeting.complete = all
      condition.broadcast()
    }
    while true {
      if let complete = meeting.complete { return (meeting, complete) }
      do throws(GroupError) {
        try checkPresence(0..<rankCount, waiting: rank, entry.call)
      } catch {
        meeting.entries[rank] = nil
        throw error
      }
      condition.wait()
    }
  }

  private func part(_ meeting: Meeting) {
    condition.lock()
    defer { condition.unlock() }
    meeting.left += 1
    guard meeting.left == rankCount else {
      let generation = meeting.generation
      while meeting.generation == generation { condition.wait() }
      return
    }
    meeting.entries = Array(repeating: nil, count: rankCount)
    meeting.complete = nil
    meeting.left = 0
    meeting.generation += 1
    condition.broadcast()
  }
}
