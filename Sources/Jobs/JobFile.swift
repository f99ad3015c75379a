package import Datasets
import Foundation
package import ModelGraph
package import Models

/// A job with the file it was read from, so that what goes wrong later still finds its line.
package struct JobFile: Hashable, Sendable {
  package private(set) var job: Job
  private let located: LocatedText
  private let layers: [String: LayerReader.Found]

  /// Reads and checks the file at `path`.
  ///
  /// Paths in the file are relative to its directory.
  /// - Throws: `InvalidJob` with all problems of the file.
  package init(path: String) throws(InvalidJob) {
    let text = try SourceText.read(
      path: path, kind: "a job file", example: "cluster/jobs/lenet5-fashion-mnist.yaml")
    try self.init(yaml: text, file: path)
  }

  /// Reads and checks the text of a job file.
  ///
  /// - Parameter file: its path, for error texts and for the paths in it.
  /// - Throws: `InvalidJob` with all problems of the text.
  package init(yaml: String, file: String) throws(InvalidJob) {
    let source = SourceText(file: file, text: yaml)
    let root = try YAMLNode.parse(source)
    let findings = Findings(source: source)
    let here = URL(fileURLWithPath: FileManager.default.currentDirectoryPath, isDirectory: true)
    var reader = JobReader(
      findings: findings, directory: URL(fileURLWithPath: file, relativeTo: here).deletingLastPathComponent())
    let job = reader.job(root)
    guard findings.problems.isEmpty, let job else { throw InvalidJob(findings.sortedProblems) }
    self.job = job
    located = LocatedText(source: source, places: findings.places)
    layers = reader.layers
  }

  /// A problem with the value of a key, such as a file of `data.train.images` that is not what it should be.
  ///
  /// - Parameter key: the path of a key. One that the file leaves out is reported at the nearest key around it.
  package func problem(at key: String, _ message: String) -> JobProblem {
    located.problem(at: key, message)
  }

  /// A model that does not fit the data, or cannot be, at the line of its layer.
  package func problem(for error: GraphError) -> JobProblem {
    // A parameter is named after its layer: `c1.weight`.
    let owner = error.layer.lastIndex(of: ".").map { String(error.layer[..<$0]) }
    if let layer = layers[error.layer] ?? owner.flatMap({ layers[$0] }) {
      let setting = error.key.flatMap { located.places["model.layers.\(layer.number).\($0)"] }
      return located.source.problem(setting ?? layer.place, error.description)
    }
    if error.layer == ModelSpecification.lossName, error.code != .notDifferentiable {
      let setting = error.key.map { "training.\($0)" }.flatMap { located.places[$0] == nil ? nil : $0 }
      return problem(at: setting ?? "training.loss", error.description)
    }
    let model = ["model.layers", "model.transformer", "model.zoo"].first { located.places[$0] != nil } ?? "model"
    let setting = error.key.map { "\(model).\($0)" }.flatMap { located.places[$0] == nil ? nil : $0 }
    return problem(at: setting ?? model, error.description)
  }

  /// The job's graph for one shard.
  /// - Throws: `InvalidJob` at the line of the layer that does not fit.
  package func trainingGraph(for data: DataDescription) throws(InvalidJob) -> Graph {
    do {
      return try job.trainingGraph(for: data)
    } catch let error as GraphError {
      throw InvalidJob([problem(for: error)])
    } catch {
      throw InvalidJob([problem(at: "model", "\(error)")])
    }
  }
}

extension JobFile {
  /// The same file with another number of epochs, as the command line may ask.
  package func training(epochs: Int?) -> JobFile {
    guard let epochs else { return self }
    var copy = self
    copy.job.training.epochs = epochs
    return copy
  }

  /// The same file with other layers.
  package func training(layers: [LayerSpecification]) -> JobFile {
    var copy = self
    copy.job.model = .layers(layers)
    return copy
  }

  /// The same file with a batch of `batch` samples in one shard, to look at its network on a few samples.
  package func training(batch: Int) -> JobFile {
    var copy = self
    copy.job.training.batch = batch
    copy.job.training.shards = 1
    return copy
  }
}
