import Datasets
import Jobs
import ModelGraph
import Testing

/// Each kind of layer where it does not fit: the layer, both shapes and the key of the job file are named.
@Suite struct ShapeRefusalTests {
  struct Case: Sendable, CustomTestStringConvertible {
    /// The layers of a job, one a line; what is reported stands between « and ».
    let layers: String
    let sample: SampleShape
    let message: String

    /// Of images [3, 9, 8] unless told otherwise.
    init(_ layers: String, _ message: String) { self.init(layers, [3, 9, 8], message) }

    init(_ layers: String, _ sample: SampleShape, _ message: String) {
      (self.layers, self.sample, self.message) = (layers, sample, message)
    }

    var testDescription: String { layers }
  }

  /// 20 tokens a sample.
  private static let tokens = SampleShape(fields: [SampleField("input", [20], .int32)])

  /// A shard has 4 samples. Every sample is classified as one of 10 classes.
  static let cases = [
    Case(
      "- «dense: {outputs: 10}»",
      "layer 'dense1': a dense layer takes [samples, features], its input is 4×3×9×8; put a 'flatten' layer before it"),
    Case(
      "- flatten\n- «dense: {outputs: 7}»",
      "layer 'dense1': the model ends in 7 outputs a sample, the data has 10 classes; end it with '- dense: {outputs: 10}'"
    ),
    Case(
      "- maxout: {outputs: 10, pieces: 2, name: m}".marked(),
      "layer 'm': a dense layer takes [samples, features], its input is 4×3×9×8; put a 'flatten' layer before it"),
    Case(
      "- convolution: {channels: 5, kernel: «10»}",
      "layer 'conv1': a 10×10 window does not fit an input of 9×8 with padding 0; use a smaller kernel or more padding"),
    Case(
      "- convolution: {channels: 5, «kernel: [3, 3, 3]»}",
      "layer 'conv1': a convolution with a kernel of 3×3×3 takes [samples, channels, …] with as many spatial dimensions, "
        + "its input is 4×3×9×8"),
    Case(
      "- convolution: {channels: 5, kernel: 3, «stride: [1, 2, 1]»}",
      "layer 'conv1': stride 1×2×1 has 3 numbers, the input 2 spatial dimensions; give one number, or one for each "
        + "dimension"),
    Case(
      "- convolution: {channels: 4, kernel: 3, groups: «2»}",
      "layer 'conv1': 2 groups do not divide the 3 channels of the input 4×3×9×8; use a divisor"),
    Case(
      "- convolution: {channels: 5, kernel: 3, groups: «3»}",
      "layer 'conv1': 3 groups do not divide 3 input and 5 output channels; use a common divisor"),
    Case(
      "- max_pool: {kernel: «9»}",
      "layer 'pool1': a 9×9 window does not fit an input of 9×8 with padding 0; use a smaller kernel or more padding"),
    Case(
      "- max_pool: {kernel: 2, padding: «2»}",
      "layer 'pool1': padding 2 is more than half of the window 2, so windows could see no input; use less padding"),
    Case(
      "- average_pool: {«kernel: [2, 9]»}",
      "layer 'pool1': a 2×9 window does not fit an input of 9×8 with padding 0; use a smaller kernel or more padding"),
    Case(
      "- flatten\n- «global_average_pool»",
      "layer 'pool1': global pooling takes [samples, channels, …] with one to three spatial dimensions, its input is 4×216"
    ),
    Case(
      "- adaptive_average_pool: {«output: [2, 2, 2]»}",
      "layer 'pool1': an input of 9×8 cannot be pooled to 2×2×2; give one number from 1, or one for each dimension"),
    Case(
      "- «batch_norm»", [],
      "layer 'norm1': batch normalisation takes [samples, channels, …] with up to three spatial dimensions, its input is 4"
    ),
    Case(
      "- layer_norm: {dimensions: «4»}",
      "layer 'norm1': layer normalisation of the last 4 dimensions does not fit the input 4×3×9×8, which has 3 behind the "
        + "samples; normalise from 1 to 3 of them"),
    Case(
      "- group_norm: {groups: «2»}",
      "layer 'norm1': 2 groups do not divide the 3 channels of the input 4×3×9×8; use one of 1, 3"),
    Case(
      "- prelu: {per_channel: «true»}", [],
      "layer 'prelu1': a slope for each channel takes [samples, channels, …], its input is 4; use one slope for all"),
    Case(
      "- «embedding: {vocabulary: 30, width: 6}»",
      "layer 'embedding1': an embedding takes int32 tokens [samples, steps], its input is 4×3×9×8; make it the first layer "
        + "of a model of tokens"),
    Case(
      "- «rnn: {units: 5}»", [7],
      "layer 'rnn1': a recurrent layer takes [samples, steps, features], its input is 4×7; put an 'embedding' before it "
        + "for tokens, a 'repeat' for one vector a sample"),
    Case(
      "- «lstm: {units: 5}»", tokens,
      "layer 'lstm1': a recurrent layer takes [samples, steps, features], its input is 4×20 int32; put an 'embedding' "
        + "before it for tokens, a 'repeat' for one vector a sample"),
    Case(
      "- lstm: {units: 5, layers: 2, name: e}\n- gru: {units: 6, from: input, state_from: e}".marked(line: 2), [20, 4],
      "layer 'gru1': the state of 'e' (lstm of 5 units, 2 layers) does not fit a gru of 6 units, 1 layer; make the two alike"
    ),
    Case(
      "- «repeat: 5»", tokens,
      "layer 'repeat1': 'repeat' takes numbers, its input is 4×20 int32, tokens; put an 'embedding' before it"),
    Case(
      "- add: [a, b]".after("- flatten: {name: b, from: input}\n- dense: {name: a, outputs: 7, from: b}"),
      "layer 'add1': cannot add 4×7 and 4×216: the shapes must be equal"),
    Case(
      "- subtract: [a, b]".after("- flatten: {name: b, from: input}\n- dense: {name: a, outputs: 7, from: b}"),
      "layer 'subtract1': cannot subtract 4×7 and 4×216: the shapes must be equal"),
    Case(
      "- multiply: [a, b]".after("- flatten: {name: b, from: input}\n- dense: {name: a, outputs: 7, from: b}"),
      "layer 'multiply1': cannot multiply 4×7 and 4×216: dimensions must be equal, or 1 in one of the two"),
    Case(
      "- concatenate: [a, b]".after("- max_pool: {name: a, kernel: 2}\n- max_pool: {name: b, kernel: 3, from: input}"),
      "layer 'concatenate1': cannot put 4×3×4×4 and 4×3×3×2 one behind the other along dimension 1: all other dimensions "
        + "must be equal"),
    Case(
      "- slice: {dimension: 2, start: 7, count: «3»}",
      "layer 'slice1': 3 positions from 7 on are not in dimension 2 of 4×3×9×8; it has 9"),
    Case(
      "- slice: {dimension: «4», start: 0, count: 1}",
      "layer 'slice1': dimension 4 is none of an input of 4×3×9×8; use -4 to 3"),
    Case(
      "- transpose: «[0, 2, 1]»",
      "layer 'transpose1': the order [0, 2, 1] does not name each dimension of 4×3×9×8 once; give 4 different numbers "
        + "from 0 on"),
    Case(
      "- transpose: «[1, 0, 2, 3]»",
      "layer 'transpose1': the order [1, 0, 2, 3] moves the samples of the input 4×3×9×8 from the front; begin it with 0"
    ),
    Case(
      "- reshape: «[3, 70]»",
      "layer 'reshape1': 4×3×9×8 has 864 elements, 4×3×70 has 840; give a shape of as many elements"),
    Case(
      "- mean: «0»",
      "layer 'mean1': dimension 0 of the input 4×3×9×8 is the samples, which are kept apart; use 1 to 3"),
    Case("- sum: «5»", "layer 'sum1': dimension 5 is none of an input of 4×3×9×8; use -4 to 3"),
    Case(
      "- softmax: «-2»", [7],
      "layer 'softmax1': dimension -2 of the input 4×7 is the samples, which are kept apart; use 1"),
    Case("- log_softmax: «4»", "layer 'log_softmax1': dimension 4 is none of an input of 4×3×9×8; use -4 to 3"),
    Case(
      "- «dropout: 0.5»", tokens,
      "layer 'dropout1': 'dropout' takes numbers, its input is 4×20 int32, tokens; put an 'embedding' before it"),
  ]

