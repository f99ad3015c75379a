import Glibc
import Kernels

/// Rows of logits, classes, and what the sum is divided by.
struct CrossEntropyShape {
  let samples: Int
  let classes: Int
  let divisor: Int
  let smoothing: Float
  /// One a class; empty: all 1.
  let weights: [Float]

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

  fileprivate func weight(_ label: Int) -> Float { weights.isEmpty ? 1 : weights[label] }

  /// Σₖ w q of a row with this label.
  fileprivate func total(_ label: Int) -> Float {
    let mean = weights.isEmpty ? 1 : weights.reduce(0, +) / Float(classes)
    return (1 - smoothing) * weight(label) + smoothing * mean
  }

  /// Runs `body` over all rows, on several threads if they are worth it.
  fileprivate func forEachPart(_ body: (Range<Int>) -> Void) {
    if samples * classes < 1 << 16 { body(0..<samples) } else { Threads.parallel(samples, body) }
  }
}

/// Numbers side by side that a row's sums are made in: the compiler keeps them in vector registers.
private let lanes = 32

/// The largest element of a row and the sum of e to the rest: probabilities are written on the way, not yet divided.
@inline(__always)
@unsafe private func exponentials(
  _ x: UnsafePointer<Float>, _ p: UnsafeMutablePointer<Float>, count: Int, _ part: UnsafeMutablePointer<Float>
) -> (largest: Float, total: Float) {
  let whole = count / lanes * lanes
  var largest = unsafe x[0]
  if whole > 0 {
    for lane in 0..<lanes { unsafe part[lane] = x[lane] }
    for start in stride(from: lanes, to: whole, by: lanes) {
      for lane in 0..<lanes { unsafe part[lane] = x[start + lane] > part[lane] ? x[start + lane] : part[lane] }
    }
    for lane in 0..<lanes { largest = unsafe part[lane] > largest ? part[lane] : largest }
  }
  for k in whole..<count { largest = unsafe x[k] > largest ? x[k] : largest }
  for k in 0..<count { unsafe p[k] = VectorFunctions.exponential(x[k] - largest) }
  var total: Float = 0
  if whole > 0 {
    for lane in 0..<lanes { unsafe part[lane] = 0 }
    for start in stride(from: 0, to: whole, by: lanes) {
      for lane in 0..<lanes { unsafe part[lane] += p[start + lane] }
    }
    for lane in 0..<lanes { total += unsafe part[lane] }
  }
  for k in whole..<count { total += unsafe p[k] }
  return (largest, total)
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
      unsafe loss.pointee = kernel.run(logits, labels, probabilities)
    }
  }

  /// The rows' losses are added in their order, however many threads computed them.
  @unsafe private func run(
    _ logits: UnsafePointer<Float>, _ labels: UnsafePointer<Int32>, _ probabilities: UnsafeMutablePointer<Float>
  ) -> Float {
    unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: shape.samples) { losses in
      guard let losses = losses.baseAddress else { return 0 }
      shape.forEachPart { samples in
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: lanes) { part in
          guard let part = part.baseAddress else { return }
          for sample in samples {
            let start = sample * shape.classes
            unsafe losses[sample] = row(logits + start, Int(labels[sample]), probabilities + start, part)
          }
        }
      }
      var sum = 0.0
      for sample in 0..<shape.samples { sum += unsafe losses[sample] }
      return Float(sum / Double(shape.divisor))
    }
  }

  @inline(__always)
  @unsafe private func row(
    _ x: UnsafePointer<Float>, _ label: Int, _ p: UnsafeMutablePointer<Float>, _ part: UnsafeMutablePointer<Float>
  ) -> Double {
    let (largest, total) = unsafe exponentials(x, p, count: shape.classes, part)
    let scale = 1 / total
    for k in 0..<shape.classes { unsafe p[k] *= scale }
    guard label >= 0 else { return 0 }
    // Both terms are from the largest logit, whose size would drown them.
    let (logarithm, own) = unsafe (Double(logf(total)), Double(x[label] - largest))
    let weight = Double(shape.weight(label))
    guard shape.smoothing > 0 else { return weight * (logarithm - own) }
    var others = 0.0
    for k in 0..<shape.classes { others += unsafe Double(shape.weight(k)) * Double(x[k] - largest) }
    let share = Double(shape.smoothing)
    return Double(shape.total(label)) * logarithm - (1 - share) * weight * own - share / Double(shape.classes) * others
  }
}

/// Operands: probabilities, labels, gradient of the logits, which may lie over the probabilities.
struct CrossEntropyBackwardKernel: HostKernel {
  private let shape: CrossEntropyShape

  init(_ shape: CrossEntropyShape) { self.shape = shape }

  func bind(_ memory: HostMemory) -> HostRun {
    let kernel = self
    let (probabilities, labels, gradient) = unsafe (memory.floats(0), memory.integers(1), memory.floats(2))
    return { _, _ in
      kernel.shape.forEachPart { samples in
        for sample in samples {
          let start = sample * kernel.shape.classes
          unsafe kernel.row(probabilities + start, Int(labels[sample]), gradient + start)
        }
      }
    }
  }

  @inline(__always)
  @unsafe private func row(_ p: UnsafePointer<Float>, _ label: Int, _ g: UnsafeMutablePointer<Float>) {
    let scale = 1 / Float(shape.divisor)
    guard label >= 0 else {
      for k in 0..<shape.classes { unsafe g[k] = 0 }
      return
    }
    let factor = shape.total(label) * scale
    let share = shape.smoothing / Float(shape.classes) * scale
    if shape.weights.isEmpty {
      for k in 0..<shape.classes { unsafe g[k] = p[k] * factor - share }
    } else {
      for k in 0..<shape.classes { unsafe g[k] = p[k] * factor - share * shape.weights[k] }
    }
    unsafe g[label] -= (1 - shape.smoothing) * shape.weight(label) * scale
  }
}
