import Collectives
import Foundation

/// What several ranks report.
final class Seen: @unchecked Sendable {
  private let lock = NSLock()
  private var gathered: [any Sendable] = []

  func add(_ value: any Sendable) { lock.withLock { gathered.append(value) } }

  var errors: [GroupError] { lock.withLock { gathered.compactMap { $0 as? GroupError } } }
  var words: [String] { lock.withLock { gathered.compactMap { $0 as? String } } }
}

/// Long enough for another thread to get to where it waits.
func pause() { Thread.sleep(forTimeInterval: 0.03) }
