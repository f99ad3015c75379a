package import Datasets
package import Execution
import Foundation
package import Jobs
import ModelGraph
import Safetensors

/// The state of a run between two steps, whole: with the job and the data it determines all that follows.
package struct Checkpoint: Sendable {
  /// What the tensors do not say.
  package struct Header: Hashable, Codable, Sendable {
    package var formatVersion = 1
    /// Steps done.
    package var step: Int
    /// Sum of the losses of the steps done in the epoch at hand, for the epoch's mean.
    package var epochLoss: Double
    /// Fingerprint of the data, as hexadecimal digits.
    package var data: String
    /// The job as resolved, in YAML: a run goes on only under the job that began it.
    package var job: String
    /// How the samples became numbers.
    package var encoding: DataEncoding
    /// The phase that the tensors are of; nil for the only one.
    package var phase: Int?
    package var plateau: PlateauState?
    package var earlyStopping: EarlyStoppingState?
    /// Whether the run has ended and the parameters are those of its best epoch.
    package var isBestRestored: Bool?
    package var health: HealthState?
  }

  package let header: Header
  let file: SafetensorsFile

  init(header: Header, file: SafetensorsFile) {
    self.header = header
    self.file = file
  }

  /// Parameters beside those of the moment: a `/` is in no layer's name.
  package enum Others: String, Sendable {
    /// Of the best epoch, while the run goes on.
    case best
    /// Of the last step, once the best are restored.
    case last
  }

  /// Copies the state out of `store`. Tensors are called as the parameters are, optimizer states
  /// `optimizer.0.PARAMETER`, other parameters `best/PARAMETER` or `last/PARAMETER`, carried states `carried/STATE`; all are
  /// row-major float32.
  /// - Parameters:
  ///   - carried: what all shards hand on to the next step, shard after shard, as `ShardStates` keeps it.
  ///   - states: whole sections of optimizer states where the store has a share only; nil where it has all.
  init(
    header: Header, store: ParameterStore, others: (kind: Others, values: [[Float]])? = nil, carried: [Float] = [],
    states: [[Float]]? = nil
  ) throws {
    var tensors: [SafetensorsFile.Tensor] = []
    for (index, stored) in store.graph.stored.enumerated() {
      let value = store.graph[stored]
      let shape = value.type.shape.dimensions
      tensors.append(try SafetensorsFile.Tensor(name: value.name, shape: shape, store.read(index)))
      for state in 0..<(value.isParameter ? store.stateCount : 0) {
        let elements = try states.map { try store.read(index, of: $0[state]) } ?? store.read(index, .state(state))
        tensors.append(
          try SafetensorsFile.Tensor(name: "optimizer.\(state).\(value.name)", shape: shape, elements))
      }
      if let others {
        tensors.append(
          try SafetensorsFile.Tensor(
            name: "\(others.kind.rawValue)/\(value.name)", shape: shape, others.values[index]))
      }
    }
    tensors += try Self.carriedTensors(carried, of: store.graph)
    let encoder = JSONEncoder()
    // The same state is the same bytes, in any process.
    encoder.outputFormatting = .sortedKeys
    let json = try encoder.encode(header)
    file = try SafetensorsFile(
      metadata: ["apus": String(decoding: json, as: UTF8.self), "format": "pt"], tensors: tensors)
    self.header = header
  }

  package init(decoding bytes: [UInt8]) throws {
    let file = try SafetensorsFile(decoding: bytes, checksum: .required)
    guard let text = file.metadata["apus"], let header = try? JSONDecoder().decode(Header.self, from: Data(text.utf8))
    else {
      throw TrainingError(.invalidInput, "the file is no checkpoint of Apus; give one that 'apus train' wrote")
    }
    self.init(header: header, file: file)
  }

  package var encoded: [UInt8] { file.encode() }

  /// Puts the state into `store`.
  /// - Parameter withOptimizer: false to restore the parameters only, for evaluation.
  /// - Throws: `TrainingError` with `.invalidInput` if the checkpoint is of another model or optimizer.
  package func restore(to store: ParameterStore, withOptimizer: Bool) throws {
    for (index, stored) in store.graph.stored.enumerated() {
      let value = store.graph[stored]
      try store.write(elements(value.name, value.type.shape), to: index)
      guard withOptimizer, value.isParameter else { continue }
      for state in 0..<store.stateCount {
        try store.write(elements("optimizer.\(state).\(value.name)", value.type.shape), to: index, .state(state))
      }
    }
    let known = Set(store.graph.stored.map { store.graph[$0].name })
    if let stranger = file.tensors.first(where: { !Self.isAside($0.name) && !known.contains($0.name) }) {
      throw TrainingError(
        .invalidInput,
        "the checkpoint is of another model: it has a tensor '\(stranger.name)' that this model has not; "
          + "use the job it was trained with")
    }
  }

  /// Puts the parameters that `store` has into it, of which the checkpoint may have more.
  /// - Throws: `TrainingError` with `.invalidInput` if it lacks one or has it in another shape.
  func restoreParameters(to store: ParameterStore) throws {
    for (index, stored) in store.graph.stored.enumerated() {
      let value = store.graph[stored]
      try store.write(elements(value.name, value.type.shape), to: index)
    }
  }

  private static func isAside(_ name: String) -> Bool { name.hasPrefix("optimizer.") || name.contains("/") }

  /// Other parameters, by position in `Graph.stored`; nil if there are none.
  func others(_ kind: Others, for store: ParameterStore) throws -> [[Float]]? {
    guard file.tensors.contains(where: { $0.name.hasPrefix("\(kind.rawValue)/") }) else { return nil }
    return try store.graph.stored.map {
      try elements("\(kind.rawValue)/\(store.graph[$0].name)", store.graph[$0].type.shape)
    }
  }

  /// The parameters by name.
  var parameters: [String: [Float]] {
    get throws {
      try Dictionary(
        uniqueKeysWithValues: file.tensors.filter { !Self.isAside($0.name) }.map {
          ($0.name, try $0.elements(as: Float.self))
        })
    }
  }

  func elements(_ name: String, _ shape: Shape) throws -> [Float] {
    guard let tensor = file.tensors.first(where: { $0.name == name }) else {
      throw TrainingError(
        .invalidInput,
        "the checkpoint is of another model or optimizer: it has no tensor '\(name)'; use the job it was trained with")
    }
    guard tensor.shape == shape.dimensions else {
      throw TrainingError(
        .invalidInput,
        "the checkpoint is of another model: '\(name)' is \(Shape(tensor.shape)) there and \(shape) here; "
          + "use the job it was trained with")
    }
    return try tensor.elements(as: Float.self)
  }
}

extension RunDirectory {
  func save(_ checkpoint: Checkpoint, keep: Int) throws {
    try AtomicFile.write(checkpoint.encoded.span, to: self.checkpoint(step: checkpoint.header.step))
    prune(keep: keep, newest: checkpoint.header.step)
  }

  /// Reads a checkpoint file whole.
  package static func bytes(at path: String) throws -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw TrainingError(.invalidInput, "\(path): the file cannot be read; give the path of a checkpoint")
    }
    return [UInt8](data)
  }

  /// The newest checkpoint that is whole, with those passed over and why; nil if there is none.
  package func newestCheckpoint() -> (checkpoint: Checkpoint?, path: String?, damaged: [String]) {
    var damaged: [String] = []
    for step in checkpointSteps {
      let path = checkpoint(step: step)
      do {
        return (try Checkpoint(decoding: Self.bytes(at: path)), path, damaged)
      } catch {
        damaged.append("\(path): \(error)")
      }
    }
    return (nil, nil, damaged)
  }
}
