package import Execution
import Foundation
package import Jobs

/// Judges what a look at gradients and activations has found.
package struct TrainingHealth: Sendable {
  /// Layers whose relative gradients ‖∇w‖ / ‖w‖ lie further apart than this learn at speeds that no one learning rate
  /// serves. You, Gitman & Ginsburg 2017 (§4) found ‖w‖ / ‖∇w‖ from 5.8 to 1345 in the first step of AlexNet, a factor of
  /// 230, and that to be near what plain SGD bears; four times that is warned of.
  package static let relativeSpread = 1000.0
  /// A gradient this many times the mean of those before is thrown off course: Pascanu, Mikolov & Bengio 2013 (§3.2)
  /// clip at half to ten times the mean.
  package static let growth = 10.0
  /// Looks that a mean takes to count.
  static let looksForGrowth = 3
  /// Of the units of a ReLU: that some never fire is nothing to worry about.
  package static let deadShare = 0.5
  /// Samples that a look at activations takes if there are as many before the next: a unit that fires for one sample in a
  /// hundred passes for dead with a probability of 0.6 %.
  package static let samplesOfALook = 512

  package private(set) var state: HealthState
  private let learningRate: Double

  package init(state: HealthState, learningRate: Double) {
    self.state = state
    self.learningRate = learningRate
  }

  /// - Parameters:
  ///   - norms: of each tensor, the last layer's first.
  ///   - activity: of each ReLU.
  ///   - samplesOfAnEpoch: those that a look can see at most.
  /// - Returns: the record, and warnings of kinds that the run has not given yet.
  package mutating func look(
    step: Int, epoch: Int, norms: [ParameterStore.TensorNorms], activity: [UnitActivity],
    samplesOfAnEpoch: Int
  ) -> (record: HealthRecord, warnings: [HealthWarning]) {
    let total = norms.reduce(0) { $0 + $1.gradient * $1.gradient }.squareRoot()
    let record = HealthRecord(
      step: step, epoch: epoch, gradientNorm: total, layers: Self.layers(norms),
      activations: activity.map {
        .init(layer: $0.layer, units: $0.units, deadUnits: $0.dead, samples: $0.samples)
      })
    let dead = dead(activity, step, enough: min(Self.samplesOfALook, samplesOfAnEpoch))
    var warnings = [spread(norms, step), growth(total, step), dead].compactMap(\.self)
    if total.isFinite {
      state.meanNorm += (total - state.meanNorm) / Double(state.looks + 1)
      state.looks += 1
    }
    warnings = warnings.filter { warning in
      guard !state.warned.contains(warning.name) else { return false }
      state.warned.append(warning.name)
      return true
    }
    return (record, warnings)
  }

  private static func layers(_ norms: [ParameterStore.TensorNorms]) -> [HealthRecord.Layer] {
    var order: [String] = []
    var sums: [String: (gradient: Double, parameter: Double)] = [:]
    for tensor in norms.reversed() {
      let layer = Phase.layer(of: tensor.name)
      if sums[layer] == nil { order.append(layer) }
      let sum = sums[layer] ?? (0, 0)
      sums[layer] = (
        sum.gradient + tensor.gradient * tensor.gradient, sum.parameter + tensor.parameter * tensor.parameter
      )
    }
    return order.map { layer in
      let sum = sums[layer] ?? (0, 0)
      return .init(layer: layer, gradientNorm: sum.gradient.squareRoot(), parameterNorm: sum.parameter.squareRoot())
    }
  }

  /// Compares the weights' relative gradients; biases, which may be zero, are left out.
  private func spread(_ norms: [ParameterStore.TensorNorms], _ step: Int) -> HealthWarning? {
    let relative = norms.reversed().filter { $0.isWeight && $0.parameter > 0 && $0.gradient.isFinite }
      .map { (name: $0.name, value: $0.gradient / $0.parameter) }
    guard let least = relative.indices.min(by: { relative[$0].value < relative[$1].value }),
      let most = relative.indices.max(by: { relative[$0].value < relative[$1].value }),
      relative[least].value * Self.relativeSpread < relative[most].value
    else { return nil }
    let facts =
      "the gradient of '\(relative[least].name)' is \(Self.short(relative[least].value)) of its weights, that of "
      + "'\(relative[most].name)' \(Self.short(relative[most].value))"
    return least < most
      ? HealthWarning(
        step: step, name: .vanishingGradients,
        message: facts + ": what is far from the output hardly learns; "
          + Self.remedy(forVanishing: relative[least].name))
      : HealthWarning(
        step: step, name: .explodingGradients,
        message: facts + ": gradients grow on their way back; set 'clip_norm' in training, or use fewer layers")
  }

  /// A recurrent layer's tensors are named `weight_ih_l0`.
  private static func remedy(forVanishing tensor: String) -> String {
    tensor.contains(".weight_ih_l") || tensor.contains(".weight_hh_l")
      ? "use lstm or gru for rnn, or fewer 'layers'"
      : "use relu for sigmoid or tanh, fewer layers, or 'pretraining: {epochs_per_layer: 2}'"
  }

  private func growth(_ total: Double, _ step: Int) -> HealthWarning? {
    let remedy = "set 'clip_norm' in training, or lower learning_rate (now \(learningRate))"
    guard total.isFinite else {
      return HealthWarning(
        step: step, name: .explodingGradients, message: "the gradient's norm is not finite; \(remedy)")
    }
    guard state.looks >= Self.looksForGrowth, state.meanNorm > 0, total > Self.growth * state.meanNorm else {
      return nil
    }
    return HealthWarning(
      step: step, name: .explodingGradients,
      message:
        "the gradient's norm is \(Self.short(total)), \(Self.short(total / state.meanNorm)) times the mean of the "
        + "\(state.looks) looks before; \(remedy)")
  }

  /// - Parameter enough: samples over which most of a layer must have been dead, in one look or in several in a row.
  private mutating func dead(_ activity: [UnitActivity], _ step: Int, enough: Int) -> HealthWarning? {
    var quiet: [String: Int] = [:]
    for layer in activity where Double(layer.dead) > Self.deadShare * Double(layer.units) {
      quiet[layer.layer] = (state.quietSamples?[layer.layer] ?? 0) + layer.samples
    }
    state.quietSamples = quiet.isEmpty ? nil : quiet
    guard let layer = activity.first(where: { quiet[$0.layer, default: 0] >= enough }) else { return nil }
    let total = quiet[layer.layer, default: 0]
    let before = total > layer.samples ? " (as most were for \(total) on end)" : ""
    return HealthWarning(
      step: step, name: .deadReLUs,
      message:
        "\(layer.dead) of \(layer.units) units of layer '\(layer.layer)' are 0 for each of \(layer.samples) samples"
        + before + " and learn nothing; lower learning_rate (now \(learningRate)), warm up, or use tanh there")
  }

  private static func short(_ value: Double) -> String { String(format: "%.3g", value) }
}
