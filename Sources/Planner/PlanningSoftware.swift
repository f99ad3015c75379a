package import CostModel
import Models

/// Whose training software a plan takes the time of: a framework of the calibration, and one of its releases.
package struct PlanningSoftware: Hashable, Sendable, Codable {
  /// Key of the calibration's constants, such as "megatron".
  package let framework: String
  /// As the fitted runs name it, such as "PyTorch DDP (NGC 22.11)"; nil where none is known.
  package let release: String?

  package init(framework: String, release: String?) {
    self.framework = framework
    self.release = release
  }
}

/// A name of training software that the calibration has no runs of.
package struct UnknownSoftware: Error, Hashable, Sendable, CustomStringConvertible {
  package let name: String
  package let advice: String
  package var description: String { "no fitted run is of the software '\(name)'; \(advice)" }
}

/// The frameworks and releases of the fitted runs.
package struct KnownSoftware: Sendable {
  /// By framework: releases with how many runs are of them.
  private let releases: [String: [String: Int]]

  package init(_ calibration: Calibration) {
    let names = SoftwareEffects.factors.map(\.name)
    let framework = names.firstIndex(of: "framework and arithmetic") ?? 0
    let era = names.firstIndex(of: "framework and era") ?? 0
    var releases: [String: [String: Int]] = [:]
    for keys in calibration.keys {
      guard let key = keys[framework].map(Self.withoutWidth), let release = keys[era] else { continue }
      guard calibration.constants.index(of: "dispatch \(key)") != nil else { continue }
      releases[key, default: [:]][release, default: 0] += 1
    }
    self.releases = releases
  }

  private static func withoutWidth(_ key: String) -> String {
    for width in ["32 bits", "fewer bits"] where key.hasSuffix(" " + width) {
      return String(key.dropLast(width.count + 1))
    }
    return key
  }

  package var frameworks: [String] { releases.keys.sorted() }

  /// A framework, or one of the releases, by name; of a framework the newest release.
  package func named(_ name: String) throws(UnknownSoftware) -> PlanningSoftware {
    let wanted = name.lowercased()
    if let framework = frameworks.first(where: { $0 == wanted }) {
      return PlanningSoftware(framework: framework, release: newest(framework))
    }
    for framework in frameworks {
      if let release = releases[framework]?.keys.first(where: { $0.lowercased() == wanted }) {
        return PlanningSoftware(framework: framework, release: release)
      }
    }
    throw UnknownSoftware(name: name, advice: NearMiss.advice(for: name, among: frameworks))
  }

  /// The release whose name tells the latest date; of equal ones, or where none does, the one of most runs.
  private func newest(_ framework: String) -> String? {
    (releases[framework] ?? [:]).max { a, b in
      (Self.date(a.key), a.value, b.key) < (Self.date(b.key), b.value, a.key)
    }?.key
  }

  /// Year and month of "NGC 22.11", "2022" or "May 2024"; 0 for a name without a date.
  private static func date(_ release: String) -> Double {
    if let match = release.firstMatch(of: /NGC (\d\d)\.(\d\d)/), let year = Double(match.1), let month = Double(match.2)
    {
      return 2000 + year + month / 12
    }
    // A date of about 2016 says that the name is old, not that it is newer than one without.
    guard let match = release.matches(of: /20[0-9][0-9]/).last, let year = Double(match.0), year >= 2019 else {
      return 0
    }
    return year
  }
}
