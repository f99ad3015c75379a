import ModelGraph
import Models
import Testing

import Jobs

@Suite struct RecurrentLayersTests {
  private func yaml(_ layers: String) -> String {
    let list = layers.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
    return goodJob.replacing("  zoo: lenet5", with: "  layers:\n\(list)")
  }

  @Test func recurrentLayersAreReadAndWrittenBack() throws {
    let text = """
      - embedding: {vocabulary: 9000, width: 12}
      - lstm: {name: words, units: 7, layers: 2, returns: sequence, dropout: 0.25}
      - gru: {units: 5, bidirectional: true}
      - repeat: 3
      - rnn: {name: e, units: 4, returns: sequence}
      - rnn: {units: 4, state_from: e}
      - dense: {outputs: 10}
      """
    let job = try JobFile(yaml: yaml(text), file: "job.yaml").job
    guard case .layers(let layers) = job.model else { throw GraphError(.invalidArgument, layer: "", "no layers") }
    #expect(
      layers.map(\.kind) == [
        .embedding(vocabulary: 9000, width: 12),
        .recurrent(RecurrentSettings(.lstm, units: 7, layers: 2, returns: .sequence, dropout: 0.25)),
        .recurrent(RecurrentSettings(.gru, units: 5, isBidirectional: true)), .repeated(count: 3),
        .recurrent(RecurrentSettings(.rnn, units: 4, returns: .sequence)),
        .recurrent(RecurrentSettings(.rnn, units: 4, stateFrom: "e")), .dense(outputs: 10),
      ])
    #expect(layers.map(\.name) == ["embedding1", "words", "gru1", "repeat1", "e", "rnn1", "dense1"])
    #expect(try JobFile(yaml: job.yaml(), file: "again.yaml").job == job)
  }

  @Test(arguments: [
    (
      "- lstm: {unit: 5}\n- dense: {outputs: 10}",
      "job.yaml:9:12: unknown key 'unit' in layer 1 (lstm); did you mean 'units'?"
    ),
    (
      "- gru\n- dense: {outputs: 10}",
      "job.yaml:9:5: layer 1 (gru) needs its settings, not nothing; for example '- gru: {units: 256}'"
    ),
    (
      "- rnn: {units: 5, returns: lst}\n- dense: {outputs: 10}",
      "job.yaml:9:30: 'returns' in layer 1 (rnn) must be one of last, sequence, not 'lst'; did you mean 'last'?"
    ),
    (
      "- rnn: {units: 5, dropout: 0.5}\n- dense: {outputs: 10}",
      "job.yaml:9:30: 'dropout' in layer 1 (rnn) acts between recurrent layers, and there is one; raise 'layers', or put "
        + "a '- dropout: 0.5' behind it"
    ),
    (
      "- embedding: {vocabulary: 0, width: 3}",
      "job.yaml:9:29: 'vocabulary' in layer 1 (embedding) must be a whole number from 1 to 16777216, not '0'; for "
        + "example 'vocabulary: 10000'"
    ),
    ("- repeat", "job.yaml:9:5: layer 1 (repeat) needs its settings, not nothing; for example '- repeat: 20'"),
  ]) func whatIsWrongIsReportedWithItsPlaceAndRemedy(layers: String, text: String) throws {
    let error = #expect(throws: (any Error).self) { try JobFile(yaml: yaml(layers), file: "job.yaml") }
    #expect("\(error as Any)".contains(text), "\(error as Any)")
  }
}
