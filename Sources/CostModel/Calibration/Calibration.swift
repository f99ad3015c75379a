import Units

/// What published runs taught the model: constants, software factors, and how far predictions of unseen runs fall apart.
package struct Calibration: Sendable {
  package let constants: Constants
  package let effects: SoftwareEffects
  /// Half the width of a 90 % interval, in the deviations that `SoftwareEffects` estimates: measured on left-out runs.
  package let intervalFactor: Double

  /// The runs it was fitted to: their names, their traits, and the logarithms of measured over modelled time.
  package let ids: [String]
  package let traits: [RunTraits]
  package let residuals: [Double]

  init(
    constants: Constants, effects: SoftwareEffects, ids: [String], traits: [RunTraits], residuals: [Double],
    intervalFactor: Double
  ) {
    self.constants = constants
    self.effects = effects
    self.ids = ids
    self.traits = traits
    self.residuals = residuals
    self.intervalFactor = intervalFactor
  }

  /// Fits constants and effects to runs.
  ///
  /// - Parameter start: where the search begins; priors of the runs' accelerators and frameworks if nil.
  package init(
    fitting steps: [RunStep], from start: Constants? = nil, iterations: Int = 40, intervalFactor: Double = 1.645
  ) {
    let priors = start ?? Self.priors(steps)
    let resolved = steps.map { step in
      var step = step
      step.resolve(priors)
      return step
    }
    let fit = Fit(resolved.map { Fit.Run(shape: $0.shape, seconds: $0.published, traits: $0.traits(priors)) })
    let fitted = fit.fitted(from: priors, iterations: iterations)
    constants = fitted
    ids = steps.map(\.run.id)
    traits = resolved.map { $0.traits(fitted) }
    residuals = fit.logResiduals(fitted)
    effects = SoftwareEffects(traits, residuals: residuals)
    self.intervalFactor = intervalFactor
  }

  /// Fits constants and effects, and the width of intervals to what left-out sources and clusters are predicted like.
  package init(refitting steps: [RunStep]) {
    let fitted = Calibration(fitting: steps)
    let sources = CrossValidation(steps, folds: .sources, from: fitted.constants)
    let clusters = CrossValidation(steps, folds: .clusters(10), from: fitted.constants)
    self.init(
      constants: fitted.constants, effects: fitted.effects, ids: fitted.ids, traits: fitted.traits,
      residuals: fitted.residuals, intervalFactor: (sources.intervalFactor + clusters.intervalFactor) / 2)
  }

  /// A constant of its own for each accelerator and framework that at least two runs have.
  static func priors(_ steps: [RunStep]) -> Constants {
    func frequent(_ names: [String]) -> [String] {
      var counts: [String: Int] = [:]
      for name in names { counts[name, default: 0] += 1 }
      return counts.filter { $0.value >= 2 }.keys.sorted()
    }
    return .priors(
      accelerators: frequent(steps.map(\.shape.device.constantKey)), frameworks: frequent(steps.map(\.frameworkName)))
  }

  package struct Prediction: Hashable, Sendable {
    package let seconds: Double
    package let low: Double
    package let high: Double
    /// Logarithm of the factor beside what physics says, and its standard deviation.
    package let effect: SoftwareEffects.Estimate
  }

  package func predict(_ step: RunStep) -> Prediction {
    var step = step
    step.resolve(constants)
    let physics = step.shape.breakdown(constants)
    let effect = effects.estimate(step.traits(physics))
    let seconds = physics.total.count * exp(effect.mean)
    let width = exp(intervalFactor * effect.deviation)
    return Prediction(seconds: seconds, low: seconds / width, high: seconds * width, effect: effect)
  }
}
