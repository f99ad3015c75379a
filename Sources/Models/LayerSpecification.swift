package import ModelGraph

/// A convolution before the channels and dimensions of its input are known.
package struct ConvolutionSettings: Hashable, Codable, Sendable {
  package var channels: Int
  package var kernel: Extent
  package var stride: Extent
  package var padding: Extent
  package var dilation: Extent
  package var groups: Int
  package var hasBias: Bool
  package var activation: ActivationFunction?
  package var initialisation: WeightInitialisation

  package init(
    channels: Int, kernel: Extent, stride: Extent = Extent(1), padding: Extent = Extent(0),
    dilation: Extent = Extent(1), groups: Int = 1, hasBias: Bool = true, activation: ActivationFunction? = nil,
    initialisation: WeightInitialisation = .uniform
  ) {
    self.channels = channels
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
    self.hasBias = hasBias
    self.activation = activation
    self.initialisation = initialisation
  }
}

/// Recurrent layers of one cell, one above the other, before the features of their input are known.
package struct RecurrentSettings: Hashable, Codable, Sendable {
  /// What is handed on: the output of every step, or the final state of the last layer.
  package enum Returns: String, Hashable, Codable, Sendable, CaseIterable { case last, sequence }

  package var cell: RecurrentCell
  package var units: Int
  package var layers: Int
  /// Whether each layer reads the sequence backwards too, with weights of its own: what it gives is twice as wide.
  package var isBidirectional: Bool
  package var returns: Returns
  /// Of the outputs between layers, in training.
  package var dropout: Double
  /// The earlier recurrent layer, alike in cell, units, layers and directions, whose final state is this one's initial
  /// state: a decoder's encoder. Zero if nil.
  package var stateFrom: String?

  package init(
    _ cell: RecurrentCell, units: Int, layers: Int = 1, isBidirectional: Bool = false, returns: Returns = .last,
    dropout: Double = 0, stateFrom: String? = nil
  ) {
    self.cell = cell
    self.units = units
    self.layers = layers
    self.isBidirectional = isBidirectional
    self.returns = returns
    self.dropout = dropout
    self.stateFrom = stateFrom
  }
}

extension RecurrentSettings {
  /// Whether one layer's state fits the other.
  func hasState(like other: RecurrentSettings) -> Bool {
    (cell, units, layers, isBidirectional) == (other.cell, other.units, other.layers, other.isBidirectional)
  }

  /// Such as `lstm of 256 units, 2 layers, bidirectional`.
  var stateDescription: String {
    "\(cell.rawValue) of \(units) units, \(layers) \(layers == 1 ? "layer" : "layers")"
      + (isBidirectional ? ", bidirectional" : "")
  }
}

/// The learned slopes of a PReLU.
package struct PReLUSettings: Hashable, Codable, Sendable {
  /// Whether each channel has its own slope; one for all of them otherwise.
  package var isPerChannel: Bool
  package var initialSlope: Double

  package init(isPerChannel: Bool = false, initialSlope: Double = 0.25) {
    self.isPerChannel = isPerChannel
    self.initialSlope = initialSlope
  }
}

