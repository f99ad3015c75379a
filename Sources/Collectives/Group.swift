/// A set of ranks that exchange data.
///
/// All calls block. Collective calls (all but `send`, `receive`, `sendReceive` and `abort`) are made by all ranks of the
/// group in the same order with matching sizes. One thread at a time uses a group; a second thread takes a `duplicate()`.
///
/// Every call throws `GroupError`: `.countMismatch` where the transport can see that ranks disagree, `.peerLost` when a
/// rank is gone, `.invalidRank` and `.invalidArgument` before anything is sent, `.failed` with the text of the transport.
/// After an error of a collective call the group is of no more use.
package protocol Group: AnyObject, Sendable {
  /// This rank: 0 ..< rankCount.
  var rank: Int { get }
  var rankCount: Int { get }
  /// The host that this rank runs on.
  var hostName: String { get }

  /// A group of the same ranks whose messages never meet those of this one. Collective.
  ///
  /// - Parameter sleeps: whether `exchange` leaves the core to others while it waits: for a thread beside one that
  ///   computes, where microseconds do not count.
  func duplicate(sleeps: Bool) throws(GroupError) -> any Group

  /// Sends `bytes` to another rank. May wait until that rank receives: two ranks that both send first may wait for ever.
  ///
  /// - Parameter tag: 0 ... 16383; a receive takes the oldest message with its source and tag.
  func send(_ bytes: RawSpan, to destination: Int, tag: Int) throws(GroupError)

  /// Fills `bytes` with a message from another rank.
  ///
  /// - Throws: `.countMismatch`, naming both sizes, if the message is not exactly as long as `bytes`.
  func receive(into bytes: inout MutableRawSpan, from source: Int, tag: Int) throws(GroupError)

  /// Sends and receives at once, so that ranks may exchange in pairs or in a ring. Either side may be this very rank.
  func sendReceive(
    sending sent: RawSpan, to destination: Int, receiving received: inout MutableRawSpan, from source: Int, tag: Int
  ) throws(GroupError)

  /// Makes all transfers at once: any number of messages from and to other ranks; those between two ranks in order.
  ///
  /// - Parameter timeout: how long it may take.
  /// - Throws: `.peerLost`, naming the ranks whose messages did not move in that time. Memory of a transfer may still be
  ///   read or written then: the rank must end.
  func exchange(_ transfers: Span<Transfer>, tag: Int, timeout: Duration) throws(GroupError)

  /// Makes `bytes` on every rank equal to those of `root`.
  func broadcast(_ bytes: inout MutableRawSpan, root: Int) throws(GroupError)

  /// Returns when every rank has called it.
  func barrier() throws(GroupError)

  /// Reduces `values` over the ranks, in place, in the order that is fastest: sums may differ in their last bits between
  /// rank counts. `ReproducibleReducer` sums in one order for any rank count.
  func allReduce<Element: GroupElement>(
    _ values: inout MutableSpan<Element>, _ reduction: Reduction
  ) throws(GroupError)

  /// Puts the equally long `bytes` of the ranks one after the other into `gathered` of `root`.
  ///
  /// - Parameter gathered: on `root`, rankCount times as long as `bytes`; ignored elsewhere, so may be empty.
  func gather(_ bytes: RawSpan, into gathered: inout MutableRawSpan, root: Int) throws(GroupError)

  /// Reduces `values` over the ranks and leaves on each rank its part.
  ///
  /// - Parameters:
  ///   - values: sum(counts) elements on every rank.
  ///   - result: counts[rank] elements; rank r gets those behind the parts of ranks 0 ..< r.
  ///   - counts: elements by rank, the same on every rank; zeros are allowed.
  func reduceScatter<Element: GroupElement>(
    _ values: Span<Element>, into result: inout MutableSpan<Element>, counts: [Int], _ reduction: Reduction
  ) throws(GroupError)

  /// Puts the `bytes` of all ranks one after the other into `gathered` of every rank.
  ///
  /// - Parameters:
  ///   - gathered: sum(byteCounts) bytes.
  ///   - byteCounts: bytes by rank, the same on every rank; zeros are allowed.
  func allGather(
    _ bytes: RawSpan, into gathered: inout MutableRawSpan, byteCounts: [Int]
  ) throws(GroupError)

  /// The sum over the ranks as the transport makes it by itself, with nothing around it: what others are compared with.
  func sumByTransport(_ values: inout MutableSpan<Float>) throws(GroupError)

  /// Throws `.peerLost` if the transport knows of a rank that is gone, or if another rank has given up waiting.
  func checkPresence() throws(GroupError)

  /// How long calls wait for other ranks, this group's and those of duplicates made from now on; 30 s where nobody says.
  /// Ranks that are threads of one process wait for ever: none of them is lost unseen.
  func limitWaits(to limit: Duration)

  /// Runs `body`, which may take longer than other ranks wait, and tells them so now and then, from a thread beside it: they
  /// wait on as long as that thread runs. Not for work that may hang.
  func working<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result

  /// A number that has grown when another rank has told since that it works.
  func workNotices() throws(GroupError) -> Int

  /// Ends the work of all ranks: processes with exit code `code`; ranks that are threads by an error `.aborted`.
  func abort(code: Int32) throws(GroupError) -> Never
}

extension Group {
  package func sumByTransport(_ values: inout MutableSpan<Float>) throws(GroupError) { try allReduce(&values, .sum) }
}

/// Tags of messages: users take the lower half, so that nothing of theirs meets a message of this module.
package enum MessageTag {
  package static let user = 0..<16384
  static let convenience = 16384
  static let reducer = 16385
  static let schedule = 16386
  /// MPI promises tags up to 32767.
  package static let all = 0..<32768
}
