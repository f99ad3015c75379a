/// What a published run says of its model: a name and as many shapes as its source gives, as they are printed.
///
///     ModelDescription(name: "GPT 39B", layers: "48", hidden: "8192", heads: "64", sequence: "2048")
package struct ModelDescription: Hashable, Sendable {
  package var name: String
  /// What kind of network it is, such as `cnn-resnet` or `gpt-dense`; empty if unknown, as all that follows.
  package var family: String
  /// Billions of parameters.
  package var parameters: String
  /// Such as `24`, or `12+12` for an encoder and a decoder.
  package var layers: String
  package var hidden: String
  package var heads: String
  package var keyValueHeads: String
  package var feedForward: String
  package var vocabulary: String
  /// Tokens of a sequence.
  package var sequence: String
  /// Side of an image, or height × width.
  package var image: String
  /// Whatever else is known.
  package var configuration: String
  /// What it is trained for, such as `SQuAD fine-tuning`.
  package var task: String
  /// What trains it, such as `TensorFlow 1.x tf_cnn_benchmarks`.
  package var framework: String

  package init(
    name: String, family: String = "", parameters: String = "", layers: String = "", hidden: String = "",
    heads: String = "", keyValueHeads: String = "", feedForward: String = "", vocabulary: String = "",
    sequence: String = "", image: String = "", configuration: String = "", task: String = "",
    framework: String = ""
  ) {
    self.name = name
    self.family = family
    self.parameters = parameters
    self.layers = layers
    self.hidden = hidden
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.feedForward = feedForward
    self.vocabulary = vocabulary
    self.sequence = sequence
    self.image = image
    self.configuration = configuration
    self.task = task
    self.framework = framework
  }

  /// From a row of a file in the schema of `apus validate`, by column.
  package init(row: [String: String]) {
    func column(_ name: String) -> String { row[name] ?? "" }
    self.init(
      name: column("model"), family: column("model_family"), parameters: column("params_B"), layers: column("layers"),
      hidden: column("hidden"), heads: column("heads"), keyValueHeads: column("kv_heads"), feedForward: column("ffn"),
      vocabulary: column("vocab"), sequence: column("seq_len"), image: column("image_size"),
      configuration: column("model_config"), task: column("task"),
      framework: column("framework"))
  }

  /// The parameters themselves.
  var parameterCount: Double? { Double(parameters).map { $0 * 1e9 } }

  /// Whether TensorFlow's convolutional benchmarks ran it.
  var isOfFirstBenchmarks: Bool { (framework + task).contains("tf_cnn_benchmarks") }

  /// The numbers of a shape, none if it names no whole numbers: `12+12` has two, `4+4 LSTM` too.
  static func numbers(_ text: String) -> [Int] {
    text.split { !$0.isNumber }.compactMap { Int($0) }
  }

  /// The one number of a shape; nil if there are none or several. `250k (250880)` and `128k` are one number each.
  static func number(_ text: String) -> Int? {
    if let open = text.firstIndex(of: "("), text.last == ")" { return Int(text[open...].dropFirst().dropLast()) }
    let plain = text.filter { $0 != "," && $0 != " " && $0 != "_" }.lowercased()
    if plain.hasSuffix("k"), let thousands = Double(plain.dropLast()) {
      return Int(exactly: (thousands * 1000).rounded())
    }
    return Double(plain).flatMap { Int(exactly: $0) }
  }

  /// Height and width of an image: `224`, `832x1344`, `800x1333 max`. Nil if it changes in the run or is not given.
  var imageSides: (height: Int, width: Int)? {
    let sides = Self.numbers(image)
    if image.contains("x") || image.contains("×") { return sides.count >= 2 ? (sides[0], sides[1]) : nil }
    return sides.count == 1 ? (sides[0], sides[0]) : nil
  }

  /// Whether the sizes of images vary from step to step.
  var hasVaryingImages: Bool {
    image.contains("progressive") || image.contains("multi-scale") || image.contains("-")
  }

  /// The name's letters and digits in lower case: `ResNet-50 v1.5` is `resnet50v15`.
  var key: String { name.lowercased().filter { $0.isLetter || $0.isNumber } }

  /// The name in lower case, whatever is no letter and no digit a space: `ResNet-50 v1.5` is `resnet 50 v1 5`.
  var words: String { String(name.lowercased().map { $0.isLetter || $0.isNumber ? $0 : " " }) }

  /// Billions of parameters as the name has them: 0.25 of `Wide-ResNet-250M`, 39.1 of `GPT-39.1B (vTrain)`.
  var billionsInName: Double? {
    let units: [Character: Double] = ["m": 1e-3, "b": 1, "t": 1e3]
    let words = name.lowercased().split { !($0.isLetter || $0.isNumber || $0 == ".") }
    return words.lazy.compactMap { word in
      word.last.flatMap { units[$0] }.flatMap { unit in Double(word.dropLast()).map { $0 * unit } }
    }.first
  }
}
