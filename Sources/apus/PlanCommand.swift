import ArgumentParser
import Catalog
import CostModel
import Datasets
import Foundation
import Jobs
import Planner
import Training
import Units

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Plan a training: which instances, which layout, how long, what it costs.",
    discussion: """
      Nothing is launched and no accelerator is needed. Searches every legal layout on each group of nodes, and ranks \
      the fastest of each by what the whole training costs or how long it takes. What is given here as a degree or an \
      option of the layout is kept.

      Examples:
        apus plan job.yaml
        apus plan job.yaml --instances p4d.24xlarge,trn1.32xlarge --nodes 1,2,4,8 --explain
        apus plan job.yaml --objective time --budget 5000 --html plan.html
        apus plan job.yaml --tensor 8 --recomputation none --json
      """)

  @Argument(help: "The job file.")
  var job: String

  @Option(help: "Instance types, by comma; default: all of the catalog that train and can be launched.")
  var instances: String?

  @Option(help: "Numbers of nodes, by comma; default: 1, 2, 4 … 512.")
  var nodes: String?

  @Option(help: "Rank by cost or by time.")
  var objective = PlanRequest.Objective.cost

  @Option(help: "Hours within which the training must be done.")
  var deadline: Double?

  @Option(help: "US dollars that the training may cost.")
  var budget: Double?

  @Option(help: "How instances are bought: \(Price.Kind.allCases.map(\.rawValue).joined(separator: ", ")).")
  var purchase = Price.Kind.onDemand

  @Option(help: "Region of the prices.")
  var region = Price.defaultRegion

  @OptionGroup(title: "Layout") var layout: LayoutOptions

  @OptionGroup var options: CatalogOptions

  @Flag(help: "Print the terms of the chosen plan's step, its memory, and why others were not chosen.")
  var explain = false

  @Flag(help: "Print JSON.")
  var json = false

  @Option(help: ArgumentHelp("Write a page with plots to FILE.", valueName: "file"))
  var html: String?

  func validate() throws {
    if let deadline, !(deadline > 0) { throw ValidationError("--deadline \(deadline): give hours above 0") }
    if let budget, !(budget > 0) { throw ValidationError("--budget \(budget): give dollars above 0") }
    if nodes != nil, nodeCounts == nil {
      throw ValidationError("--nodes '\(nodes ?? "")': write whole numbers from 1, by comma, such as 1,2,4")
    }
    try layout.check()
  }

  private var nodeCounts: [Int]? {
    guard let nodes else { return nil }
    let parts = nodes.split(separator: ",", omittingEmptySubsequences: false)
    let counts = parts.compactMap { Int($0) }.filter { $0 >= 1 && $0 <= 1 << 16 }
    return counts.count == parts.count && !counts.isEmpty ? counts : nil
  }

  func run() throws {
    let catalog = try options.load()
    let file = try JobFile(path: job)
    let (model, request) = try prepare(file, catalog)
    let names = instances.map { $0.split(separator: ",").map { String($0.filter { $0 != " " }) } }
    let candidates = try CatalogGroups(
      catalog, names: names, nodeCounts: nodeCounts ?? CatalogGroups.powersOfTwo, purchase: purchase, region: region)
    let plan = Planner(model, request).plan(
      job: file.job.name, groups: candidates.groups, rejections: candidates.rejections)
    if let html {
      try Data(PlanPage(plan).html.utf8).write(to: URL(filePath: html), options: .atomic)
      Console.complain("wrote \(html)")
    }
    Console.print(json ? try JSONOutput.text(plan) : PlanText(plan, explains: explain).text)
    if !plan.isFeasible { throw ExitCode(ExitStatus.noFeasiblePlan.rawValue) }
  }

  private func prepare(_ file: JobFile, _ catalog: Catalog) throws -> (JobModel, PlanRequest) {
    let job = file.job
    let data = try job.plannedDescription ?? JobData.description(file)
    let samples = try job.plannedSampleCount ?? JobData(file).training.count
    let model = try JobModel(job, data: data, catalog: catalog, calibration: try Calibration.shipped())
    let request = PlanRequest(
      globalBatch: job.training.batch, sequence: model.sequence,
      length: .epochs(job.training.epochs, samples: samples), objective: objective,
      deadline: deadline.map { Seconds(hours: $0) }, budget: budget.map { Money(dollars: $0) },
      choices: layout.choices)
    return (model, request)
  }
}

extension PlanRequest.Objective: ExpressibleByArgument {}
extension Price.Kind: ExpressibleByArgument {}
extension Recomputation: ExpressibleByArgument {}

/// Choices of a layout; what is left out is the planner's.
struct LayoutOptions: ParsableArguments {
  @Option(help: "Ranks that share each layer.") var tensor: Int?
  @Option(help: "Ranks that share each sequence.") var context: Int?
  @Option(help: "Stages of layers.") var pipeline: Int?
  @Option(help: "Replicas.") var data: Int?
  @Option(help: "Ranks that share the experts of a layer.") var expert: Int?
  @Option(help: "Pieces of the model that each stage holds.") var virtualStages: Int?
  @Option(help: "Samples that a replica computes at a time.") var microBatch: Int?
  @Option(help: "Stage of ZeRO, 0 to 3.") var zero: Int?
  @Option(help: "none, selective or full.") var recomputation: Recomputation?

  var choices: LayoutChoices {
    var choices = LayoutChoices()
    choices.tensor = tensor
    choices.context = context
    choices.pipeline = pipeline
    choices.data = data
    choices.expert = expert
    choices.virtualStages = virtualStages
    choices.microBatch = microBatch
    choices.zeroStage = zero
    choices.recomputation = recomputation
    return choices
  }

  func check() throws {
    let degrees = [
      ("tensor", tensor), ("context", context), ("pipeline", pipeline), ("data", data), ("expert", expert),
      ("virtual-stages", virtualStages), ("micro-batch", microBatch),
    ]
    for (name, degree) in degrees {
      if let degree, degree < 1 { throw ValidationError("--\(name) \(degree): give a whole number from 1") }
    }
    if let zero, !(0...3).contains(zero) { throw ValidationError("--zero \(zero): there are stages 0 to 3") }
  }
}
