import CSharedMemory
import Foundation

/// Memory that the ranks of one host share: a part for each of them, which all of them read and write.
///
/// It is a file without a name that each rank maps, so it is gone as soon as its ranks let go of it or end, however they
/// end. `MPI_Win_allocate_shared` would need all ranks to free it together.
@safe package final class SharedMemory: @unchecked Sendable {
  /// The ranks of the group that share it, ascending.
  package let ranks: [Int]
  /// Where this rank is among them.
  package let place: Int
  /// Whether the group has ranks on other hosts, which share memory of their own.
  package let coversGroup: Bool
  private let base: UnsafeMutableRawPointer
  private let mappedBytes: Int
  private let starts: [Int]
  private let byteCounts: [Int]

  init(
    ranks: [Int], place: Int, coversGroup: Bool, base: UnsafeMutableRawPointer, mappedBytes: Int, starts: [Int],
    byteCounts: [Int]
  ) {
    self.ranks = ranks
    self.place = place
    self.coversGroup = coversGroup
    unsafe self.base = unsafe base
    self.mappedBytes = mappedBytes
    self.starts = starts
    self.byteCounts = byteCounts
  }

  deinit { _ = unsafe munmap(base, mappedBytes) }

  /// The part of the rank at `place` of `ranks`: zeros at first. It begins at a page.
  ///
  /// The memory is gone with this object. Who reads what another rank writes must have waited for it.
  package func part(_ place: Int) -> UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(start: base + starts[place], count: byteCounts[place])
  }

  /// The part of this rank, as floats.
  package var floats: UnsafeMutableBufferPointer<Float> { unsafe part(place).bindMemory(to: Float.self) }
}

extension Group {
  /// Allocates memory that the ranks of this host share. Collective.
  ///
  /// - Parameter byteCount: of this rank's part; ranks may ask for different sizes.
  /// - Throws: `.failed` on every rank if one of them cannot allocate or map it, with the reason of that rank.
  package func sharedMemory(byteCount: Int) throws(GroupError) -> SharedMemory {
    let hosts = try hostIndices()
    let ranks = (0..<rankCount).filter { hosts[$0] == hosts[rank] }
    let wanted = try allGatherCounts(byteCount)
    var starts: [Int] = []
    var end = 0
    for rank in ranks {
      starts.append(end)
      end += (wanted[rank] + Page.byteCount - 1) / Page.byteCount * Page.byteCount
    }
    let mappedBytes = max(end, Page.byteCount)
    // The first rank of each host makes the file; the others find it through that process.
    let isFirst = ranks[0] == rank
    let made: Result<MemoryFile, Reason> = isFirst ? MemoryFile.make(byteCount: mappedBytes) : .success(MemoryFile())
    let processes = try allGatherCounts(Int(getpid()))
    let files = try allGatherCounts(Int((try? made.get().descriptor) ?? -1))
    var outcome: Result<MappedFile, Reason>
    switch made {
    case .failure(let reason): outcome = .failure(reason)
    case .success(let own):
      outcome =
        files[ranks[0]] < 0
        ? .failure(Reason("the first rank of its host has no memory to share"))
        : withExtendedLifetime(own) {
          MappedFile.open(process: processes[ranks[0]], descriptor: files[ranks[0]], byteCount: mappedBytes)
        }
    }
    let place = ranks.firstIndex(of: rank) ?? 0
    if case .success(let mapped) = outcome, let failed = mapped.reserve(starts[place], wanted[rank]) {
      outcome = .failure(failed)
    }
    // Behind this every rank has mapped the file, so it may be closed.
    let reasons = try gatherTexts(outcome.reason)
    withExtendedLifetime(made) {}
    if let failed = reasons.firstIndex(where: { !$0.isEmpty }) {
      throw GroupError(
        .failed, "rank \(failed) shares no memory of \(mappedBytes) bytes: \(reasons[failed])",
        remedy: "see that the host has so much memory free and lets the ranks share it")
    }
    guard case .success(let mapped) = outcome else { preconditionFailure("a failure without a reason") }
    return unsafe SharedMemory(
      ranks: ranks, place: place, coversGroup: ranks.count == rankCount, base: mapped.take(), mappedBytes: mappedBytes,
      starts: starts, byteCounts: ranks.map { wanted[$0] })
  }

