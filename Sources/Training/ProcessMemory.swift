import Glibc
package import Units

/// What the kernel says of this process's memory.
package enum ProcessMemory {
  /// Resident pages that no file backs: what the process has written, not the code it has read. Nil where /proc is not
  /// there.
  package static var anonymous: Bytes? { field("RssAnon:") }

  /// The most that was ever resident.
  package static var peak: Bytes? { field("VmHWM:") }

  private static func field(_ name: String) -> Bytes? {
    guard let file = unsafe fopen("/proc/self/status", "r") else { return nil }
    defer { unsafe fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while unsafe fgets(&line, 256, file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard text.hasPrefix(name) else { continue }
      let digits = text.drop { !$0.isNumber }.prefix { $0.isNumber }
      return Int64(digits).map { Bytes($0 * 1024) }
    }
    return nil
  }
}
