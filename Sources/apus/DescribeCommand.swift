import ArgumentParser
import Datasets
import Execution
import Foundation
import Jobs
import ModelGraph
import Models
import Training
import Units

struct DescribeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe",
    abstract: "Show a model: layers, shapes, parameters, FLOPs, memory.",
    discussion: """
      Counts the graph that training runs: forward, loss and backward of one shard, or of --batch samples of a zoo \
      model. A multiply-add is two FLOP. "saved" is what backward reads again. Equal blocks of a transformer are shown \
      once: numbers are those of one of them, the total is of all.

      Examples:
        apus describe lenet5
        apus describe mlp --batch 128 --json
        apus describe resnet152 --depth 1
        apus describe gpt3-175b --batch 4
        apus describe cluster/jobs/dropout-fashion-mnist.yaml
      """)

  @Argument(
    help: ArgumentHelp(
      "A job file or a zoo model: \(Zoo.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "model|job"))
  var subject: String

  @Option(help: "Samples; default: 64 for a zoo model, 1 for a transformer, a shard for a job.")
  var batch: Int?

  @Option(
    help: "Shape of a sample, such as 1x28x28, or 2048 tokens; default: that for a zoo model, the data's for a job.")
  var input: String?

  @Option(
    help: """
      Parts of a layer's name, between dots or slashes, that make a row; default: all. 1 shows a ResNet by stage, a \
      transformer by block.
      """)
  var depth: Int?

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if let depth, depth < 1 { throw ValidationError("--depth \(depth): show at least one part of a name") }
    if let batch, batch < 1 { throw ValidationError("--batch \(batch): describe at least one sample") }
    if input != nil, sampleShape == nil {
      throw ValidationError("--input '\(input ?? "")' is no shape; write channels x height x width, such as 1x28x28")
    }
  }

  private var sampleShape: Shape? {
    guard
      let parts = input?.lowercased().replacing("×", with: "x").split(
        separator: "x", omittingEmptySubsequences: false)
    else { return nil }
    let numbers = parts.compactMap { Int($0) }.filter { $0 > 0 }
    return numbers.count == parts.count && !numbers.isEmpty ? Shape(numbers) : nil
  }

  func run() throws {
    var description = try isJobFile ? describeJob() : describeZoo()
    if let depth { description.summary = description.summary.grouped(depth: depth) }
    Console.print(json ? try JSONOutput.text(description) : description.text)
    for warning in description.warnings { Console.complain("warning: \(warning)") }
  }

  /// A zoo name is that model, whatever lies in the working directory; ./lenet5 is the file.
  private var isJobFile: Bool {
    guard Zoo(rawValue: subject) == nil else { return false }
    return subject.hasSuffix(".yaml") || subject.hasSuffix(".yml") || subject.contains("/")
      || FileManager.default.fileExists(atPath: subject)
  }

  private func describeZoo() throws -> ModelDescription {
    let zoo = try Zoo(named: subject)
    let model = zoo.model()
    let samples = batch ?? (zoo.transformer == nil ? 64 : 1)
    let graph = try model.trainingGraph(
      sampleShape: zoo.sampleShape(sampleShape), shardSamples: samples, globalBatch: samples, loss: zoo.usualLoss)
    return try ModelDescription(name: subject, samples: samples, graph: graph, training: nil)
  }

  private func describeJob() throws -> ModelDescription {
    let file = try JobFile(path: subject)
    let job = file.job
    let data = try description(file)
    guard let batch else {
      return try ModelDescription(
        name: job.name, samples: job.training.shardSamples, graph: try file.trainingGraph(for: data),
        training: job.training)
    }
    do {
      let graph = try job.modelSpecification(for: data).trainingGraph(
        sampleShape: data.sampleShape, shardSamples: batch, globalBatch: batch, loss: job.training.loss,
        carriesState: job.training.carriesState)
      return try ModelDescription(name: job.name, samples: batch, graph: graph, training: job.training)
    } catch let error as GraphError {
      throw InvalidJob([file.problem(for: error)])
    }
  }
}

