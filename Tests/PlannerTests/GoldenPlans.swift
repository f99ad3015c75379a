import Catalog
import CostModel
import Foundation
import Jobs
import Planner
import Units

/// A job, and what is asked of it.
struct GoldenQuestion: Sendable, CustomStringConvertible {
  let job: String
  let instances: [String]
  let nodes: [Int]
  var objective = PlanRequest.Objective.cost

  var description: String { job }

  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

  /// From a network of sixty thousand parameters on the smallest instance to 175 billion on a thousand accelerators.
  static let all: [GoldenQuestion] = [
    GoldenQuestion(job: "lenet5", instances: ["g5g.xlarge", "p3.2xlarge"], nodes: [1]),
    GoldenQuestion(job: "lstm", instances: ["g5.xlarge", "g4dn.xlarge", "p3.2xlarge"], nodes: [1]),
    GoldenQuestion(job: "resnet50", instances: ["p3.16xlarge", "g4dn.12xlarge", "p4d.24xlarge"], nodes: [1, 2, 4]),
    GoldenQuestion(job: "bert-large", instances: ["p3dn.24xlarge", "p4d.24xlarge"], nodes: [4], objective: .time),
    GoldenQuestion(job: "gpt2-xl", instances: ["p4d.24xlarge"], nodes: [8, 16]),
    GoldenQuestion(job: "llama-2-7b", instances: ["p4d.24xlarge", "trn1.32xlarge"], nodes: [4, 8]),
    GoldenQuestion(job: "t5-11b", instances: ["p4d.24xlarge", "p5.48xlarge"], nodes: [8]),
    GoldenQuestion(job: "mixture", instances: ["p4d.24xlarge", "p5.48xlarge"], nodes: [8]),
    GoldenQuestion(job: "gpt-22b", instances: ["p4d.24xlarge", "p4de.24xlarge"], nodes: [1]),
    GoldenQuestion(job: "llama-2-70b", instances: ["p5.48xlarge"], nodes: [32, 64], objective: .time),
    GoldenQuestion(job: "gpt3-175b", instances: ["p4d.24xlarge", "p4de.24xlarge"], nodes: [128], objective: .time),
  ]

  func load() throws -> Job { try JobFile(path: Self.folder.appending(path: "\(job).yaml").path).job }

  func plan(_ catalog: Catalog) throws -> (plan: Plan, model: JobModel) {
    let job = try load()
    guard let data = job.plannedDescription, let samples = job.plannedSampleCount else {
      throw GoldenProblem(message: "\(self.job).yaml plans no data")
    }
    let model = try JobModel(job, data: data, catalog: catalog, calibration: try Calibration.shipped())
    let request = PlanRequest(
      globalBatch: job.training.batch, sequence: model.sequence,
      length: .epochs(job.training.epochs, samples: samples), objective: objective)
    let groups = try CatalogGroups(catalog, names: instances, nodeCounts: nodes)
    return (
      Planner(model, request).plan(job: job.name, groups: groups.groups, rejections: groups.rejections), model
    )
  }
}

struct GoldenProblem: Error { let message: String }

/// What a golden file keeps of a plan: words to the letter, figures to `precision`.
struct GoldenPlan: Codable, Equatable, Sendable {
  struct Entry: Codable, Equatable, Sendable {
    let nodes: String
    let layout: String
    let stepSeconds: Double
    let dollars: Double
    let gibibytes: Double

    init(_ entry: PlanEntry) {
      nodes = entry.group.description
      layout = entry.layout.description
      stepSeconds = Self.rounded(entry.step.count)
      dollars = Self.rounded(entry.cost.dollars)
      gibibytes = Self.rounded(Double(entry.memory.components.total.count) / 0x1p30)
    }

    /// Three digits.
    private static func rounded(_ value: Double) -> Double {
      guard value > 0 else { return 0 }
      let scale = pow(10, 2 - log10(value).rounded(.down))
      return (value * scale).rounded() / scale
    }
  }

  /// A refit that moves a figure by less gives the same plan.
  static let precision = 0.02

  let chosen: Entry?
  let runnerUp: Entry?
  /// Codes and what they are about.
  let rejected: [String]

  init(_ plan: Plan) {
    chosen = plan.chosen.map(Entry.init)
    runnerUp = plan.runnerUp.map(Entry.init)
    rejected = plan.rejections.map { "\($0.subject): \($0.code.rawValue)" }.sorted()
  }

  /// What differs, in words; empty if nothing does.
  func differences(from other: GoldenPlan) -> [String] {
    var result: [String] = []
    if rejected != other.rejected { result.append("rejected \(rejected), not \(other.rejected)") }
    for (name, mine, theirs) in [("chosen", chosen, other.chosen), ("runner-up", runnerUp, other.runnerUp)] {
      guard let mine, let theirs else {
        if mine != theirs { result.append("\(name): \(mine?.layout ?? "none"), not \(theirs?.layout ?? "none")") }
        continue
      }
      if mine.nodes != theirs.nodes { result.append("\(name): on \(mine.nodes), not \(theirs.nodes)") }
      if mine.layout != theirs.layout { result.append("\(name): \(mine.layout), not \(theirs.layout)") }
      for (figure, a, b) in [
        ("seconds a step", mine.stepSeconds, theirs.stepSeconds), ("dollars", mine.dollars, theirs.dollars),
        ("GiB", mine.gibibytes, theirs.gibibytes),
      ] where abs(a / b - 1) > Self.precision { result.append("\(name): \(a) \(figure), not \(b)") }
    }
    return result
  }
}
