import Execution
import ModelGraph

/// What this rank's shards hand on from step to step: the recurrent states of truncated back-propagation through time.
///
/// A step writes what it ends with beside what it began with, so that one that went wrong can be run again.
final class ShardStates {
  private let program: Program
  let shards: Range<Int>
  /// Numbers of a shard's states together, in the order of `Graph.carriedStates`.
  let elementCount: Int
  /// Shard after shard.
  private var begin: [Float]
  private var end: [Float]

  var byteCount: Int { 4 * (begin.count + end.count) }

  init(_ program: Program, shards: Range<Int>) {
    self.program = program
    self.shards = shards
    elementCount = program.stateElementCount
    begin = Array(repeating: 0, count: elementCount * shards.count)
    end = begin
  }

  private func first(of shard: Int) -> Int {
    precondition(shards.contains(shard), "shard \(shard) is not one of \(shards)")
    return (shard - shards.lowerBound) * elementCount
  }

  /// Gives the program what `shard` begins the step with.
  func give(_ shard: Int) { program.setStates(begin, from: first(of: shard)) }

  /// Gives the program what a sequence begins with.
  func giveZeros() {
    guard elementCount > 0 else { return }
    program.setStates(Array(repeating: 0, count: elementCount))
  }

  /// Keeps what the program ended with as `shard`'s.
  func take(_ shard: Int) { program.readStates(into: &end, from: first(of: shard)) }

  /// Makes what the shards ended with what they begin the next step with; behind an epoch's last step, zeros.
  func endStep(endsEpoch: Bool) {
    swap(&begin, &end)
    guard endsEpoch else { return }
    for index in begin.indices { begin[index] = 0 }
  }

  /// What the next step begins with, shard after shard.
  var values: [Float] {
    get { begin }
    set {
      precondition(newValue.count == begin.count, "states of other shards")
      begin = newValue
    }
  }
}
