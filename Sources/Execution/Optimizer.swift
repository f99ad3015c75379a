import Glibc

/// The rule that turns a gradient into a change of the parameters: one pass over flat arrays, two for LARS and LAMB,
/// which look at each parameter tensor's norm first.
///
/// g is the gradient, p the parameter, η the learning rate of the step, λ the weight decay.
package enum Optimizer: Hashable, Sendable, Codable {
  /// v ← μ v + g + λ p;  p ← p − η v (Nesterov: p ← p − η (g + λ p + μ v)). PyTorch's `SGD`, dampening 0.
  case sgd(momentum: Float, weightDecay: Float, nesterov: Bool)
  /// s ← s + g²;  p ← p − η g / (√s + ε), with g + λ p for g (Duchi, Hazan & Singer 2011). PyTorch's `Adagrad`.
  case adagrad(epsilon: Float, weightDecay: Float)
  /// Tieleman & Hinton 2012, centred as in Graves 2013, with momentum as in PyTorch's `RMSprop`.
  case rmsprop(smoothing: Float, epsilon: Float, momentum: Float, weightDecay: Float, centred: Bool)
  /// Kingma & Ba 2015, algorithm 1. `decoupled`: weight decay as in AdamW (Loshchilov & Hutter 2019, algorithm 2),
  /// else it is added to the gradient.
  case adam(beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float, decoupled: Bool)
  /// You, Gitman & Ginsburg 2017, algorithm 1: SGD whose rate is scaled for each tensor by
  /// `trust` · ‖p‖ / (‖g‖ + λ ‖p‖); by 1 for a tensor whose p or g is all zeros.
  case lars(momentum: Float, trust: Float, weightDecay: Float)
  /// You et al. 2020, algorithm 2: Adam whose update of a tensor is scaled to the tensor's norm; φ is the identity, and
  /// the ratio 1 where one of the two norms is 0.
  case lamb(beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float)

  /// State arrays a parameter.
  package var stateCount: Int {
    switch self {
    case .sgd(let momentum, _, _): momentum == 0 ? 0 : 1
    case .adagrad: 1
    case .rmsprop(_, _, let momentum, _, let centred): 1 + (momentum == 0 ? 0 : 1) + (centred ? 1 : 0)
    case .adam, .lamb: 2
    case .lars: 1
    }
  }

  /// Updates parameters of `store` from the gradients in slot 0, which LAMB overwrites.
  ///
  /// Every rank that has the same gradients gets the same bits: norms are summed in the order of the elements.
  /// - Parameters:
  ///   - step: number of this update, from 1; Adam and LAMB correct their bias by it.
  ///   - learningRate: η of this step.
  ///   - ranges: what is updated and decays; nil for every parameter.
  package func update(_ store: ParameterStore, step: Int, learningRate: Float, over ranges: UpdateRanges? = nil) {
    update(store, step: step, learningRate: learningRate, over: ranges) { sums in
      precondition(sums.isEmpty, "a share of a tensor is updated without the others' part of its norm")
    }
  }

  /// The same for a rank that has a share of the parameters. Bits are those of a rank that has all.
  ///
  /// - Parameter exchange: adds up what the ranks have, element by element; one of them is not 0. Called only if the
  ///   optimizer needs the norm of a tensor of which several ranks update parts.
  /// - Throws: what `exchange` throws.
  package func update(
    _ store: ParameterStore, step: Int, learningRate: Float, over ranges: UpdateRanges? = nil,
    exchange: (inout [Double]) throws -> Void
  ) rethrows {
    precondition(step >= 1 && store.stateCount >= stateCount)
    let ranges = ranges ?? store.allRanges
    switch self {
    case .sgd(let momentum, let decay, let nesterov):
      for piece in ranges.ownRuns {
        let rates = SGDRates(
          rate: learningRate, decay: piece.isDecayed ? decay : 0, momentum: momentum, nesterov: nesterov)
        Self.sgd(store, piece.range, rates)
      }
    case .adagrad(let epsilon, let decay):
      for piece in ranges.ownRuns {
        Self.adagrad(store, piece.range, rate: learningRate, epsilon: epsilon, decay: piece.isDecayed ? decay : 0)
      }
    case .rmsprop(let smoothing, let epsilon, let momentum, let decay, let centred):
      for piece in ranges.ownRuns {
        let rates = RMSPropRates(
          rate: learningRate, smoothing: smoothing, epsilon: epsilon, momentum: momentum,
          decay: piece.isDecayed ? decay : 0)
        Self.rmsprop(store, piece.range, rates, isCentred: centred)
      }
    case .adam(let beta1, let beta2, let epsilon, let decay, let decoupled):
      let moments = Moments(beta1: beta1, beta2: beta2, epsilon: epsilon, step: step)
      for piece in ranges.ownRuns {
        let decay = piece.isDecayed ? decay : 0
        Self.adam(store, piece.range, moments, rate: learningRate, decay: decay, isDecoupled: decoupled)
      }
    case .lars(let momentum, let trust, let decay):
      for piece in ranges.tensors {
        Self.lars(
          store, piece.range, rate: learningRate, momentum: momentum, trust: trust, decay: piece.isDecayed ? decay : 0)
      }
    case .lamb(let beta1, let beta2, let epsilon, let decay):
      let moments = Moments(beta1: beta1, beta2: beta2, epsilon: epsilon, step: step)
      for piece in ranges.tensors where piece.range.clamped(to: store.stateRange) == piece.range {
        Self.lamb(store, piece.range, moments, rate: learningRate, decay: piece.isDecayed ? decay : 0)
      }
      guard !ranges.split.isEmpty else { return }
      try Self.lamb(store, split: ranges.split, moments, rate: learningRate, decay: decay, exchange: exchange)
    }
  }
}