extension DescribeCommand {
  /// What the job's data are, which are read unless shape and classes are given.
  private func description(_ file: JobFile) throws -> DataDescription {
    guard let sampleShape else { return try JobData.description(file) }
    if let classes = file.job.data.source.declaredClasses {
      return DataDescription(SampleShape(sampleShape), classes: classes.names.count)
    }
    let data = try JobData.description(file)
    let element = data.sampleShape.fields[0].type.elementType
    let input = SampleField(SampleShape.inputName, sampleShape, element)
    return DataDescription(
      SampleShape(fields: [input] + data.sampleShape.fields.dropFirst()), data.target,
      vocabularySizes: data.vocabularySizes)
  }
}

/// A model by layer, and the memory of a step by component.
private struct ModelDescription: Encodable {
  struct Memory: Encodable {
    let parameters: Bytes
    let gradients: Bytes
    /// Nil for a zoo model, which has no optimizer.
    let optimizerStates: Bytes?
    /// Activations, gradients between layers, inputs and scratchpads of the compiled program, at their peak; nil for a
    /// model without kernels.
    let workspace: Bytes?
  }

  let name: String
  let samples: Int
  var summary: GraphSummary
  let memory: Memory
  /// The first operation that has no kernel yet, so that the model cannot be trained; nil for one that can.
  let missingKernel: String?
  let warnings: [GraphWarning]

  init(name: String, samples: Int, graph: Graph, training: TrainingSpecification?) throws {
    self.name = name
    self.samples = samples
    summary = GraphSummary(graph)
    warnings = graph.warnings
    missingKernel = graph.firstNodeWithoutKernel?.operation.name
    let compiled =
      missingKernel == nil ? try CompiledGraph(graph, precision: training?.precision ?? .float32) : nil
    let count = compiled.map(ParameterStore.elementCount) ?? graph.parameterCount
    memory = Memory(
      parameters: Bytes(4 * count), gradients: Bytes(4 * (count + ParameterStore.tailCount)),
      optimizerStates: training.map { Bytes(4 * count * $0.optimizer.optimizer.stateCount) },
      workspace: compiled.map { Bytes($0.workspaceByteCount) })
  }

  var text: String {
    var parts = ["parameters \(memory.parameters)", "gradients \(memory.gradients)"]
    if let states = memory.optimizerStates { parts.append("optimizer \(states)") }
    parts.append(memory.workspace.map { "workspace \($0)" } ?? "saved activations \(summary.savedBytes)")
    let statistics =
      summary.statisticCount == 0
      ? ""
      : "statistics: \(summary.statisticCount.grouped) running means and variances, which are observed, not learned\n"
    let missing = missingKernel.map { "\nnot trained yet: Apus has no kernel for '\($0)'" } ?? ""
    return """
      \(name), \(samples) \(samples == 1 ? "sample" : "samples")

      \(table)

      \(statistics)memory of a step: \(parts.joined(separator: ", "))\(missing)
      """
  }

  private var table: String {
    let rows = summary.rows
    let hasBlocks = rows.contains { $0.count > 1 }
    var table = TextTable(
      [("layer", .left)] + (hasBlocks ? [("times", .right)] : []) + [
        ("operations", .left), ("output", .left), ("parameters", .right), ("forward", .right), ("backward", .right),
        ("output bytes", .right), ("saved", .right),
      ])
    for row in rows {
      let layer = row.layer
      let count = hasBlocks ? [row.count == 1 ? "" : "×\(row.count)"] : []
      table.append(
        [row.name] + count + [
          layer.operations, layer.output.description,
          layer.parameterCount == 0 ? "–" : layer.parameterCount.grouped, layer.forward.description,
          layer.backward.description, layer.outputBytes.description, layer.savedBytes.description,
        ])
    }
    table.rule()
    table.append(
      ["total", ""] + (hasBlocks ? [""] : []) + [
        "", summary.parameterCount.grouped, summary.forward.description, summary.backward.description, "",
        summary.savedBytes.description,
      ])
    return table.text
  }
}
