import Glibc

// The losses as plain loops: a batch's logits are a few thousand numbers.

/// Samples, classes and what the sum is divided by.
struct CrossEntropyShape {
  let samples: Int
  let classes: Int
  let divisor: Int
  let smoothing: Float

  /// A label indexes memory, so it is looked at before it does.
  /// - Throws: `ExecutionError` with `.invalidLabel` for the first label beyond the last class.
  @unsafe func requireClasses(_ labels: UnsafePointer<Int32>) throws {
    for sample in 0..<samples where unsafe Int(labels[sample]) >= classes {
      throw unsafe ExecutionError(
        .invalidLabel,
        "label \(labels[sample]) of sample \(sample) is no class of the model's \(classes); use 0 to "
          + "\(classes - 1), or a negative label to leave the sample out")
    }
  }
}

/// Probabilities and the summed negative log-likelihood, divided; labels below 0 are left out.
///
/// Operands: logits, labels, loss, probabilities.
struct CrossEntropyKernel: HostKernel {
  private let shape: CrossEntropyShape

  init(_ shape: CrossEntropyShape) { self.shape = shape }

  func bind(_ memory: HostMemory) -> HostRun {
    let kernel = self
    let (logits, labels) = unsafe (memory.floats(0), memory.integers(1))
    let (loss, probabilities) = unsafe (memory.floats(2), memory.floats(3))
    return { _, _ in
      unsafe try kernel.shape.requireClasses(labels)
      unsafe kernel.run(logits, labels, loss, probabilities)
    }
  }

  @unsafe private func run(
    _ logits: UnsafePointer<Float>, _ labels: UnsafePointer<Int32>, _ loss: UnsafeMutablePointer<Float>,
    _ probabilities: UnsafeMutablePointer<Float>
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
      guard label >= 0 else { continue }
      sum += unsafe Double(logf(total) + largest - x[label])
      guard shape.smoothing > 0 else { continue }
      // What the smoothed target takes off: ε (mean of x − x[label]).
      var others: Float = 0
      for k in 0..<shape.classes { others += unsafe x[k] - x[label] }
      sum -= Double(shape.smoothing) * Double(others) / Double(shape.classes)
    }
    unsafe loss.pointee = Float(sum / Double(shape.divisor))
  }
}

/// Operands: probabilities, labels, gradient of the logits, which may lie over the probabilities.
struct CrossEntropyBackwardKernel: HostKernel {
  private let shape: CrossEntropyShape

  init(_ shape: CrossEntropyShape) { self.shape = shape }

  func bind(_ memory: HostMemory) -> HostRun {
    let kernel = self
    let (probabilities, labels, gradient) = unsafe (memory.floats(0), memory.integers(1), memory.floats(2))
    return { _, _ in unsafe kernel.run(probabilities, labels, gradient) }
  }

  @unsafe private func run(
    _ probabilities: UnsafePointer<Float>, _ labels: UnsafePointer<Int32>, _ gradient: UnsafeMutablePointer<Float>
  ) {
    let scale = 1 / Float(shape.divisor)
    let share = shape.smoothing / Float(shape.classes)
    for sample in 0..<shape.samples {
      let p = unsafe probabilities + sample * shape.classes
      let g = unsafe gradient + sample * shape.classes
      let label = unsafe Int(labels[sample])
      let weight = label >= 0 ? scale : 0
      for k in 0..<shape.classes { unsafe g[k] = (p[k] - share) * weight }
      if label >= 0 { unsafe g[label] -= (1 - shape.smoothing) * scale }
    }
  }
}

/// Operands: prediction, target, loss.
struct SquaredErrorKernel: HostKernel {
  let count: Int
  let divisor: Int

  func bind(_ memory: HostMemory) -> HostRun {
    let (count, divisor) = (count, divisor)
    let (prediction, target, loss) = unsafe (memory.floats(0), memory.floats(1), memory.floats(2))
    return { _, _ in
      var sum = 0.0
      for index in 0..<count {
        let difference = unsafe Double(prediction[index] - target[index])
        sum += difference * difference
      }
      unsafe loss.pointee = Float(sum / Double(divisor))
    }
  }
}

/// Operands: prediction, target, gradient of the prediction.
struct SquaredErrorBackwardKernel: HostKernel {
  let count: Int
  let divisor: Int

  func bind(_ memory: HostMemory) -> HostRun {
    let (count, scale) = (count, 2 / Float(divisor))
    let (prediction, target, gradient) = unsafe (memory.floats(0), memory.floats(1), memory.floats(2))
    return { _, _ in
      for index in 0..<count { unsafe gradient[index] = scale * (prediction[index] - target[index]) }
    }
  }
}
