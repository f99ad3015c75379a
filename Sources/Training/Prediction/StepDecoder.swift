import Datasets
import Execution
import Models
import ModelGraph

/// A saved network that writes sequences token by token: compiled once, for as many sequences side by side as it has rows.
///
/// Each token is one run of a program of a single step. What recurrent layers carry from step to step is kept here, so that
/// rows can change places as a beam's sequences do.
final class StepDecoder: TokenScorer {
  let rowCount: Int
  let vocabularyCount: Int
  /// Rows that begin alike.
  private let rowsPerSample: Int
  private let encoder: InferenceProgram?
  private let step: InferenceProgram
  private let tokenInput: Program.Input
  /// Where each carried state lies in `states`, and how many numbers of it are a row's.
  private let layout: [(name: String, start: Int, width: Int)]
  private var states: [Float]

  /// - Parameter graphs: for `samples` and `samples` × `rowsPerSample` sequences.
  init(
    _ graphs: StepwiseGraphs, tokens: String, samples: Int, rowsPerSample: Int, _ checkpoint: Checkpoint,
    precision: Precision
  ) throws {
    rowCount = samples * rowsPerSample
    self.rowsPerSample = rowsPerSample
    encoder = try graphs.encoder.map { try InferenceProgram($0, checkpoint, precision: precision) }
    step = try InferenceProgram(graphs.step, checkpoint, precision: precision)
    guard let input = step.program.input(tokens), let scores = graphs.step.outputs[StepwiseGraphs.scoresName] else {
      preconditionFailure("a step has tokens and scores")
    }
    tokenInput = input
    vocabularyCount = graphs.step[scores].type.shape.elementCount / rowCount
    var start = 0
    layout = graphs.step.carriedStates.map { state in
      let count = graphs.step[state.initial].type.shape.elementCount
      defer { start += count }
      return (state.name, start, count / samples / rowsPerSample)
    }
    states = Array(repeating: 0, count: step.program.stateElementCount)
  }

  /// Begins anew, with zeros or with what the encoder makes of the samples in `buffer`, as many as it takes.
  func begin(_ buffer: SampleBuffer?) throws {
    for index in states.indices { states[index] = 0 }
    guard let encoder, let buffer else { return }
    encoder.set(buffer, 0..<buffer.capacity)
    try encoder.run()
    let graph = encoder.program.compiled.graph
    for name in graph.outputs.keys.sorted() {
      let values = try encoder.output(name)
      if let place = layout.first(where: { $0.name == name }) {
        for row in 0..<rowCount {
          for element in 0..<place.width {
            states[place.start + row * place.width + element] = values[row / rowsPerSample * place.width + element]
          }
        }
      } else if let input = step.program.input(name) {
        let width = input.elementCount / rowCount
        let rows = (0..<rowCount).flatMap { row in
          values[row / rowsPerSample * width..<(row / rowsPerSample + 1) * width]
        }
        step.program.set(input, rows)
      }
    }
  }

  func scores(after tokens: [Int32], parents: [Int]) throws -> [Float] {
    precondition(tokens.count == rowCount && parents.count == rowCount, "a token and a parent a row")
    if parents != Array(0..<rowCount) { reorder(parents) }
    step.program.set(tokenInput, tokens.span)
    step.program.setStates(states)
    try step.run()
    step.program.readStates(into: &states)
    return try step.output(StepwiseGraphs.scoresName)
  }

  private func reorder(_ parents: [Int]) {
    let before = states
    for (_, start, width) in layout {
      for (row, parent) in parents.enumerated() where parent != row {
        for element in 0..<width {
          states[start + row * width + element] = before[start + parent * width + element]
        }
      }
    }
  }
}
