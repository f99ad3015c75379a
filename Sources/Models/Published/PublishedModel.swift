package import ModelGraph

/// What one "sample" of a published batch size or throughput is.
package enum SampleUnit: String, Hashable, Sendable, Codable {
  case image
  /// A sequence of tokens; of an encoder and a decoder, a pair of them.
  case sequence
  case utterance
  /// Batches of sentences of changing length are counted in tokens.
  case token
  /// A row of a table of users and items.
  case interaction
}

/// The sizes of what runs through a model in one micro-batch of a rank.
package struct RunShape: Hashable, Sendable {
  /// Samples, in the model's `samplesUnit`.
  package let microBatch: Int
  /// Tokens of a sequence; nil for what the model is known for.
  package let sequence: Int?
  package let height: Int?
  package let width: Int?

  package init(microBatch: Int, sequence: Int? = nil, image: (height: Int, width: Int)? = nil) {
    self.microBatch = microBatch
    self.sequence = sequence
    height = image?.height
    width = image?.width
  }
}

/// A graph that a step of a published model runs.
package struct ModelPart: Sendable {
  package let name: String
  /// The forward pass with its losses, in the shapes of one micro-batch.
  package let graph: Graph
  /// Scalars, the gradient of whose sum trains the part's parameters; none of a part that only runs forward. What a
  /// trained part holds but does not train, such as the first stages of a detector, are statistics and no parameters.
  package let losses: [ValueID]
  /// How often it runs for one micro-batch.
  package let multiplicity: Int

  package init(_ name: String, _ graph: Graph, losses: [ValueID], multiplicity: Int = 1) {
    self.name = name
    self.graph = graph
    self.losses = losses
    self.multiplicity = multiplicity
  }

  /// Whether backward runs.
  package var isTrained: Bool { !losses.isEmpty }

  /// Forward and, of a trained part, backward.
  package func stepGraph() throws -> Graph { isTrained ? try graph.differentiated(losses) : graph }
}

/// A family of networks that can be built in the shapes of a run.
protocol PublishedArchitecture: Sendable {
  var samplesUnit: SampleUnit { get }

  /// Whether the image size of a row is what the network is given, rather than a bound.
  var takesImageOfRow: Bool { get }

  /// The graphs in the shapes of a micro-batch; what the run leaves open is what the network is known for.
  func parts(_ run: RunShape) throws -> [ModelPart]
}

extension PublishedArchitecture {
  var takesImageOfRow: Bool { true }
}

/// A model that somebody trained and published the speed of, as graphs whose operations can be counted.
///
/// The shapes of the row come first, the published configuration of its name fills what they leave open, and what neither
/// gives is refused.
///
///     let model = try PublishedModel(ModelDescription(name: "ResNet-50 v1.5", image: "224"))
///     let parts = try model.parts(microBatch: 256)
package struct PublishedModel: Sendable {
  /// The name as published.
  package let name: String
  package let samplesUnit: SampleUnit
  let architecture: any PublishedArchitecture
  private let description: ModelDescription

  /// - Throws: `PublishedModelError`.
  package init(_ description: ModelDescription) throws {
    let architecture = try Self.architecture(of: description)
    self.description = description
    self.architecture = architecture
    name = description.name
    samplesUnit = architecture.samplesUnit
  }

  /// The graphs of one micro-batch, with static shapes.
  ///
  /// - Parameters:
  ///   - sequence: tokens of a sequence; nil for the row's, else the model's usual ones.
  ///   - image: height and width; nil for the row's, else the model's usual ones.
  /// - Throws: `PublishedModelError` if a shape is missing, `GraphError` if they do not fit each other.
  package func parts(
    microBatch: Int, sequence: Int? = nil, image: (height: Int, width: Int)? = nil
  ) throws -> [ModelPart] {
    if image == nil, architecture.takesImageOfRow, description.hasVaryingImages {
      throw PublishedModelError(
        .missingShape, "'\(name)': images of changing size (\(description.image)) make no one step")
    }
    return try architecture.parts(
      RunShape(
        microBatch: microBatch, sequence: sequence ?? ModelDescription.number(description.sequence),
        image: image ?? (architecture.takesImageOfRow ? description.imageSides : nil)))
  }

  /// Weights of the model, frozen ones too.
  package func parameterCount() throws -> Int {
    // Two samples: a batch norm over one position has no variance with one.
    try parts(microBatch: 2).reduce(0) { sum, part in sum + part.graph.parameterCount + part.graph.frozenCount }
  }

  private static func architecture(of description: ModelDescription) throws -> any PublishedArchitecture {
    for family in families {
      if let architecture = try family(description) { return architecture }
    }
    throw PublishedModelError(
      .unknownModel,
      "no architecture named '\(description.name)' is known, and the row's shapes (layers '\(description.layers)', hidden "
        + "'\(description.hidden)') do not tell one")
  }

  /// Each gives the architecture if the description is one of its own, nil otherwise.
  private static let families: [@Sendable (ModelDescription) throws -> (any PublishedArchitecture)?] = [
    SegmentationNetwork.named, RegionDetector.named, SingleShotDetector.named, JasperNetwork.named,
    TransformerXL.named, RecurrentTranslator.named, CollaborativeFilter.named, DiffusionNetwork.named,
    ImagenNetwork.named,
    VisionTransformer.named, PerceiverNetwork.named, HybridNetwork.named, Classifier.named, PublishedTransformer.named,
  ]
}

extension Graph {
  /// Elements of weights that a step reads and does not train.
  var frozenCount: Int {
    statistics.reduce(0) { sum, id in
      guard case .statistic(_, let momentum) = self[id].role, momentum == 0 else { return sum }
      return sum + self[id].type.shape.elementCount
    }
  }
}
