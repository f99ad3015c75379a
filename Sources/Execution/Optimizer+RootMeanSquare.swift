/// Optimizers that divide a gradient by the root of its past squares.
extension Optimizer {
  static func adagrad(_ store: ParameterStore, _ range: Range<Int>, rate: Float, epsilon: Float, decay: Float) {
    let p = unsafe store.parameters + range.lowerBound
    let g = unsafe store.slot(0) + range.lowerBound
    let s = unsafe store.state(0) + range.lowerBound
    for i in 0..<range.count {
      let gradient = unsafe g[i] + decay * p[i]
      let sum = unsafe s[i] + gradient * gradient
      unsafe s[i] = sum
      unsafe p[i] -= rate * (gradient / (sum.squareRoot() + epsilon))
    }
  }

  struct RMSPropRates {
    let rate: Float
    let smoothing: Float
    let epsilon: Float
    let momentum: Float
    let decay: Float
  }

  /// States: the mean square; then the momentum's velocity, if there is momentum; then the mean, if centred.
  static func rmsprop(_ store: ParameterStore, _ range: Range<Int>, _ rates: RMSPropRates, isCentred: Bool) {
    let velocity = rates.momentum == 0 ? nil : 1
    let mean = isCentred ? (velocity ?? 0) + 1 : nil
    switch (velocity, mean) {
    case (nil, nil): rmspropPlain(store, range, rates)
    case (let velocity?, nil): rmspropMomentum(store, range, rates, velocity)
    case (nil, let mean?): rmspropCentred(store, range, rates, mean)
    case (let velocity?, let mean?): rmspropCentredMomentum(store, range, rates, velocity, mean)
    }
  }

  private static func rmspropPlain(_ store: ParameterStore, _ range: Range<Int>, _ rates: RMSPropRates) {
    let p = unsafe store.parameters + range.lowerBound
    let g = unsafe store.slot(0) + range.lowerBound
    let s = unsafe store.state(0) + range.lowerBound
    let (keep, fresh) = (rates.smoothing, 1 - rates.smoothing)
    for i in 0..<range.count {
      let gradient = unsafe g[i] + rates.decay * p[i]
      let square = unsafe keep * s[i] + fresh * (gradient * gradient)
      unsafe s[i] = square
      unsafe p[i] -= rates.rate * (gradient / (square.squareRoot() + rates.epsilon))
    }
  }

  private static func rmspropMomentum(
    _ store: ParameterStore, _ range: Range<Int>, _ rates: RMSPropRates, _ velocity: Int
  ) {
    let p = unsafe store.parameters + range.lowerBound
    let g = unsafe store.slot(0) + range.lowerBound
    let s = unsafe store.state(0) + range.lowerBound
    let v = unsafe store.state(velocity) + range.lowerBound
    let (keep, fresh) = (rates.smoothing, 1 - rates.smoothing)
    for i in 0..<range.count {
      let gradient = unsafe g[i] + rates.decay * p[i]
      let square = unsafe keep * s[i] + fresh * (gradient * gradient)
      unsafe s[i] = square
      let speed = unsafe rates.momentum * v[i] + gradient / (square.squareRoot() + rates.epsilon)
      unsafe v[i] = speed
      unsafe p[i] -= rates.rate * speed
    }
  }

  private static func rmspropCentred(
    _ store: ParameterStore, _ range: Range<Int>, _ rates: RMSPropRates, _ mean: Int
  ) {
    let p = unsafe store.parameters + range.lowerBound
    let g = unsafe store.slot(0) + range.lowerBound
    let s = unsafe store.state(0) + range.lowerBound
    let m = unsafe store.state(mean) + range.lowerBound
    let (keep, fresh) = (rates.smoothing, 1 - rates.smoothing)
    for i in 0..<range.count {
      let gradient = unsafe g[i] + rates.decay * p[i]
      let square = unsafe keep * s[i] + fresh * (gradient * gradient)
      let centre = unsafe keep * m[i] + fresh * gradient
      unsafe s[i] = square
      unsafe m[i] = centre
      // Rounding may leave less than nothing of a variance.
      let root = max(0, square - centre * centre).squareRoot() + rates.epsilon
      unsafe p[i] -= rates.rate * (gradient / root)
    }
  }

  private static func rmspropCentredMomentum(
    _ store: ParameterStore, _ range: Range<Int>, _ rates: RMSPropRates, _ velocity: Int, _ mean: Int
  ) {
    let p = unsafe store.parameters + range.lowerBound
    let g = unsafe store.slot(0) + range.lowerBound
    let s = unsafe store.state(0) + range.lowerBound
    let v = unsafe store.state(velocity) + range.lowerBound
    let m = unsafe store.state(mean) + range.lowerBound
    let (keep, fresh) = (rates.smoothing, 1 - rates.smoothing)
    for i in 0..<range.count {
      let gradient = unsafe g[i] + rates.decay * p[i]
      let square = unsafe keep * s[i] + fresh * (gradient * gradient)
      let centre = unsafe keep * m[i] + fresh * gradient
      unsafe s[i] = square
      unsafe m[i] = centre
      let root = max(0, square - centre * centre).squareRoot() + rates.epsilon
      let speed = unsafe rates.momentum * v[i] + gradient / root
      unsafe v[i] = speed
      unsafe p[i] -= rates.rate * speed
    }
  }
}
