import Execution
import Foundation
import ModelGraph
import Models
import Safetensors
import TestSupport
import Testing

/// Truncated back-propagation through time: a window goes on with the state that the one before ended with, and its
/// gradients end where it begins.
@Suite struct CarriedStateTests {
  private static let none = DropoutState(seed: 0, step: 0, firstSample: 0)

  /// Two layers of 5 units over 3 streams, 6 steps of 4 features a window.
  private static func graph(_ cell: RecurrentCell) throws -> Graph {
    var graph = Graph()
    let x = graph.input("x", TensorType([3, 6, 4]))
    let settings = RecurrentSettings(cell, units: 5, layers: 2, returns: .sequence)
    let y = try graph.recurrentCarryingState("r", x, settings, isTraining: true).value
    graph.outputs["loss"] = try graph.meanSquared(y)
    return try graph.differentiated(try #require(graph.outputs["loss"]))
  }

  private struct Golden {
    let file: SafetensorsFile
    let graph: Graph

    init(_ cell: RecurrentCell) throws {
      let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")
      file = try SafetensorsFile(
        decoding: [UInt8](Data(contentsOf: folder.appending(path: "\(cell)-truncated.safetensors"))))
      graph = try CarriedStateTests.graph(cell)
    }

    func floats(_ name: String) throws -> [Float] { try file.tensor(name).elements() }
    func doubles(_ name: String) throws -> [Double] { try file.tensor(name).elements() }

    /// The name in PyTorch of what the layer `r` has.
    func name(_ value: ValueID) -> String { String(graph[value].name.trimmingPrefix("r.")) }

    /// Inputs of a window but the states, and the parameters.
    func given(_ window: Int) throws -> [ValueID: [Double]] {
      var given: [ValueID: [Double]] = [:]
      for parameter in graph.parameters {
        given[parameter] = try floats("parameter.\(name(parameter))").map(Double.init)
      }
      for input in graph.inputs where ["x", "target"].contains(graph[input].name) {
        given[input] = try floats("input.\(window).\(graph[input].name)").map(Double.init)
      }
      return given
    }
  }

  @Test(arguments: RecurrentCell.allCases) func statesAreNamedByLayerAndInOrder(_ cell: RecurrentCell) throws {
    let graph = try Self.graph(cell)
    let names = cell.hasCellState ? ["r.h_l0", "r.c_l0", "r.h_l1", "r.c_l1"] : ["r.h_l0", "r.h_l1"]
    #expect(graph.carriedStates.map(\.name) == names)
    #expect(graph.carriedStates.map { graph[$0.initial].name } == names)
    #expect(graph.carriedStates.map { graph.outputs[$0.name] } == graph.carriedStates.map(\.final))
    #expect(graph.carriedStates.allSatisfy { graph[$0.initial].type == TensorType([3, 5]) })
    // Each layer ends with the state of its own.
    let layers = graph.nodes.filter { $0.pass == .forward && $0.operation.name == cell.rawValue }
    #expect(graph.carriedStates.map(\.final) == layers.flatMap { $0.outputs[1...($0.inputs.count - 5)] })
  }

  @Test(arguments: RecurrentCell.allCases) func referenceOverThreeWindowsEqualsPyTorchWithDetach(
    _ cell: RecurrentCell
  ) throws {
    let golden = try Golden(cell)
    let graph = golden.graph
    var states = graph.carriedStates.map { graph[$0.initial].type.shape.elementCount }.map {
      [Double](repeating: 0, count: $0)
    }
    for window in 1...3 {
      var given = try golden.given(window)
      for (state, values) in zip(graph.carriedStates, states) { given[state.initial] = values }
      let values = try ReferenceExecutor(graph).run(given, dropout: Self.none)
      expectClose(
        values[try #require(graph.outputs["loss"])], try golden.doubles("output.\(window).loss"), relative: 1e-12,
        "\(cell) loss \(window)")
      for pair in graph.parameterGradients {
        let name = golden.name(pair.parameter)
        expectClose(
          values[pair.gradient], try golden.doubles("gradient.\(window).\(name)"), relative: 1e-12,
          "\(cell) \(name) \(window)")
      }
      states = graph.carriedStates.map { values[$0.final] }
      for (state, values) in zip(graph.carriedStates, states) {
        let name = golden.name(state.initial)
        expectClose(
          values, try golden.doubles("output.\(window).\(name)"), relative: 1e-12, "\(cell) \(name) \(window)")
      }
    }
  }

  @Test(arguments: RecurrentCell.allCases, [1, 2]) func programOverThreeWindowsEqualsPyTorchWithDetach(
    _ cell: RecurrentCell, threads: Int
  ) throws {
    let golden = try Golden(cell)
    let graph = golden.graph
    let bound = try BoundGraph(graph, threads: threads)
    let size = 3 * 5
    #expect(bound.program.stateElementCount == graph.carriedStates.count * size)
    var states = [Float](repeating: 0, count: bound.program.stateElementCount)
    for window in 1...3 {
      var given = try golden.given(window)
      for state in graph.carriedStates { given[state.initial] = Array(repeating: 77, count: size) }
      try bound.give(given)
      bound.program.setStates(states)
      try bound.program.run(dropout: Self.none)
      expectClose(
        [bound.loss()], try golden.doubles("output.\(window).loss"), relative: 2e-6, "\(cell) loss \(window)")
      for pair in graph.parameterGradients {
        let name = golden.name(pair.parameter)
        expectClose(
          try bound.gradient(of: pair.parameter), try golden.doubles("gradient.\(window).\(name)"), relative: 1e-5,
          "\(cell) \(name) \(window)")
      }
      bound.program.readStates(into: &states)
      for (index, state) in graph.carriedStates.enumerated() {
        let name = golden.name(state.initial)
        expectClose(
          states[index * size..<(index + 1) * size], try golden.doubles("output.\(window).\(name)"), relative: 1e-5,
          "\(cell) \(name) \(window)")
        #expect(bound.program.output(state.name) == Array(states[index * size..<(index + 1) * size]))
      }
    }
  }

  /// What a decoder does: one step at a time gives what the whole sequence gives.
  @Test(arguments: RecurrentCell.allCases) func oneStepAtATimeGivesWhatTheSequenceGives(_ cell: RecurrentCell) throws {
    let model = ModelSpecification(
      name: "m",
      layers: [
        .init(.embedding(vocabulary: 11, width: 4)),
        .init(.recurrent(.init(cell, units: 6, layers: 2, returns: .sequence))), .init(.dense(outputs: 11)),
      ])
    func graph(_ steps: Int, carriesState: Bool) throws -> Graph {
      try model.graph(
        sampleShape: SampleShape(fields: [SampleField("input", [steps], .int32)]), batch: 2, mode: .inference,
        carriesState: carriesState)
    }
    let tokens: [Int32] = [3, 9, 1, 7, 5, 0, 2, 10, 4, 6]
    let whole = try BoundGraph(graph(5, carriesState: false))
    let values = Network.given(for: whole.graph, classes: 11)
    try whole.give(values)
    whole.program.set(try #require(whole.program.input("input")), tokens.span)
    try whole.program.run(dropout: Self.none)
    let expected = whole.program.output("logits")

    let single = try CompiledGraph(graph(1, carriesState: true), sharing: whole.compiled)
    let program = try Program(single, whole.store, workspace: Arena(byteCount: single.workspaceByteCount))
    var states = [Float](repeating: 0, count: program.stateElementCount)
    for step in 0..<5 {
      let now = [tokens[step], tokens[5 + step]]
      program.set(try #require(program.input("input")), now.span)
      program.setStates(states)
      try program.run(dropout: Self.none)
      program.readStates(into: &states)
      let first = step * 11
      let second = (5 + step) * 11
      let wanted = Array(expected[first..<first + 11]) + expected[second..<second + 11]
      expectClose(program.output("logits"), wanted, relative: 1e-5, "\(cell) step \(step)")
    }
  }
}
