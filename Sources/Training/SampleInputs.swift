import Datasets
import Execution
import ModelGraph

/// Which field of the samples goes into which input of a program: looked up once, so that a step looks nothing up.
final class SampleInputs {
  private let program: Program
  private let direct: [(input: Program.Input, field: Int)]
  private let oneHot: (input: Program.Input, field: Int)?
  private var oneHotValues: [Float]

  /// The program has an input for each of `fields`, or `target` where they have class labels, which then go in as a 1
  /// among zeros or, for a program of one output, as the number of one of two classes; all −1 for a label below 0.
  init(_ program: Program, _ fields: [SampleField]) {
    self.program = program
    direct = fields.enumerated().compactMap { index, field in
      program.input(field.name).map { ($0, index) }
    }
    let labels = fields.firstIndex { $0.name == SampleTarget.labelsName }
    if let labels, program.input(SampleTarget.labelsName) == nil,
      let target = program.input(SampleTarget.targetName)
    {
      oneHot = (target, labels)
    } else {
      oneHot = nil
    }
    oneHotValues = Array(repeating: 0, count: oneHot?.input.elementCount ?? 0)
    let count = direct.count + (oneHot == nil ? 0 : 1)
    let graph = program.compiled.graph
    precondition(
      count == graph.inputs.count - graph.carriedStates.count,
      "every input of the graph is a field of the samples, or a state")
  }

  /// What the target of an output is for a class label.
  static func answer(_ label: Int, output: Int, of outputs: Int) -> Int {
    guard label >= 0 else { return -1 }
    return outputs == 1 ? label : (label == output ? 1 : 0)
  }

  /// Sets every input from the samples at `places`, as many as the program takes.
  func set(_ buffer: SampleBuffer, _ places: Range<Int>) {
    for (input, field) in direct {
      buffer.withBytes(field, places) { program.set(input, bytes: $0) }
    }
    guard let oneHot else { return }
    buffer.withIntegers(oneHot.field, places) { labels in
      let outputs = oneHotValues.count / max(labels.count, 1)
      for place in labels.indices {
        for output in 0..<outputs {
          oneHotValues[place * outputs + output] = Float(Self.answer(Int(labels[place]), output: output, of: outputs))
        }
      }
    }
    program.set(oneHot.input, oneHotValues)
  }
}
