import Datasets
package import Execution
package import Jobs
import Kernels
import ModelGraph
import Models

/// Checks a job's gradients on its own data: numeric against analytic in double precision, and the float32 kernels
/// against the analytic ones.
package struct JobGradientCheck: Codable, Sendable {
  package struct Row: Codable, Sendable {
    package let check: GradientReport.ParameterCheck
    package let float32: GradientDifference

    /// The greater of the two errors, as a multiple of what passes.
    package var severity: Double {
      max(
        (check.worst?.relativeError ?? 0) / JobGradientCheck.tolerance,
        float32.relativeError / JobGradientCheck.float32Tolerance)
    }
  }

  /// Of the Double gradients: central differences of a loss near 1 resolve about 1e-9.
  package static let tolerance = 1e-5
  /// Of the float32 gradients, relative to the largest of the tensor.
  package static let float32Tolerance = 1e-4

  package let job: String
  package let samples: Int
  /// The worst offender first.
  package let rows: [Row]

  package var isPassed: Bool { rows.allSatisfy { $0.severity <= 1 } }

  /// - Parameters:
  ///   - samples: how many of the first training samples, in the order of the first epoch.
  ///   - samplesPerParameter: elements of each tensor that are looked at; nil for all.
  /// - Throws: `InvalidJob` for a wrong job or data.
  package init(_ file: JobFile, samples: Int, samplesPerParameter: Int?, threads: Int) throws {
    Threads.use(threads)
    let data = try JobData(file)
    let job = file.job
    let shrunk = file.training(batch: min(samples, data.training.count))
    let graph = try shrunk.trainingGraph(for: data.description)
    let replica = try Replica(
      CompiledNetwork(graph), fields: data.training.fields,
      optimizer: .sgd(momentum: 0, weightDecay: 0, nesterov: false), slotCount: 1, shards: 0..<1)
    let dropout = DropoutState(seed: job.seed, step: 1, firstSample: 0)
    let point = try Point(data, graph: graph, count: shrunk.job.training.batch, seed: job.seed)
    try replica.initialise { point.parameters[$0] ?? [] }
    try replica.compute(0, point.samples, 0..<point.samples.capacity, slot: 0, dropout: dropout)
    guard let loss = graph.outputs["loss"] else { preconditionFailure("a training graph has a loss") }
    let check = try GradientCheck(graph, loss: loss, at: point.given(graph), dropout: dropout)
    var gradients: [ValueID: [Float]] = [:]
    for (index, parameter) in graph.parameters.enumerated() {
      gradients[parameter] = try replica.store.read(index, .gradient(slot: 0))
    }
    let float32 = try check.compare(float32: gradients)
    let report = try check.run(samplesPerParameter: samplesPerParameter, seed: job.seed)
    self.job = job.name
    self.samples = shrunk.job.training.batch
    let rows = report.parameters.compactMap { parameter in
      float32.first { $0.name == parameter.name }.map { Row(check: parameter, float32: $0) }
    }
    self.rows = rows.sorted { $0.severity > $1.severity }
  }

  /// Where the gradients are compared.
  private struct Point {
    let samples: SampleBuffer
    let parameters: [ValueID: [Float]]

    init(_ data: JobData, graph: Graph, count: Int, seed: UInt64) throws {
      samples = try data.firstSamples(count, seed: seed)
      parameters = Dictionary(
        uniqueKeysWithValues: graph.stored.map { ($0, graph.initialParameterValues($0, seed: seed)) })
    }

    func given(_ graph: Graph) -> [ValueID: [Double]] {
      var given = parameters.mapValues { $0.map(Double.init) }
      for input in graph.inputs {
        if let field = samples.position(of: graph[input].name) {
          given[input] = samples.values(field)
        } else if graph.carriedStates.contains(where: { $0.initial == input }) {
          given[input] = Array(repeating: 0, count: graph[input].type.shape.elementCount)
        } else if let field = samples.position(of: SampleTarget.labelsName) {
          let labels = samples.values(field)
          let outputs = graph[input].type.shape.elementCount / labels.count
          given[input] = labels.flatMap { label in
            (0..<outputs).map { Double(SampleInputs.answer(Int(label), output: $0, of: outputs)) }
          }
        }
      }
      return given
    }
  }
}
