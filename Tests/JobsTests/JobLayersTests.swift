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
        .init(.add(["half", "squash"]), name: "add1"), .init(.add(["half", "add1"]), name: "sum"),
        .init(.activation(.relu), name: "relu1"), .init(.flatten, name: "flatten1", from: "sum"),
        .init(.add(["flatten1", "flatten1"]), name: "add2"),
        .init(.softmax(), name: "softmax1", from: "relu1"), .init(.flatten, name: "flatten2"),
        .init(.add(["add2", "flatten2"]), name: "add3"),
        .init(.dense(outputs: 10, activation: .sigmoid), name: "dense1"),
      ])
  }

  @Test func activationsAreReadAsLayersAndAsSettings() throws {
    let read = try layers(
      """
      - linear
      - leaky_relu
      - leaky_relu: 0.2
      - elu: {alpha: 0.5, name: e}
      - gelu: tanh
      - gelu
      - swish
      - binary_step
      - prelu
      - prelu: {per_channel: true, initial_slope: 0.5}
      - maxout: {outputs: 6, pieces: 3, bias: false}
      - softmax: {dimension: 1}
      - log_softmax: -2
      - dense: {outputs: 4, activation: {leaky_relu: {slope: 0.3}}}
      - dense: {outputs: 4, activation: {elu: 2}}
      - dense: {outputs: 4, activation: {gelu: tanh}}
      - dense: {outputs: 4, activation: elu}
      - dense: {outputs: 4, activation: linear}
      """)
    let kinds: [LayerSpecification.Kind] = [
      .identity, .activation(.leakyReLU(slope: 0.01)), .activation(.leakyReLU(slope: 0.2)),
      .activation(.elu(alpha: 0.5)), .activation(.gelu(.tanh)), .activation(.gelu(.erf)), .activation(.swish),
      .activation(.binaryStep), .prelu(), .prelu(PReLUSettings(isPerChannel: true, initialSlope: 0.5)),
      .maxout(outputs: 6, pieces: 3, hasBias: false), .softmax(dimension: 1),
      .softmax(dimension: -2, isLogarithm: true), .dense(outputs: 4, activation: .leakyReLU(slope: 0.3)),
      .dense(outputs: 4, activation: .elu(alpha: 2)), .dense(outputs: 4, activation: .gelu(.tanh)),
      .dense(outputs: 4, activation: .elu(alpha: 1)), .dense(outputs: 4),
    ]
    #expect(read.map(\.kind) == kinds)
    #expect(
      read.map(\.name).prefix(7) == ["linear1", "leaky_relu1", "leaky_relu2", "e", "gelu1", "gelu2", "swish1"])
    #expect(try JobFile(yaml: job(read).yaml(), file: "job.yaml").job == job(read))
  }

  @Test func initialisationsAreReadWithTheirSettings() throws {
    let read = try layers(
      """
      - convolution: {channels: 4, kernel: 3, init: he_normal}
      - convolution: {channels: 4, kernel: 3, init: {normal: {deviation: 0.02}}}
      - flatten
      - dense: {outputs: 4, init: {normal: 0.5}}
      - dense: {outputs: 4, init: normal}
      - dense: {outputs: 4, init: xavier_uniform, activation: tanh}
      - dense: {outputs: 4, init: uniform}
      """)
    let rules: [WeightInitialisation] = [
      .heNormal, .normal(deviation: 0.02), .normal(deviation: 0.5), .normal(deviation: 0.01), .xavierUniform, .uniform,
    ]
    let found = read.compactMap { layer in
      switch layer.kind {
      case .convolution(let settings): settings.initialisation
      case .dense(_, _, _, let initialisation): initialisation
      default: nil
      }
    }
    #expect(found == rules)
    #expect(try JobFile(yaml: job(read).yaml(), file: "job.yaml").job == job(read))
  }

  @Test(arguments: [
    (
      "he_norm",
      "'init' in layer 1 (dense) must be one of uniform, he_normal, xavier_uniform, normal, not 'he_norm'; "
        + "did you mean 'he_normal'?"
    ),
    (
      "{normal: -1}",
      "'deviation' in normal in layer 1 (dense) must be a number above 0, not '-1'; leave it out for 0.01"
    ),
    (
      "{uniform: 3}",
      "the settings of 'uniform' in layer 1 (dense) must be a mapping, not '3'; write 'init: uniform' for "
        + "the defaults"
    ),
  ])
  func wrongInitialisationIsAnsweredWithTheRemedy(_ text: String, message: String) {
    let error = #expect(throws: InvalidJob.self) { try layers("- dense: {outputs: 4, init: \(text)}") }
    #expect(error?.problems.first?.message == message, "\(error?.description ?? "")")
  }

  @Test func shapeLayersAreRead() throws {
    let read = try layers(
      """
      - flatten: {name: f}
      - tanh: {name: t}
      - add: [f, t, f]
      - concatenate: [f, add1]
      - concatenate: {of: [f, t, add1], dimension: -1, name: wide}
      - subtract: [wide, concatenate1]
      - multiply: [subtract1, wide]
      - reshape: [2, 14, 28]
      - transpose: [0, 2, 1, 3]
      - slice: {dimension: 1, start: 3, count: 4}
      - mean: -1
      - sum: {dimension: 1}
      """)
    let kinds: [LayerSpecification.Kind] = [
      .flatten, .activation(.tanh), .add(["f", "t", "f"]), .concatenate(["f", "add1"]),
      .concatenate(["f", "t", "add1"], dimension: -1), .subtract("wide", "concatenate1"),
      .multiply("subtract1", "wide"), .reshape([2, 14, 28]), .transpose([0, 2, 1, 3]),
      .slice(dimension: 1, start: 3, count: 4), .reduce(.mean, dimension: -1), .reduce(.sum, dimension: 1),
    ]
    #expect(read.map(\.kind) == kinds)
    #expect(try JobFile(yaml: job(read).yaml(), file: "job.yaml").job == job(read))
  }

  @Test func normalisationsAreRead() throws {
    let read = try layers(
      """
      - layer_norm
      - layer_norm: {dimensions: 2, epsilon: 0.001, activation: gelu}
      - group_norm: {groups: 4}
      - group_norm: {groups: 7, epsilon: 0.25, activation: relu, name: g}
      - batch_norm
      """)
    let kinds: [LayerSpecification.Kind] = [
      .layerNormalisation(), .layerNormalisation(dimensions: 2, epsilon: 0.001, activation: .gelu(.erf)),
      .groupNormalisation(groups: 4), .groupNormalisation(groups: 7, epsilon: 0.25, activation: .relu),
      .batchNormalisation(),
    ]
    #expect(read.map(\.kind) == kinds)
    #expect(read.map(\.name) == ["norm1", "norm2", "norm3", "g", "norm4"])
    #expect(try JobFile(yaml: job(read).yaml(), file: "job.yaml").job == job(read))
  }

  private func job(_ layers: [LayerSpecification]) throws -> Job {
    var job = try JobFile(yaml: goodJob, file: "/job.yaml").job
    job.model = .layers(layers)
    return job
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
      "- dense: {outputs: 4, activation: geul}",
      """
      job.yaml:9:37: 'activation' in layer 1 (dense) must be one of linear, relu, tanh, sigmoid, leaky_relu, elu, \
      swish, gelu, binary_step, not 'geul'; did you mean 'gelu'?
        - dense: {outputs: 4, activation: geul}
                                          ^
      """
    ),
    (
      "- dense: {outputs: 4, activation: prelu}",
      """
      job.yaml:9:37: 'activation' in layer 1 (dense) must be one of linear, relu, tanh, sigmoid, leaky_relu, elu, \
      swish, gelu, binary_step, not 'prelu'; 'prelu' is a layer of its own; write '- prelu' behind this one
        - dense: {outputs: 4, activation: prelu}
                                          ^
      """
    ),
    (
      "- dense: {outputs: 4, activation: {leaky_relu: {slpoe: 0.5}}}",
      """
      job.yaml:9:51: unknown key 'slpoe' in leaky_relu in layer 1 (dense); did you mean 'slope'?
        - dense: {outputs: 4, activation: {leaky_relu: {slpoe: 0.5}}}
                                                        ^
      """
    ),
    (
      "- dense: {outputs: 4, activation: {relu: 3}}",
      """
      job.yaml:9:44: the settings of 'relu' in layer 1 (dense) must be a mapping, not '3'; write 'activation: relu' \
      for the defaults
        - dense: {outputs: 4, activation: {relu: 3}}
                                                 ^
      """
    ),
    (
      "- flatten\n- multiply: [flatten1, flatten1, flatten1]",
      """
      job.yaml:10:15: 'of' in layer 2 (multiply) must be a list of the names of two earlier layers, not a list; \
      for example 'of: [conv1, conv2]'
        - multiply: [flatten1, flatten1, flatten1]
                    ^
      """
    ),
    (
      "- slice: {dimension: 1, start: 0, cuont: 2}",
      """
      job.yaml:9:37: unknown key 'cuont' in layer 1 (slice); did you mean 'count'?
        - slice: {dimension: 1, start: 0, cuont: 2}
                                          ^
      """
    ),
    (
      "- transpose: {order: [0, 9]}",
      """
      job.yaml:9:24: 'order' in layer 1 (transpose) must be a list of the dimensions in their new order, not a list; \
      for example 'order: [0, 2, 1]'
        - transpose: {order: [0, 9]}
                             ^
      """
    ),
    (
      "- layer_nrom\n- layer_norm: {dimension: 1}\n- group_norm",
      """
      job.yaml:9:5: unknown layer 'layer_nrom'; did you mean 'layer_norm'?
        - layer_nrom
          ^
      job.yaml:10:18: unknown key 'dimension' in layer 2 (layer_norm); did you mean 'dimensions'?
        - layer_norm: {dimension: 1}
                       ^
      job.yaml:11:5: layer 3 (group_norm) needs its settings, not nothing; for example '- group_norm: {groups: 4}'
        - group_norm
          ^
      """
    ),
    (
      "- elu: 0",
      """
      job.yaml:9:10: 'alpha' in layer 1 (elu) must be a number above 0, not '0'; leave it out for 1.0
        - elu: 0
               ^
      """
    ),
    (
      "- maxout: {outputs: 4}\n- prellu",
      """
      job.yaml:9:5: missing key 'pieces' in layer 1 (maxout); add 'pieces: 2'
        - maxout: {outputs: 4}
          ^
      job.yaml:10:5: unknown layer 'prellu'; did you mean 'prelu'?
        - prellu
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
      "- convolution: {channels: 6, kernel: 5}\n- group_norm: {groups: 4}\n- flatten\n- dense: {outputs: 10}",
      """
      job.yaml:10:26: layer 'norm1': 4 groups do not divide the 6 channels of the input 16×6×24×24; \
      use one of 1, 2, 3, 6
        - group_norm: {groups: 4}
                               ^
      """
    ),
    (
      "- layer_norm: {dimensions: 4}\n- flatten\n- dense: {outputs: 10}",
      """
      job.yaml:9:30: layer 'norm1': layer normalisation of the last 4 dimensions does not fit the input 16×1×28×28, \
      which has 3 behind the samples; normalise from 1 to 3 of them
        - layer_norm: {dimensions: 4}
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
        job.yaml:8:8: layer 'input': lenet5 takes images of at least 12×12, [channels, height, width], a sample is \
        1×2×3; use larger images, or resnet18, which takes any
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
