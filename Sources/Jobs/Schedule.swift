import Foundation

/// How the learning rate changes while a network is trained: a pure function of the step, but for the plateau's, which
/// the run's own measures decide and which a `PlateauState` carries.
///
///     schedule: {name: cosine, minimum: 1e-5, warmup_epochs: 2}
package struct Schedule: Hashable, Codable, Sendable {
  package var shape: Shape
  /// Epochs in which the rate rises linearly before the shape begins; parts of an epoch are allowed.
  package var warmupEpochs: Double
  /// The rate of the first step of the warm-up, as a share of the rate that it rises to.
  package var warmupStart: Double

  package init(_ shape: Shape, warmupEpochs: Double = 0, warmupStart: Double = Defaults.warmupStart) {
    self.shape = shape
    self.warmupEpochs = warmupEpochs
    self.warmupStart = warmupStart
  }

  package static let constant = Schedule(.constant)

  package enum Shape: Hashable, Codable, Sendable {
    case constant
    /// × `factor` after every `everyEpochs` epochs of the run, warm-up counted (PyTorch's `StepLR`).
    case step(everyEpochs: Int, factor: Double)
    /// × `factor` at the end of each of these epochs of the run, warm-up counted (`MultiStepLR`).
    case milestones([Int], factor: Double)
    /// factorᵗ, t in epochs since the warm-up, at every step (`ExponentialLR`).
    case exponential(factor: Double)
    /// From the rate to `minimum` along half a cosine, from the warm-up to the run's end (Loshchilov & Hutter 2017,
    /// eq. 5; `CosineAnnealingLR`).
    case cosine(minimum: Double)
    case oneCycle(OneCycle)
    case plateau(Plateau)
  }

  /// Up and down once, then far down (Smith & Topin 2018; PyTorch's `OneCycleLR`, cosines, two phases, the momentum
  /// left as it is). The job's learning rate is the peak.
  package struct OneCycle: Hashable, Codable, Sendable {
    /// Share of the steps in which the rate rises.
    package var rise: Double
    /// The peak over the first rate.
    package var startDivisor: Double
    /// The first rate over the last.
    package var endDivisor: Double

    package init(rise: Double = 0.3, startDivisor: Double = 25, endDivisor: Double = 1e4) {
      self.rise = rise
      self.startDivisor = startDivisor
      self.endDivisor = endDivisor
    }
  }

  /// × `factor` whenever the metric has not got better for more than `patience` epochs (`ReduceLROnPlateau`).
  package struct Plateau: Hashable, Codable, Sendable {
    package var metric: ValidationMetric
    package var factor: Double
    /// Epochs without improvement that are let pass.
    package var patience: Int
    /// The least change that counts, as a share of the best value.
    package var threshold: Double
    /// The rate never falls below.
    package var minimum: Double

    package init(
      metric: ValidationMetric = .loss, factor: Double = Defaults.factor, patience: Int = 5, threshold: Double = 1e-4,
      minimum: Double = 0
    ) {
      self.metric = metric
      self.factor = factor
      self.patience = patience
      self.threshold = threshold
      self.minimum = minimum
    }
  }

  /// What a key that is left out means.
  package enum Defaults {
    package static let factor = 0.1
    package static let warmupStart = 0.01
  }

  package enum Name: String, Hashable, Sendable, CaseIterable {
    case constant, step, exponential, cosine
    case oneCycle = "one-cycle"
    case plateau
  }

  package var name: Name {
    switch shape {
    case .constant: .constant
    case .step, .milestones: .step
    case .exponential: .exponential
    case .cosine: .cosine
    case .oneCycle: .oneCycle
    case .plateau: .plateau
    }
  }

  /// Whether the rate of an early step depends on how long the run is.
  package var spansTheRun: Bool {
    switch shape {
    case .cosine, .oneCycle: true
    case .constant, .step, .milestones, .exponential, .plateau: false
    }
  }

  package var plateau: Plateau? { if case .plateau(let plateau) = shape { plateau } else { nil } }

  /// The learning rate of a step.
  ///
  /// - Parameters:
  ///   - step: steps done before it: 0 for the first.
  ///   - base: the job's learning rate.
  ///   - epochs: of the whole run.
  ///   - state: what a plateau has come to; nil for other shapes.
  package func rate(step: Int, base: Double, stepsPerEpoch: Int, epochs: Int, state: PlateauState? = nil) -> Double {
    precondition(step >= 0 && stepsPerEpoch > 0 && epochs > 0)
    let peak = state.map { $0.rate ?? base } ?? base
    let warmup = Int((warmupEpochs * Double(stepsPerEpoch)).rounded())
    let total = max(1, epochs * stepsPerEpoch - warmup)
    guard step >= warmup else {
      let first = shapeRate(0, base: peak, total: total, stepsPerEpoch, epoch: warmup / stepsPerEpoch)
      return first * (warmupStart + (1 - warmupStart) * Double(step) / Double(warmup))
    }
    return shapeRate(step - warmup, base: peak, total: total, stepsPerEpoch, epoch: step / stepsPerEpoch)
  }

  /// - Parameters:
  ///   - step: since the warm-up, of `total`.
  ///   - epoch: of the run, from 0.
  private func shapeRate(_ step: Int, base: Double, total: Int, _ stepsPerEpoch: Int, epoch: Int) -> Double {
    switch shape {
    case .constant, .plateau: return base
    case .step(let every, let factor): return base * pow(factor, Double(epoch / every))
    case .milestones(let ends, let factor): return base * pow(factor, Double(ends.count { $0 <= epoch }))
    case .exponential(let factor): return base * pow(factor, Double(step) / Double(stepsPerEpoch))
    case .cosine(let minimum):
      return Self.cosine(from: base, to: minimum, at: Double(step) / Double(total))
    case .oneCycle(let cycle):
      let first = base / cycle.startDivisor
      // As PyTorch counts: both ends of a phase are steps.
      let top = cycle.rise * Double(total) - 1
      let last = Double(total) - 1
      if top > 0, Double(step) <= top { return Self.cosine(from: first, to: base, at: Double(step) / top) }
      let part = last > top ? (Double(step) - top) / (last - top) : 1
      return Self.cosine(from: base, to: first / cycle.endDivisor, at: min(1, part))
    }
  }

  private static func cosine(from start: Double, to end: Double, at part: Double) -> Double {
    end + (start - end) * (1 + cos(.pi * part)) / 2
  }
}

