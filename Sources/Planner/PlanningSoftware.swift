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

/// The frameworks, releases and tasks of the fitted runs.
package struct KnownSoftware: Sendable {
  private struct Release: Hashable {
    let framework: String
    let name: String
  }

  /// By framework: releases with how many runs are of them.
  private var releases: [String: [String: Int]] = [:]
  /// By release and family of model: what was trained for, with how many runs.
  private var tasks: [Release: [String: [String: Int]]] = [:]

  package init(_ calibration: Calibration) {
    for traits in calibration.traits {
      guard let key = traits[.frameworkAndArithmetic], let name = traits[.framework] else { continue }
      let width = key.hasSuffix(" 32 bits") ? "32 bits" : "fewer bits"
      let framework = String(key.dropLast(width.count + 1))
      guard calibration.constants.index(of: "dispatch \(framework)") != nil else { continue }
      releases[framework, default: [:]][name, default: 0] += 1
      guard let task = traits[.task], task.hasPrefix(width), task.hasSuffix(", \(name)"),
        let family = traits[.familyAndAccelerator]?.split(separator: " ").first
      else { continue }
      let words = String(task.dropFirst(width.count).dropLast(name.count + 2).drop { $0 == " " })
      tasks[Release(framework: framework, name: name), default: [:]][String(family), default: [:]][words, default: 0] +=
        1
    }
  }

  package var frameworks: [String] { releases.keys.sorted() }

  /// What most runs of a release on models of the kind trained for; nil where there are none.
  package func task(of software: PlanningSoftware, family: String?) -> String? {
    guard let name = software.release, let family else { return nil }
    let counts = tasks[Release(framework: software.framework, name: name)]?[family] ?? [:]
    return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
  }

  /// A framework, or one of the releases, by name; of a framework the newest release, of those that models of `family`
  /// were run with if there are any.
  package func named(_ name: String, family: String? = nil) throws(UnknownSoftware) -> PlanningSoftware {
    let wanted = name.lowercased()
    if let framework = frameworks.first(where: { $0 == wanted }) {
      let all = releases[framework] ?? [:]
      let own = all.filter { release, _ in
        family.map { tasks[Release(framework: framework, name: release)]?[$0] != nil } ?? false
      }
      return PlanningSoftware(framework: framework, release: Self.newest(own.isEmpty ? all : own))
    }
    for framework in frameworks {
      if let release = releases[framework]?.keys.first(where: { $0.lowercased() == wanted }) {
        return PlanningSoftware(framework: framework, release: release)
      }
    }
    throw UnknownSoftware(name: name, advice: NearMiss.advice(for: name, among: frameworks))
  }

  /// The release whose name tells the latest date; of equal ones, or where none does, the one of most runs.
  private static func newest(_ releases: [String: Int]) -> String? {
    releases.max { a, b in
      (date(a.key), a.value, b.key) < (date(b.key), b.value, a.key)
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
