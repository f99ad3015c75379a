/// A power of two of members among any number: the first 2·extra members pair up, the even one hands its elements to the odd
/// one before and takes the result behind (Thakur et al. 2005, §4.5).
struct FoldedMembers: Sendable {
  let members: Members
  /// The largest power of two, its logarithm, and the members beyond it.
  let core: Int
  let levels: Int
  let extra: Int

  init(_ members: Members) {
    self.members = members
    levels = Int.bitWidth - 1 - members.count.leadingZeroBitCount
    core = 1 << levels
    extra = members.count - core
  }

  /// The place of a member in the core; nil of one that waits.
  func place(_ position: Int) -> Int? {
    guard position < 2 * extra else { return position - extra }
    return position.isMultiple(of: 2) ? nil : position / 2
  }

  /// The rank at a place of the core.
  func rank(_ place: Int) -> Int { members[place < extra ? 2 * place + 1 : place + extra] }

  /// The partner of a member outside of the core, or of the one that works for it.
  func partner(_ position: Int) -> Int? {
    guard position < 2 * extra else { return nil }
    return members[position ^ 1]
  }

  var foldRounds: Int { extra > 0 ? 1 : 0 }
}

struct RecursiveDoublingPattern: SchedulePattern {
  let roundCount: Int
  private let folded: FoldedMembers
  private let range: Range<Int>

  init(_ members: Members, _ range: Range<Int>) {
    folded = FoldedMembers(members)
    self.range = range
    roundCount = folded.levels + 2 * folded.foldRounds
  }

  func append(rank: Int, round: Int, to actions: inout [ScheduleAction]) {
    guard let position = folded.members.position(rank) else { return }
    let place = folded.place(position)
    if folded.extra > 0, round == 0 || round == roundCount - 1 {
      guard let partner = folded.partner(position) else { return }
      let hands = (place == nil) == (round == 0)
      actions.add(hands ? .send : round == 0 ? .reduce : .receive, partner, range)
      return
    }
    guard let place else { return }
    let peer = folded.rank(place ^ (1 << (round - folded.foldRounds)))
    actions.add(.send, peer, range)
    actions.add(.reduce, peer, range)
  }
}

/// Pairs halve what they hold until each has one slice, then double it back (Rabenseifner 2004).
///
/// A reduce-scatter begins with the farthest, so that member v of the core ends with slice v; an all-reduce begins with
/// neighbours, so that the large halves stay inside the hosts.
struct HalvingDoublingPattern: SchedulePattern {
  let roundCount: Int
  private let collective: Collective
  private let folded: FoldedMembers
  private let slices: RangeSlices
  private let range: Range<Int>

  init(_ collective: Collective, _ members: Members, _ range: Range<Int>) {
    self.collective = collective
    folded = FoldedMembers(members)
    self.range = range
    slices = RangeSlices(range, parts: folded.core)
    roundCount = (collective == .allReduce ? 2 : 1) * folded.levels + 2 * folded.foldRounds
  }

  func append(rank: Int, round: Int, to actions: inout [ScheduleAction]) {
    guard let position = folded.members.position(rank) else { return }
    let place = folded.place(position)
    if folded.extra > 0, round == 0 || round == roundCount - 1 {
      guard let partner = folded.partner(position) else { return }
      let hands = (place == nil) == (round == 0)
      actions.add(hands ? .send : round == 0 ? .reduce : .receive, partner, range)
      return
    }
    guard let place else { return }
    let step = round - folded.foldRounds
    let gathers = collective == .allGather || step >= folded.levels
    let level = gathers ? (collective == .allGather ? folded.levels : 2 * folded.levels) - 1 - step : step
    let peer = place ^ distance(level)
    let (mine, theirs) = (held(place, after: level + 1), held(peer, after: level + 1))
    actions.add(.send, folded.rank(peer), gathers ? mine : theirs)
    actions.add(gathers ? .receive : .reduce, folded.rank(peer), gathers ? theirs : mine)
  }

  private func distance(_ level: Int) -> Int { collective == .allReduce ? 1 << level : folded.core >> (level + 1) }

  /// What a member holds after so many halvings.
  private func held(_ place: Int, after levels: Int) -> Range<Int> {
    var start = 0
    var size = folded.core
    for level in 0..<levels {
      size /= 2
      if place & distance(level) != 0 { start += size }
    }
    return slices[start..<start + size]
  }
}

/// An all-gather of a power of two of members by doubling.
typealias DoublingGatherPattern = HalvingDoublingPattern

extension HalvingDoublingPattern {
  init(_ members: Members, _ range: Range<Int>) { self.init(.allGather, members, range) }
}
