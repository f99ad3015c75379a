import Glibc

/// The losses as plain loops: a batch's logits are a few thousand numbers.
@safe enum LossKernels {
  /// A label indexes memory, so it is looked at before it does.
  /// - Throws: `ExecutionError` with `.invalidLabel` for the first label beyond the last class.
  @unsafe static func requireClasses(_ labels: UnsafePointer<Int32>, _ shape: CrossEntropyShape) throws {
    for sample in 0..<shape.samples where unsafe Int(labels[sample]) >= shape.classes {
      throw unsafe ExecutionError(
        .invalidLabel,
        "label \(labels[sample]) of sample \(sample) is no class of the model's \(shape.classes); use 0 to "
          + "\(shape.classes - 1), or a negative label to leave the sample out")
    }
  }

  /// Probabilities and the summed negative log-likelihood, divided; labels below 0 are left out.
  @unsafe static func crossEntropy(
    logits: UnsafePointer<Float>, labels: UnsafePointer<Int32>, loss: UnsafeMutablePointer<Float>,
    probabilities: UnsafeMutablePointer<Float>, _ shape: CrossEntropyShape
  ) {
    var sum = 0.0
    for sample in 0..<shape.samples {
      let x = unsafe logits + sample * shape.classes
      let p = unsafe probabilities + sample * shape.classes
      var largest = unsafe x[0]
      for k in 1..<shape.classes { largest = unsafe max(largest, x[k]) }
      var total: Float = 0
      for k in 0..<shape.classes {
        let e = unsafe expf(x[k] - largest)
        unsafe p[k] = e
        total += e
      }
      let scale = 1 / total
      for k in 0..<shape.classes { unsafe p[k] *= scale }
      let label = unsafe Int(labels[sample])
      if label >= 0 { sum += unsafe Double(logf(total) + largest - x[label]) }
    }
    unsafe loss.pointee = Float(sum / Double(shape.divisor))
  }

  @unsafe static func crossEntropyBackward(
    probabilities: UnsafePointer<Float>, labels: UnsafePointer<Int32>, gradient: UnsafeMutablePointer<Float>,
    _ shape: CrossEntropyShape
  ) {
    let scale = 1 / Float(shape.divisor)
    for sample in 0..<shape.samples {
      let p = unsafe probabilities + sample * shape.classes
      let g = unsafe gradient + sample * shape.classes
      let label = unsafe Int(labels[sample])
      let weight = label >= 0 ? scale : 0
      for k in 0..<shape.classes { unsafe g[k] = p[k] * weight }
      if label >= 0 { unsafe g[label] -= scale }
    }
  }

  @unsafe static func squaredError(
    prediction: UnsafePointer<Float>, target: UnsafePointer<Float>, loss: UnsafeMutablePointer<Float>, count: Int,
    divisor: Int
  ) {
    var sum = 0.0
    for index in 0..<count {
      let difference = unsafe Double(prediction[index] - target[index])
      sum += difference * difference
    }
    unsafe loss.pointee = Float(sum / Double(divisor))
  }

  @unsafe static func squaredErrorBackward(
    prediction: UnsafePointer<Float>, target: UnsafePointer<Float>, gradient: UnsafeMutablePointer<Float>, count: Int,
    divisor: Int
  ) {
    let scale = 2 / Float(divisor)
    for index in 0..<count { unsafe gradient[index] = scale * (prediction[index] - target[index]) }
  }
}
