import Datasets
import Jobs
import ModelGraph
import Models

/// A stretch of a run in which one network is trained: the whole one, and before it, with layer-wise pre-training, a
/// network for each layer but the last.
struct Phase: Sendable {
  /// The job with the phase's network.
  let file: JobFile
  /// Steps of the run, from 0.
  let steps: Range<Int>
  /// The layers whose parameters are updated; nil for all.
  let trainedLayers: Set<String>?
  /// For the user; nil for the whole network.
  let title: String?

  static let headName = "pretraining-output"
  static let flattenName = "pretraining-flatten"

  var isPretraining: Bool { trainedLayers != nil }

  func trains(_ parameter: String) -> Bool { trainedLayers?.contains(Self.layer(of: parameter)) ?? true }

  /// A parameter is named after its layer: `c1.weight`.
  static func layer(of parameter: String) -> String {
    parameter.lastIndex(of: ".").map { String(parameter[..<$0]) } ?? parameter
  }

  /// The phases of `file`'s run, one after the other.
  /// - Parameters:
  ///   - data: what the network is trained on.
  ///   - graph: of the whole network.
  /// - Throws: `InvalidJob` at `training.pretraining` if the network is no chain of at least two layers with weights.
  static func all(
    _ file: JobFile, _ data: DataDescription, graph: Graph, stepsPerEpoch: Int
  ) throws -> [Phase] {
    let job = file.job
    let whole = job.training.epochs * stepsPerEpoch
    guard let pretraining = job.training.pretraining else {
      return [Phase(file: file, steps: 0..<whole, trainedLayers: nil, title: nil)]
    }
    let layers = job.modelSpecification(for: data).layers
    func refuse(_ reason: String) -> InvalidJob {
      InvalidJob([
        file.problem(at: "training.pretraining", "layer-wise pre-training \(reason); remove 'pretraining'")
      ])
    }
    if let layer = layers.first(where: { !$0.namedSources.isEmpty }) {
      throw refuse("takes a plain chain of layers, and '\(layer.name)' takes its input from \(layer.namedSources[0])")
    }
    guard data.target.outputShape.rank == 1 else {
      throw refuse("takes one target a sample, and the data's is \(data.target.outputShape)")
    }
    // Layers without weights of their own, such as normalisation, belong to the layer before them.
    let withWeights = Set(graph.parameters.filter(graph.isWeight).map { Self.layer(of: graph[$0].name) })
    let places = layers.indices.filter { withWeights.contains(layers[$0].name) }
    guard places.count >= 2 else {
      throw refuse("takes at least two layers with weights, and the network has \(places.count)")
    }
    let steps = pretraining.epochsPerLayer * stepsPerEpoch
    let early = places.dropLast().enumerated().map { index, place in
      let head = [
        LayerSpecification(.flatten, name: flattenName),
        LayerSpecification(.dense(outputs: data.target.outputCount), name: headName),
      ]
      let name = layers[place].name
      let end = places[index + 1]
      let own = layers[(index == 0 ? 0 : place)..<end].map(\.name)
      return Phase(
        file: file.training(layers: Array(layers[..<end]) + head),
        steps: index * steps..<(index + 1) * steps, trainedLayers: Set(own + [headName]),
        title: "pre-training '\(name)', layer \(index + 1) of \(places.count - 1)")
    }
    let start = early.count * steps
    return early + [Phase(file: file, steps: start..<start + whole, trainedLayers: nil, title: nil)]
  }
}
