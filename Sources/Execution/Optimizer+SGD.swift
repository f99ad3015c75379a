extension Optimizer {
  struct SGDRates {
    let rate: Float
    let decay: Float
    let momentum: Float
    let nesterov: Bool
  }

  static func sgd(_ store: ParameterStore, _ range: Range<Int>, _ rates: SGDRates) {
    let p = unsafe store.parameters + range.lowerBound
    let g = unsafe store.slot(0) + range.lowerBound
    let (rate, decay, momentum) = (rates.rate, rates.decay, rates.momentum)
    guard momentum != 0 else {
      for i in 0..<range.count { unsafe p[i] -= rate * (g[i] + decay * p[i]) }
      return
    }
    let v = unsafe store.state(0) + range.lowerBound
    if rates.nesterov {
      for i in 0..<range.count {
        let gradient = unsafe g[i] + decay * p[i]
        let velocity = unsafe momentum * v[i] + gradient
        unsafe v[i] = velocity
        unsafe p[i] -= rate * (gradient + momentum * velocity)
      }
    } else {
      for i in 0..<range.count {
        let velocity = unsafe momentum * v[i] + (g[i] + decay * p[i])
        unsafe v[i] = velocity
        unsafe p[i] -= rate * velocity
      }
    }
  }
}
