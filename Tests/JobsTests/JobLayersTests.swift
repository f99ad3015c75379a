import Datasets
import ModelGraph
import Models
import Testing

import Jobs

@Suite struct JobLayersTests {
  /// A job whose layers begin in line 9.
  func yaml(_ layers: String) -> String {
    let list = layers.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
    return goodJob.replacing("  zoo: lenet5", with: "  layers:\n\(list)")
  }

  func layers(_ text: String) throws -> [LayerSpecification] {
    guard case .layers(let layers) = try JobFile(yaml: yaml(text), file: "job.yaml").job.model else { return [] }
    return layers
  }

  @Test func everyKindOfLayerIsRead() throws {
    let read = try layers(
      """
      - convolution: {name: c1, channels: 6, kernel: [5, 3], stride: 2, padding: [2, 1], bias: false, activation: relu}
      - max_pool: {kernel: 3, stride: 2, padding: 1}
      - max_pool: {kernel: [2, 1]}
      - dropout: 0.25
      - dropout: {rate: 0.5, name: half}
      - tanh
      - sigmoid: {name: squash}
      - add: [half, squash]
      - add: {of: [half, add1], name: sum}
      - relu:
      - flatten: {from: sum}
      - add: [flatten1, flatten1]
      - softmax: {from: relu1}
      - flatten
      - add: [add2, flatten2]
      - dense:
          outputs: 10
          activation: sigmoid
      """)
    #expect(
      read == [
        .init(
          .convolution(
            .init(
              channels: 6, kernel: Extent(5, 3), stride: Extent(2), padding: Extent(2, 1), hasBias: false,
              activation: .relu)), name: "c1"),
        .init(.maxPool(Window(kernel: Extent(3), stride: Extent(2), padding: Extent(1))), name: "pool1"),
        .init(.maxPool(Window(kernel: Extent(2, 1), stride: Extent(2, 1))), name: "pool2"),
        .init(.dropout(rate: 0.25), name: "dropout1"), .init(.dropout(rate: 0.5), name: "half"),
        .init(.activation(.tanh), name: "tanh1"), .init(.activation(.sigmoid), name: "squash"),
        .init(.add(left: "half", right: "squash"), name: "add1"), .init(.add(left: "half", right: "add1"), name: "sum"),
        .init(.activation(.relu), name: "relu1"), .init(.flatten, name: "flatten1", from: "sum"),
        .init(.add(left: "flatten1", right: "flatten1"), name: "add2"),
        .init(.softmax, name: "softmax1", from: "relu1"), .init(.flatten, name: "flatten2"),
        .init(.add(left: "add2", right: "flatten2"), name: "add3"),
        .init(.dense(outputs: 10, activation: .sigmoid), name: "dense1"),
      ])
  }

  @Test(arguments: [
    (
      "- flatten\n- dense: {output: 10}",
      """
      job.yaml:10:13: unknown key 'output' in layer 2 (dense); did you mean 'outputs'?
        - dense: {output: 10}
                  ^
      """
    ),
    (
      "- dense:\n  outputs: 10",
      """
      job.yaml:9:5: layer 1 has 2 keys ('dense', 'outputs'), but a layer is one key, its kind; indent its settings \
      further, or write them as in '- dense: {outputs: 10}'
        - dense:
          ^
      """
    ),
    (
      "- dense",
      """
      job.yaml:9:5: layer 1 (dense) needs its settings, not nothing; for example '- dense: {outputs: 10}'
        - dense
          ^
      """
    ),
    (
      "- dropout: 1.5",
      """
      job.yaml:9:14: 'rate' in layer 1 (dropout) must be a number from 0 to below 1, not '1.5'; \
      for example 'rate: 0.5'
        - dropout: 1.5
                   ^
      """
    ),
    (
      "- convolution: {kernel: [5, 5, 5, 5]}",
      """
      job.yaml:9:5: missing key 'channels' in layer 1 (convolution); add 'channels: 6'
        - convolution: {kernel: [5, 5, 5, 5]}
          ^
      job.yaml:9:27: 'kernel' in layer 1 (convolution) must be a whole number from 1 to 1024, or a list of up \
      to three, height before width, not a list; for example 'kernel: 5'
        - convolution: {kernel: [5, 5, 5, 5]}
                                ^
      """
    ),
    (
      "- flatten: {name: flat}\n- dense: {outputs: 10, from: falt}",
      """
      job.yaml:9:5: layer 'flat': no later layer uses this one; remove it, or name it in the 'from' of the layer \
      that should
        - flatten: {name: flat}
          ^
      job.yaml:10:5: layer 'dense1': there is no layer 'falt'; did you mean 'flat'?
        - dense: {outputs: 10, from: falt}
          ^
      """
    ),
    (
      "- dense: {outputs: 4, activation: gelu}",
      """
      job.yaml:9:37: 'activation' in layer 1 (dense) must be one of relu, tanh, sigmoid, not 'gelu'; \
      did you mean 'relu'?
        - dense: {outputs: 4, activation: gelu}
                                          ^
      """
    ),
  ])
  func wholeErrorTextIsAsExpected(layers: String, text: String) {
    #expect(errors(in: yaml(layers)) == text)
  }

  @Test(arguments: [
    (
      "- convolution: {name: c1, channels: 6, kernel: 5}\n- dense: {outputs: 10}",
      """
      job.yaml:10:5: layer 'dense1': a dense layer takes [samples, features], its input is 16×6×24×24; \
      put a 'flatten' layer before it
        - dense: {outputs: 10}
          ^
      """
    ),
    (
      "- flatten\n- dense: {name: out, outputs: 12}",
      """
      job.yaml:10:5: layer 'out': the model ends in 12 outputs a sample, the data has 10 classes; \
      end it with '- dense: {outputs: 10}'
        - dense: {name: out, outputs: 12}
          ^
      """
    ),
    (
      "- flatten\n- dense: {outputs: 10}\n- softmax",
      """
      job.yaml:11:5: layer 'softmax1': cross-entropy takes the softmax itself, and would take it twice; \
      remove this layer
        - softmax
          ^
      """
    ),
    (
      "- flatten",
      """
      job.yaml:8:3: layer 'loss': no parameter leads to the loss: the model has nothing to train; \
      add a layer with weights
        layers:
        ^
      """
    ),
  ])
  func layerThatDoesNotFitTheDataIsReportedAtItsLine(layers: String, text: String) throws {
    let file = try JobFile(yaml: yaml(layers), file: "job.yaml")
    let error = #expect(throws: InvalidJob.self) {
      try file.trainingGraph(for: DataDescription([1, 28, 28], classes: 10))
    }
    #expect(error?.description == text)
  }

  @Test func zooModelThatDoesNotFitTheDataIsReportedAtItsName() throws {
    let file = try JobFile(yaml: goodJob, file: "job.yaml")
    let error = #expect(throws: InvalidJob.self) {
      try file.trainingGraph(for: DataDescription([1, 2, 3], classes: 10))
    }
    #expect(
      error?.description == """
        job.yaml:8:8: layer 'c2': a 5×5 window does not fit an input of 1×1 with padding 0; \
        use a smaller kernel or more padding
          zoo: lenet5
               ^
        """)
  }

  @Test(arguments: [
    ("c1.weight", 9), ("c1", 9), ("out.bias", 11), ("elsewhere", 8), ("loss", 12),
  ])
  func errorOfAGraphFindsItsLine(layer: String, line: Int) throws {
    let file = try JobFile(
      yaml: yaml("- convolution: {name: c1, channels: 6, kernel: 5}\n- flatten\n- dense: {name: out, outputs: 10}"),
      file: "job.yaml")
    #expect(file.problem(for: GraphError(.shapeMismatch, layer: layer, "x")).line == line)
  }
}