/// What is measured on the validation samples at the end of an epoch.
package enum ValidationMetric: String, Hashable, Codable, Sendable, CaseIterable {
  /// Of several labels, the accuracy is the share of samples of which each one is right.
  case loss, accuracy
  /// Of the answers to all labels together.
  case microF1 = "micro-f1"
  /// Mean over classes or labels; 0 while it is undefined for one of them.
  case macroF1 = "macro-f1"

  /// Whether `value` is better than `best` by more than `margin`.
  package func isBetter(_ value: Double, than best: Double, by margin: Double) -> Bool {
    switch self {
    case .loss: value < best - margin
    case .accuracy, .microF1, .macroF1: value > best + margin
    }
  }
}

/// What reduce-on-plateau has seen; part of a checkpoint, so that a resumed run goes on as if undisturbed.
package struct PlateauState: Hashable, Codable, Sendable {
  package private(set) var best: Double?
  /// Epochs since the best.
  package private(set) var idleEpochs = 0
  /// Nil until the first reduction: the job's learning rate.
  package private(set) var rate: Double?

  package init() {}

  /// Takes an epoch's metric.
  package mutating func observe(_ value: Double, _ plateau: Schedule.Plateau, base: Double) {
    let margin = plateau.threshold * abs(best ?? 0)
    if best.map({ plateau.metric.isBetter(value, than: $0, by: margin) }) ?? true {
      best = value
      idleEpochs = 0
    } else {
      idleEpochs += 1
    }
    guard idleEpochs > plateau.patience else { return }
    rate = max((rate ?? base) * plateau.factor, min(plateau.minimum, rate ?? base))
    idleEpochs = 0
  }
}
