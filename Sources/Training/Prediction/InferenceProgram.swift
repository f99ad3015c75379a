import Datasets
import Execution
import Jobs
import ModelGraph

/// A forward graph with a checkpoint's parameters in memory of its own.
struct InferenceProgram {
  let program: Program

  /// - Throws: `TrainingError` with `.invalidInput` if the checkpoint lacks one of the graph's parameters.
  init(_ graph: Graph, _ checkpoint: Checkpoint, precision: Precision) throws {
    let compiled = try CompiledGraph(graph, precision: precision)
    let store = try ParameterStore(compiled, slotCount: 0, stateCount: 0)
    try checkpoint.restoreParameters(to: store)
    program = try Program(compiled, store, workspace: Arena(byteCount: compiled.workspaceByteCount))
  }

  /// Sets every input that the samples have a field for.
  func set(_ buffer: SampleBuffer, _ places: Range<Int>) {
    for (index, field) in buffer.fields.enumerated() {
      guard let input = program.input(field.name) else { continue }
      buffer.withBytes(index, places) { program.set(input, bytes: $0) }
    }
  }

  /// The elements of an output as the last run left them.
  /// - Throws: `TrainingError` with `.numerical` if one is no number.
  func output(_ name: String) throws -> [Float] {
    let values = program.withOutput(name) { span in
      var values: [Float] = []
      values.reserveCapacity(span.count)
      for index in span.indices { values.append(span[index]) }
      return values
    }
    guard !values.contains(where: \.isNaN) else {
      throw TrainingError(
        .numerical, "the network gives what is no number (NaN); check the samples, or give an earlier --checkpoint")
    }
    return values
  }

  /// Runs once; a token that the model has no row for is the user's to correct.
  func run() throws {
    do {
      try program.run(dropout: .none)
    } catch let error as ExecutionError where error.code == .invalidToken {
      throw TrainingError(.invalidInput, "\(error.message); give tokens that the training data had")
    }
  }
}