  /// For each rank a number that it has in common with the ranks it can share memory with. Collective.
  package func hostIndices() throws(GroupError) -> [Int] {
    var names: [String] = []
    return try gatherTexts(hostName + " " + Page.kernelIdentity).map { name in
      if !names.contains(name) { names.append(name) }
      return names.firstIndex(of: name) ?? 0
    }
  }

  /// The texts of all ranks, by rank, on every rank. Collective.
  func gatherTexts(_ text: String) throws(GroupError) -> [String] {
    let own = Array(text.utf8)
    let counts = try allGatherCounts(own.count)
    var all = [UInt8](repeating: 0, count: counts.reduce(0, +))
    var span = all.mutableSpan
    try allGather(own.span, into: &span, counts: counts)
    var start = 0
    return counts.map { count in
      defer { start += count }
      return String(decoding: all[start..<start + count], as: UTF8.self)
    }
  }
}

/// Why a rank has no memory to share.
struct Reason: Error {
  let text: String

  init(_ text: String) { self.text = text }

  static func last(_ call: String) -> Reason { Reason("\(call): \(unsafe String(cString: strerror(errno)))") }
}

extension Result where Failure == Reason {
  var reason: String { if case .failure(let reason) = self { reason.text } else { "" } }
}

private enum Page {
  static let byteCount = Int(sysconf(Int32(_SC_PAGESIZE)))

  /// Equal for two processes exactly if one can open the files of the other: the same boot and the same process numbers.
  static let kernelIdentity: String = {
    let boot = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? ""
    let processes = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? ""
    return boot.trimmingCharacters(in: .whitespacesAndNewlines) + " " + processes
  }()
}

/// The owner of the descriptor of a memory file; of none in ranks that use another's.
private final class MemoryFile {
  let descriptor: Int32

  init(descriptor: Int32 = -1) { self.descriptor = descriptor }

  deinit { if descriptor >= 0 { close(descriptor) } }

  static func make(byteCount: Int) -> Result<MemoryFile, Reason> {
    let descriptor = csm_memory_file()
    guard descriptor >= 0 else { return .failure(.last("memfd_create")) }
    let file = MemoryFile(descriptor: descriptor)
    guard ftruncate(descriptor, byteCount) == 0 else { return .failure(.last("ftruncate")) }
    return .success(file)
  }
}

/// The owner of a mapping, until it is taken.
@safe private final class MappedFile {
  private var base: UnsafeMutableRawPointer?
  private let byteCount: Int
  private let descriptor: Int32

  private init(base: UnsafeMutableRawPointer, byteCount: Int, descriptor: Int32) {
    unsafe self.base = unsafe base
    self.byteCount = byteCount
    self.descriptor = descriptor
  }

  deinit {
    close(descriptor)
    if let base = unsafe base { _ = unsafe munmap(base, byteCount) }
  }

  static func open(process: Int, descriptor: Int, byteCount: Int) -> Result<MappedFile, Reason> {
    let file = unsafe Glibc.open("/proc/\(process)/fd/\(descriptor)", O_RDWR | O_CLOEXEC)
    guard file >= 0 else { return .failure(.last("opening the memory of process \(process)")) }
    guard let base = unsafe csm_map(file, byteCount) else {
      close(file)
      return .failure(.last("mmap"))
    }
    return .success(unsafe MappedFile(base: base, byteCount: byteCount, descriptor: file))
  }

  /// Has the kernel find the pages of a part now, near the calling rank, instead of ending the process at a first access
  /// for which there is none.
  func reserve(_ start: Int, _ count: Int) -> Reason? {
    guard count > 0 else { return nil }
    let status = posix_fallocate(descriptor, start, count)
    return status == 0 ? nil : Reason("\(count) bytes: \(unsafe String(cString: strerror(status)))")
  }

  func take() -> UnsafeMutableRawPointer {
    guard let taken = unsafe base else { preconditionFailure("a mapping is taken once") }
    unsafe csm_populate(taken, byteCount)
    unsafe base = nil
    return unsafe taken
  }
}
