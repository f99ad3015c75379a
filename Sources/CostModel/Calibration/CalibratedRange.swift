package import Catalog

/// What the fitted runs reach, by accelerator: a plan beyond it is outside calibration.
package struct CalibratedRange: Hashable, Sendable {
  package struct Reach: Hashable, Sendable {
    package fileprivate(set) var runs = 0
    /// At most.
    package fileprivate(set) var nodes = 1
    /// Of models, least and most; nil where no run says.
    package fileprivate(set) var parameters: ClosedRange<Double>?
  }

  /// By family of accelerator, as `Device.key` has it: "a100".
  package private(set) var reaches: [String: Reach] = [:]
  /// Of models on any accelerator.
  package private(set) var parameters: ClosedRange<Double>?

  /// - Parameters:
  ///   - runs: among them those that the calibration was fitted to.
  ///   - ids: the names of these.
  package init(_ runs: [PublishedRun], ids: Set<String>, catalog: Catalog) {
    var families: [String: String] = [:]
    for run in runs where ids.contains(run.id) {
      // Few kinds of accelerator: each is looked up once.
      let text = [run.accelerator, run["accel_mem_GB"], run.platform].joined(separator: "|")
      if families[text] == nil {
        let accelerator = try? RunHardware.accelerator(run, catalog)
        families[text] = accelerator.map { String($0.key.prefix { $0 != "-" }) } ?? ""
      }
      guard let family = families[text], !family.isEmpty else { continue }
      var reach = reaches[family] ?? Reach()
      reach.runs += 1
      reach.nodes = max(reach.nodes, run.number("nodes").map { Int($0.rounded(.up)) } ?? 1)
      if let billions = run.number("params_B"), billions > 0 {
        reach.parameters = Self.widened(reach.parameters, billions * 1e9)
        parameters = Self.widened(parameters, billions * 1e9)
      }
      reaches[family] = reach
    }
  }

  private static func widened(_ range: ClosedRange<Double>?, _ value: Double) -> ClosedRange<Double> {
    guard let range else { return value...value }
    return min(range.lowerBound, value)...max(range.upperBound, value)
  }
}
