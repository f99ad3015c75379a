import CSharedMemory
import Glibc
import Synchronization

/// A number in shared memory that only grows, for which ranks wait, with how many of them sleep; 8 bytes.
///
/// It wraps around: what counts is whether the value is ahead of a target by less than half the range.
@unsafe struct Flag {
  private let value: UnsafeMutablePointer<Atomic<UInt32>>
  private let sleepers: UnsafeMutablePointer<Atomic<UInt32>>

  /// - Parameter address: zeros at first, 4-byte aligned.
  init(_ address: UnsafeMutableRawPointer) {
    unsafe value = address.assumingMemoryBound(to: Atomic<UInt32>.self)
    unsafe sleepers = (address + 4).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  var current: UInt32 { unsafe value.pointee.load(ordering: .acquiring) }

  func isAt(_ target: UInt32) -> Bool { unsafe Int32(bitPattern: current &- target) >= 0 }

  /// Everything that this rank wrote before is seen by who sees the flag raised.
  func raise(to target: UInt32) {
    _ = unsafe value.pointee.exchange(target, ordering: .sequentiallyConsistent)
    unsafe wake()
  }

  /// Adds one, and wakes who waits for `target` if that is reached.
  func increment(target: UInt32) {
    let reached = unsafe value.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue
    if reached == target { unsafe wake() }
  }

  /// Only while nobody waits for it.
  func reset() { unsafe value.pointee.store(0, ordering: .relaxed) }

  private func wake() {
    if unsafe sleepers.pointee.load(ordering: .sequentiallyConsistent) != 0 { unsafe csm_wake(word) }
  }

  /// Sleeps until the flag moves, for at most so long.
  func sleep(below target: UInt32, _ time: Duration) {
    _ = unsafe sleepers.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
    let seen = unsafe value.pointee.load(ordering: .sequentiallyConsistent)
    if Int32(bitPattern: seen &- target) < 0 { unsafe csm_sleep(word, seen, Int(time / .nanoseconds(1))) }
    _ = unsafe sleepers.pointee.wrappingSubtract(1, ordering: .sequentiallyConsistent)
  }

  private var word: UnsafeMutablePointer<UInt32> {
    unsafe UnsafeMutableRawPointer(value).assumingMemoryBound(to: UInt32.self)
  }
}

/// A counter in shared memory from which ranks take numbers, each number once.
@unsafe struct Ticket {
  private let value: UnsafeMutablePointer<Atomic<UInt32>>

  init(_ address: UnsafeMutableRawPointer) { unsafe value = address.assumingMemoryBound(to: Atomic<UInt32>.self) }

  /// The next number, if it is below `end`.
  func take(below end: Int) -> Int? {
    // A look first: who comes late need not write to a line that others read.
    guard unsafe value.pointee.load(ordering: .relaxed) < UInt32(end) else { return nil }
    let taken = Int(unsafe value.pointee.wrappingAdd(1, ordering: .acquiring).oldValue)
    return taken < end ? taken : nil
  }

  func reset() { unsafe value.pointee.store(0, ordering: .relaxed) }
}

/// How a rank waits for others: it looks again and again while that may be over in microseconds, lets other threads run
/// then, and sleeps in the end, because whoever it waits for may need its core.
struct Patience {
  let looks: Int
  let yields: Int

  /// - Parameter sharesCores: whether the host has fewer cores for its ranks than ranks.
  init(sharesCores: Bool) {
    looks = sharesCores ? 0 : 2000
    yields = sharesCores ? 20 : 100
  }
}
