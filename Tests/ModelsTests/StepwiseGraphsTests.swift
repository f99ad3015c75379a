import ModelGraph
import Models
import TestSupport
import Testing

/// A model cut into what sees a sample once and a single step of what writes.
@Suite struct StepwiseGraphsTests {
  private static let sample = SampleShape(fields: [
    SampleField("input", [5], .int32), SampleField("decoder_input", [4], .int32),
  ])

  private static func model(_ layers: [LayerSpecification]) -> ModelSpecification {
    ModelSpecification(name: "m", layers: layers)
  }

  private static let encoder: [LayerSpecification] = [
    .init(.embedding(vocabulary: 9, width: 3)),
    .init(.recurrent(RecurrentSettings(.lstm, units: 6, layers: 2)), name: "encoder"),
  ]

  private static func graphs(_ layers: [LayerSpecification]) throws -> StepwiseGraphs {
    try model(layers).stepwiseGraphs(sampleShape: sample, tokens: "decoder_input", encoderBatch: 2, batch: 6)
  }

  private static let decoder: [LayerSpecification] = [
    .init(.repeated(count: 4), name: "thought", from: "encoder"),
    .init(.embedding(vocabulary: 8, width: 7), name: "said", from: "decoder_input"),
    .init(.concatenate(["said", "thought"], dimension: 2), name: "both"),
    .init(
      .recurrent(RecurrentSettings(.lstm, units: 6, layers: 2, returns: .sequence, stateFrom: "encoder")),
      name: "decoder", from: "both"),
    .init(.dense(outputs: 8), name: "out"),
  ]

  @Test func encoderAndStepShareTheModelsParametersAndStates() throws {
    let graphs = try Self.graphs(Self.encoder + Self.decoder)
    let encoder = try #require(graphs.encoder)
    let whole = try Self.model(Self.encoder + Self.decoder).graph(sampleShape: Self.sample, batch: 2, mode: .inference)
    func parameters(_ graph: Graph) -> [String: Shape] {
      Dictionary(uniqueKeysWithValues: graph.parameters.map { (graph[$0].name, graph[$0].type.shape) })
    }
    let own = parameters(encoder).merging(parameters(graphs.step)) { _, _ in [] }
    #expect(own == parameters(whole))
    let states = ["decoder.h_l0", "decoder.c_l0", "decoder.h_l1", "decoder.c_l1"]
    #expect(graphs.step.carriedStates.map(\.name) == states)
    #expect(Set(encoder.outputs.keys) == Set(states + ["context/encoder"]))
    #expect(encoder.outputs.values.allSatisfy { encoder[$0].type.shape == [2, 6] })
    let scores = try #require(graphs.step.outputs["scores"])
    #expect(graphs.step[scores].type.shape == [6, 1, 8])
    let inputs = graphs.step.inputs.map { "\(graphs.step[$0].name) \(graphs.step[$0].type.shape)" }
    #expect(Set(inputs) == Set(["decoder_input 6×1", "context/encoder 6×6"] + states.map { "\($0) 6×6" }))
    // What only the step repeats is not repeated before it.
    #expect(!encoder.nodes.contains { $0.layer == "thought" } && graphs.step.nodes.contains { $0.layer == "thought" })
  }

  @Test func aLanguageModelIsAStepAlone() throws {
    let model = Self.model([
      .init(.embedding(vocabulary: 9, width: 3)),
      .init(.recurrent(RecurrentSettings(.gru, units: 5, returns: .sequence))),
      .init(.dense(outputs: 9)),
    ])
    let graphs = try model.stepwiseGraphs(
      sampleShape: SampleShape(fields: [SampleField("input", [12], .int32)]), tokens: "input", encoderBatch: 1, batch: 3
    )
    #expect(graphs.encoder == nil && graphs.step.carriedStates.map(\.name) == ["gru1.h_l0"])
  }

  private static let said = LayerSpecification(.embedding(vocabulary: 8, width: 7), name: "said", from: "decoder_input")

  @Test(arguments: [
    ([said, .init(.flatten, name: "flat"), .init(.dense(outputs: 8))], "flat"),
    (
      [said, .init(.recurrent(RecurrentSettings(.gru, units: 4)), name: "g"), .init(.dense(outputs: 8))], "g"
    ),
    (
      [
        said,
        .init(.recurrent(RecurrentSettings(.gru, units: 4, isBidirectional: true, returns: .sequence)), name: "g"),
        .init(.dense(outputs: 8)),
      ], "g"
    ),
    (
      [
        said, .init(.slice(dimension: 1, start: 0, count: 2), name: "s"), .init(.dense(outputs: 8)),
      ], "s"
    ),
  ]) func aLayerThatLooksAtMoreThanOneStepIsNamed(layers: [LayerSpecification], name: String) throws {
    let error = #expect(throws: GraphError.self) { try Self.graphs(layers) }
    #expect(error?.layer == name && error?.message.hasPrefix("it looks at more than one step") == true)
  }

  @Test func aModelThatIsNotFedWhatItWritesIsRefused() throws {
    let error = #expect(throws: GraphError.self) { try Self.graphs(Self.encoder + [.init(.dense(outputs: 8))]) }
    #expect(error?.layer == "dense1")
    #expect(
      error?.message
        == "the model's output does not depend on 'decoder_input', so it writes nothing token by token; let a layer read it"
    )
  }

  @Test func aSequenceOfTheEncoderBesideTheTokensIsRefused() throws {
    let layers: [LayerSpecification] = [
      .init(.embedding(vocabulary: 9, width: 7), name: "given"), Self.said,
      .init(.concatenate(["said", "given"], dimension: 1), name: "both"), .init(.dense(outputs: 8)),
    ]
    let error = #expect(throws: GraphError.self) { try Self.graphs(layers) }
    #expect(error?.layer == "both" && error?.message.hasPrefix("it reads 'given' beside the tokens") == true)
  }
}