  @Test(arguments: cases) func aLayerThatDoesNotFitIsNamedWithItsShapesAndKey(_ example: Case) throws {
    let marked = example.layers.split(separator: "\n").map { "    " + $0 }
    let row = try #require(marked.firstIndex { $0.contains("«") })
    let column = try #require(marked[row].firstIndex(of: "«"))
    let place = SourcePlace(
      line: 9 + row, column: marked[row].distance(from: marked[row].startIndex, to: column) + 1)
    let list = marked.map { $0.replacing("«", with: "").replacing("»", with: "") }.joined(separator: "\n")
    let text = goodJob.replacing("  zoo: lenet5", with: "  layers:\n\(list)").replacing("128", with: "32")
    let data = DataDescription(
      example.sample, .classes(ClassTarget(names: (0..<10).map(String.init))), vocabularySizes: [:])
    let error = #expect(throws: InvalidJob.self) {
      try JobFile(yaml: text, file: "job.yaml").trainingGraph(for: data)
    }
    let problem = try #require(error?.problems.first)
    #expect(error?.problems.count == 1)
    #expect(problem.message == example.message)
    #expect(problem.place == place, "\(problem)")
  }

  /// Layers without shapes of their own refuse tokens, which they would compute with.
  @Test(arguments: [
    "linear", "relu", "leaky_relu", "elu", "swish", "gelu", "tanh", "sigmoid", "binary_step", "softmax", "prelu",
    "batch_norm", "layer_norm", "group_norm: {groups: 2}", "global_average_pool", "max_pool: {kernel: 2}",
    "convolution: {channels: 2, kernel: 3}", "mean: 1",
  ])
  func tokensAreNoNumbers(layer: String) throws {
    let text = goodJob.replacing("  zoo: lenet5", with: "  layers:\n    - \(layer)\n    - dense: {outputs: 10}")
    let error = #expect(throws: InvalidJob.self) {
      try JobFile(yaml: text, file: "job.yaml").trainingGraph(for: DataDescription(Self.tokens, classes: 10))
    }
    let problem = try #require(error?.problems.first)
    #expect(problem.message.contains("×20 int32"), "\(problem)")
    #expect(problem.line == (layer == "linear" ? 10 : 9) && problem.column == 7)
  }
}

extension String {
  /// Marks what stands behind the dash of its last line, or of `line`, counted from 1.
  fileprivate func marked(line: Int? = nil) -> String {
    var lines = split(separator: "\n").map(String.init)
    let index = (line ?? lines.count) - 1
    lines[index] = "- «" + lines[index].dropFirst(2) + "»"
    return lines.joined(separator: "\n")
  }

  /// Behind other lines, its list marked.
  fileprivate func after(_ lines: String) -> String { lines + "\n" + replacing("[", with: "«[") + "»" }
}