/// One layer of a model before there are shapes: what a line of a job's `layers` says.
package struct LayerSpecification: Hashable, Codable, Sendable {
  package enum Kind: Hashable, Codable, Sendable {
    case dense(
      outputs: Int, hasBias: Bool = true, activation: ActivationFunction? = nil,
      initialisation: WeightInitialisation = .uniform)
    case convolution(ConvolutionSettings)
    case maxPool(Window)
    case averagePool(Window, countsPadding: Bool)
    /// The mean over all positions of each channel.
    case globalAveragePool
    /// The means of as many windows as are asked for, whatever the size of the input.
    case adaptiveAveragePool(Extent)
    case batchNormalisation(epsilon: Double = 1e-5, momentum: Double = 0.1, activation: ActivationFunction? = nil)
    /// Over the last dimensions, each row by itself.
    case layerNormalisation(dimensions: Int = 1, epsilon: Double = 1e-5, activation: ActivationFunction? = nil)
    /// Over groups of channels, each sample by itself; as many groups as channels is instance normalisation.
    case groupNormalisation(groups: Int, epsilon: Double = 1e-5, activation: ActivationFunction? = nil)
    /// A row of a table for each token; its input is the model's, int32.
    case embedding(vocabulary: Int, width: Int)
    case recurrent(RecurrentSettings)
    /// The same vector at every step of a sequence.
    case repeated(count: Int)
    case flatten
    case dropout(rate: Double)
    case activation(ActivationFunction)
    case softmax(dimension: Int = -1, isLogarithm: Bool = false)
    /// The sum of the outputs of two or more earlier layers.
    case add([String])
    /// The input as it is: the linear activation.
    case identity
    case prelu(PReLUSettings = PReLUSettings())
    case maxout(outputs: Int, pieces: Int, hasBias: Bool = true)
    /// The outputs of earlier layers, one behind the other.
    case concatenate([String], dimension: Int = 1)
    case subtract(String, String)
    case multiply(String, String)
    case slice(dimension: Int, start: Int, count: Int)
    case transpose([Int])
    /// The same elements of a sample under another shape.
    case reshape([Int])
    case reduce(Reduce.Kind, dimension: Int)

    /// The earlier layers that this kind names itself; nil if it takes one input.
    package var sources: [String]? {
      switch self {
      case .add(let sources), .concatenate(let sources, _): sources
      case .subtract(let a, let b), .multiply(let a, let b): [a, b]
      default: nil
      }
    }
  }

  package var kind: Kind
  /// Unique in its model. Empty until `ModelSpecification` names it.
  package var name: String
  /// The earlier layer whose output this one takes, or `input`; the layer before it if nil.
  package var from: String?

  package init(_ kind: Kind, name: String = "", from: String? = nil) {
    self.kind = kind
    self.name = name
    self.from = from
  }

  /// What generated names begin with: `conv1`, `conv2`, `dense1`.
  var namePrefix: String {
    switch kind {
    case .dense: "dense"
    case .convolution: "conv"
    case .maxPool, .averagePool, .globalAveragePool, .adaptiveAveragePool: "pool"
    case .batchNormalisation, .layerNormalisation, .groupNormalisation: "norm"
    case .embedding: "embedding"
    case .recurrent(let settings): settings.cell.rawValue
    case .repeated: "repeat"
    case .flatten: "flatten"
    case .dropout: "dropout"
    case .activation(let function): function.name
    case .softmax(_, let isLogarithm): isLogarithm ? "log_softmax" : "softmax"
    case .add: "add"
    case .identity: "linear"
    case .prelu: "prelu"
    case .maxout: "maxout"
    case .concatenate: "concatenate"
    case .subtract: "subtract"
    case .multiply: "multiply"
    case .slice: "slice"
    case .transpose: "transpose"
    case .reshape: "reshape"
    case .reduce(let kind, _): kind.rawValue
    }
  }

  /// The layers that this one reads by name; the layer before it is not named.
  package var namedSources: [String] {
    kind.sources ?? from.map { [$0] } ?? []
  }

  /// The layer whose final state this one begins with.
  var stateSource: String? {
    if case .recurrent(let settings) = kind { settings.stateFrom } else { nil }
  }
}

extension [LayerSpecification] {
  /// The same layers, those without a name named after their kind and numbered: `conv1`, `conv2`, `dense1`.
  ///
  /// Names that are given to a layer are passed over.
  package func named() -> [LayerSpecification] {
    var taken = Set(map(\.name))
    var counts: [String: Int] = [:]
    return map { layer in
      guard layer.name.isEmpty else { return layer }
      var named = layer
      repeat {
        counts[layer.namePrefix, default: 0] += 1
        named.name = "\(layer.namePrefix)\(counts[layer.namePrefix, default: 1])"
      } while taken.contains(named.name)
      taken.insert(named.name)
      return named
    }
  }
}
