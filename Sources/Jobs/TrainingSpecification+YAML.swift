import Collectives
import ModelGraph
import Models
import Units

extension TrainingSpecification {
  /// The keys of the section with their values, every default written out; what is not set is left out, and what says how ranks
  /// work together where it is the default.
  var lines: [(String, String)] {
    var lines = [
      ("epochs", "\(epochs)"), ("batch", "\(batch)"), ("shards", "\(shards)"), ("loss", loss.rawValue),
      ("label_smoothing", "\(lossOptions.labelSmoothing)"), ("optimizer", optimizer.yaml), ("schedule", schedule.yaml),
    ]
    if !lossOptions.classWeights.isEmpty { lines.append(("class_weights", "\(lossOptions.classWeights)")) }
    if loss == .huber { lines.append(("huber_delta", "\(lossOptions.huberDelta)")) }
    if let clipNorm { lines.append(("clip_norm", "\(clipNorm)")) }
    if let clipValue { lines.append(("clip_value", "\(clipValue)")) }
    lines.append(("l1", "\(l1)"))
    if let stopping = earlyStopping {
      let settings = [
        ("metric", stopping.metric.rawValue), ("patience", "\(stopping.patience)"),
        ("min_delta", "\(stopping.minDelta)"), ("restore_best", "\(stopping.restoreBest)"),
      ]
      lines.append(("early_stopping", flow(settings)))
    }
    if let pretraining { lines.append(("pretraining", flow([("epochs_per_layer", "\(pretraining.epochsPerLayer)")]))) }
    if carriesState { lines.append(("carry_state", "true")) }
    if let steps = health.everySteps { lines.append(("health", flow([("every_steps", "\(steps)")]))) }
    lines += [("precision", precision.rawValue), ("reduction", reduction.rawValue)]
    if let allReduce { lines.append(("all_reduce", allReduce.rawValue)) }
    if let bucket { lines.append(("bucket", "\(bucket.count) B")) }
    if gradientPrecision != Job.Defaults.gradientPrecision {
      lines.append(("gradient_precision", gradientPrecision.rawValue))
    }
    if zeroStage != Job.Defaults.zeroStage { lines.append(("zero", "\(zeroStage)")) }
    return lines
  }
}

extension OptimizerSpecification {
  fileprivate var yaml: String {
    flow(
      [("name", name.rawValue), ("learning_rate", "\(learningRate)")] + rule.settings
        + [("weight_decay", "\(weightDecay)"), ("decay_bias", "\(decayBias)")])
  }
}

extension OptimizerSpecification.Rule {
  fileprivate var settings: [(String, String)] {
    switch self {
    case .sgd(let momentum, let nesterov): [("momentum", "\(momentum)"), ("nesterov", "\(nesterov)")]
    case .adagrad(let epsilon): [("epsilon", "\(epsilon)")]
    case .rmsprop(let smoothing, let epsilon, let momentum, let centred):
      [
        ("smoothing", "\(smoothing)"), ("epsilon", "\(epsilon)"), ("momentum", "\(momentum)"),
        ("centred", "\(centred)"),
      ]
    case .adam(let moments), .adamw(let moments), .lamb(let moments):
      [("beta1", "\(moments.beta1)"), ("beta2", "\(moments.beta2)"), ("epsilon", "\(moments.epsilon)")]
    case .lars(let momentum, let trust): [("momentum", "\(momentum)"), ("trust", "\(trust)")]
    }
  }
}

extension Schedule {
  fileprivate var yaml: String {
    let settings: [(String, String)] =
      switch shape {
      case .constant: []
      case .step(let every, let factor): [("every_epochs", "\(every)"), ("factor", "\(factor)")]
      case .milestones(let epochs, let factor):
        [("milestones", "[\(epochs.map(String.init).joined(separator: ", "))]"), ("factor", "\(factor)")]
      case .exponential(let factor): [("factor", "\(factor)")]
      case .cosine(let minimum): [("minimum", "\(minimum)")]
      case .oneCycle(let cycle):
        [("rise", "\(cycle.rise)"), ("start_divisor", "\(cycle.startDivisor)"), ("end_divisor", "\(cycle.endDivisor)")]
      case .plateau(let plateau):
        [
          ("metric", plateau.metric.rawValue), ("factor", "\(plateau.factor)"), ("patience", "\(plateau.patience)"),
          ("threshold", "\(plateau.threshold)"), ("minimum", "\(plateau.minimum)"),
        ]
      }
    return flow(
      [("name", name.rawValue)] + settings
        + [("warmup_epochs", "\(warmupEpochs)"), ("warmup_start", "\(warmupStart)")])
  }
}
