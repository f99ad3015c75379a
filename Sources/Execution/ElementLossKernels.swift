import Glibc
import ModelGraph

extension ElementLossFunction {
  /// Calls `body` with the function, so that each has loops of its own: f(x, t) and ∂f/∂x without weights.
  @inline(__always)
  fileprivate func withTerms(_ body: (_ loss: (Float, Float) -> Float, _ slope: (Float, Float) -> Float) -> Void) {
    switch self {
    case .squaredError: body({ ($0 - $1) * ($0 - $1) }, { 2 * ($0 - $1) })
    case .absoluteError: body({ abs($0 - $1) }, { x, t in x > t ? 1 : (x < t ? -1 : x - t) })
    case .huber(let delta):
      let delta = Float(delta)
      body(
        { x, t in
          let distance = abs(x - t)
          return distance > delta ? delta * (distance - 0.5 * delta) : 0.5 * distance * distance
        },
        { x, t in
          let distance = x - t
          return distance > delta ? delta : (distance < -delta ? -delta : distance)
        })
    case .binaryCrossEntropy:
      body(
        { x, t in
          let tail = VectorFunctions.logarithm1p(VectorFunctions.exponential(-abs(x)))
          return t < 0 ? 0 : (x > 0 ? x : 0) - x * t + tail
        },
        { x, t in t < 0 ? 0 : VectorFunctions.sigmoid(x) - t })
    }
  }

  /// The same for a binary cross-entropy whose two answers weigh `no` and `yes`.
  @inline(__always)
  fileprivate static func withTerms(
    no: Float, yes: Float, _ body: (_ loss: (Float, Float) -> Float, _ slope: (Float, Float) -> Float) -> Void
  ) {
    body(
      { x, t in
        let tail = VectorFunctions.logarithm1p(VectorFunctions.exponential(-abs(x)))
        let (falls, rises) = ((x < 0 ? -x : 0) + tail, (x > 0 ? x : 0) + tail)
        return t < 0 ? 0 : yes * t * falls + no * (1 - t) * rises
      },
      { x, t in
        let sigma = VectorFunctions.sigmoid(x)
        return t < 0 ? 0 : no * (1 - t) * sigma - yes * t * (1 - sigma)
      })
  }

  /// By position in rows of `width`.
  fileprivate func weights(width: Int) -> [Float] {
    guard case .binaryCrossEntropy(let weights) = self, weights.count == width else { return [] }
    return weights.map { Float($0) }
  }

  /// Of the answers no and yes.
  fileprivate func answerWeights(width: Int) -> (no: Float, yes: Float)? {
    guard case .binaryCrossEntropy(let weights) = self, weights.count == 2, width == 1 else { return nil }
    return (Float(weights[0]), Float(weights[1]))
  }
}

/// Operands: prediction, target, loss.
struct ElementLossKernel: HostKernel {
  let function: ElementLossFunction
  let divisor: Int
  /// Rows of the last dimension.
  let rows: (count: Int, width: Int)

  func bind(_ memory: HostMemory) -> HostRun {
    let (function, rows, divisor, weights) = (function, rows, divisor, function.weights(width: rows.width))
    let (prediction, target, loss) = unsafe (memory.floats(0), memory.floats(1), memory.floats(2))
    if let answers = function.answerWeights(width: rows.width) {
      return { _, _ in
        ElementLossFunction.withTerms(no: answers.no, yes: answers.yes) { term, _ in
          let sum = unsafe Self.sum(prediction, target, rows.count, term)
          unsafe loss.pointee = Float(sum / Double(divisor))
        }
      }
    }
    return { _, _ in
      function.withTerms { term, _ in
        var sum = 0.0
        if weights.isEmpty {
          sum = unsafe Self.sum(prediction, target, rows.count * rows.width, term)
        } else {
          for index in 0..<rows.count * rows.width {
            sum += unsafe Double(weights[index % rows.width] * term(prediction[index], target[index]))
          }
        }
        unsafe loss.pointee = Float(sum / Double(divisor))
      }
    }
  }

  /// Eight sums at a time, added up in double after every 256 terms.
  @inline(__always)
  @unsafe private static func sum(
    _ x: UnsafePointer<Float>, _ t: UnsafePointer<Float>, _ count: Int, _ term: (Float, Float) -> Float
  ) -> Double {
    var total = 0.0
    for start in stride(from: 0, to: count, by: 256) {
      let end = min(start + 256, count)
      let whole = start + (end - start) / 8 * 8
      var sums = SIMD8<Float>.zero
      for index in stride(from: start, to: whole, by: 8) {
        for lane in 0..<8 { unsafe sums[lane] += term(x[index + lane], t[index + lane]) }
      }
      for lane in 0..<8 { total += Double(sums[lane]) }
      for index in whole..<end { total += unsafe Double(term(x[index], t[index])) }
    }
    return total
  }
}

/// Operands: prediction, target, gradient of the prediction.
struct ElementLossBackwardKernel: HostKernel {
  let function: ElementLossFunction
  let divisor: Int
  let rows: (count: Int, width: Int)

  func bind(_ memory: HostMemory) -> HostRun {
    let (function, rows, scale) = (function, rows, 1 / Float(divisor))
    let weights = function.weights(width: rows.width)
    let (prediction, target, gradient) = unsafe (memory.floats(0), memory.floats(1), memory.floats(2))
    if let answers = function.answerWeights(width: rows.width) {
      return { _, _ in
        ElementLossFunction.withTerms(no: answers.no, yes: answers.yes) { _, slope in
          for index in 0..<rows.count {
            unsafe gradient[index] = scale * slope(prediction[index], target[index])
          }
        }
      }
    }
    return { _, _ in
      function.withTerms { _, slope in
        for index in 0..<rows.count * rows.width {
          unsafe gradient[index] = scale * slope(prediction[index], target[index])
        }
      }
      guard !weights.isEmpty else { return }
      for row in 0..<rows.count {
        let gradient = unsafe gradient + row * rows.width
        for index in 0..<rows.width { unsafe gradient[index] *= weights[index] }
      }
    }
  }
}
