import ArgumentParser
import Catalog
import CostModel
import Datasets
import Foundation
import Jobs
import ModelGraph
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
      option of the layout is kept. Exit code 4, with the nearest plans, if nothing is feasible.

      Examples:
        apus plan job.yaml
        apus plan job.yaml --instances p4d.24xlarge --nodes 1,2,4 --explain
        apus plan job.yaml --cluster inventory.yaml --objective time
        apus plan job.yaml --purchase on-demand,spot --spot-discount 60
        apus plan job.yaml --deadline 24 --budget 5000 --html plan.html
        apus plan job.yaml --tensor 8 --recomputation none --json
      """)

  @Argument(help: "The job file.")
  var job: String

  @OptionGroup(title: "Nodes") var nodes: NodeOptions

  @Option(help: "Rank by cost or by time.")
  var objective = PlanRequest.Objective.cost

  @Option(help: ArgumentHelp("Hours within which the training must be done.", valueName: "hours"))
  var deadline: Double?

  @Option(help: ArgumentHelp("US dollars that the training may cost.", valueName: "dollars"))
  var budget: Double?

  @Option(
    help: """
      Training software whose published speed counts: a framework of the calibration, or one of its releases. Default: \
      megatron for transformers, pytorch for other models, neuron on Trainium.
      """)
  var software: String?

  @OptionGroup(title: "Layout") var layout: LayoutOptions

  @OptionGroup var options: CatalogOptions

  @Flag(help: "Print the terms of the chosen plan's step, its memory, and why each of the others was not chosen.")
  var explain = false

  @Flag(help: "Print JSON: the whole plan, which Apus reads again.")
  var json = false

  @Option(help: ArgumentHelp("Write a page with plots to FILE.", valueName: "file"))
  var html: String?

  func validate() throws {
    if let deadline, !(deadline > 0 && deadline.isFinite) {
      throw ValidationError("--deadline \(deadline): give hours above 0")
    }
    if let budget, !(budget > 0 && budget.isFinite) {
      throw ValidationError("--budget \(budget): give dollars above 0")
    }
    try nodes.check()
    try layout.check()
  }

  func run() throws {
    let catalog = try options.load()
    let (planner, name) = try planner(catalog)
    let candidates = try nodes.candidates(catalog)
    var plan = planner.plan(
      job: name, groups: candidates.groups, rejections: candidates.rejections, mixes: candidates.mixes,
      offers: candidates.offers)
    if !plan.isFeasible {
      plan = planner.offering(plan, groups: candidates.groups, elsewhere: try nodes.elsewhere(catalog))
    }
    if let html { try write(PlanPage(plan), to: html) }
    Console.print(json ? try JSONOutput.text(plan) : PlanText(plan, explains: explain).text)
    if !plan.isFeasible { throw ExitCode(ExitStatus.noFeasiblePlan.rawValue) }
  }

  private func write(_ page: PlanPage, to path: String) throws {
    do {
      try Data(page.html.utf8).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw ValidationError("--html '\(path)' cannot be written; give a file in a folder that you may write to")
    }
    Console.complain("wrote \(path)")
  }

  private func planner(_ catalog: Catalog) throws -> (Planner<JobModel>, String) {
    let file = try JobFile(path: job)
    let job = file.job
    let (data, samples) = try JobData.outline(file)
    let model: JobModel
    do {
      model = try JobModel(
        job, data: data, catalog: catalog, calibration: try Calibration.shipped(), software: software,
        context: layout.context)
    } catch let error as GraphError {
      throw InvalidJob([file.problem(for: error)])
    } catch let error as UnknownSoftware {
      throw ValidationError("--software: \(error)")
    }
    // Batches are whole, as in training.
    var request = PlanRequest(
      globalBatch: job.training.batch, sequence: model.sequence,
      length: .steps(job.training.epochs * (samples / job.training.batch)), objective: objective,
      deadline: deadline.map { Seconds(hours: $0) }, budget: budget.map { Money(dollars: $0) },
      choices: layout.choices)
    request.epochs = job.training.epochs
    request.samples = samples
    request.disturbance = nodes.disturbance(checkpoint: model.checkpoint)
    return (Planner(model, request), job.name)
  }
}

extension PlanRequest.Objective: ExpressibleByArgument {}
extension Recomputation: ExpressibleByArgument {}

/// Choices of a layout; what is left out is the planner's.
struct LayoutOptions: ParsableArguments {
  @Option(help: "Accelerators that share each layer.") var tensor: Int?
  @Option(help: "Accelerators that share each sequence.") var context: Int?
  @Option(help: "Stages of layers.") var pipeline: Int?
  @Option(help: "Replicas of the model.") var data: Int?
  @Option(help: "Accelerators that share the experts of a layer.") var expert: Int?
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
      if let degree, !(1...1 << 20).contains(degree) {
        throw ValidationError("--\(name) \(degree): give a whole number from 1 to \(1 << 20)")
      }
    }
    if let zero, !(0...3).contains(zero) { throw ValidationError("--zero \(zero): there are stages 0 to 3") }
  }
}
