import Kernels

/// How the rows of a group normalisation lie: a row is one group of one sample, of `channels` runs of `positions`.
struct GroupRows {
  let samples: Int
  let groups: Int
  /// Of a group.
  let channels: Int
  let positions: Int

  var count: Int { samples * groups }
  var width: Int { channels * positions }

  /// The first channel of a row.
  func firstChannel(_ row: Int) -> Int { row % groups * channels }
}

/// Operands: x, weight, bias, y, mean, 1 / deviation.
struct GroupNormalisationKernel: HostKernel {
  let rows: GroupRows
  let epsilon: Double

  func bind(_ memory: HostMemory) -> HostRun {
    let (rows, epsilon) = (rows, epsilon)
    let (x, weight, bias) = unsafe (memory.floats(0), memory.floats(1), memory.floats(2))
    let (y, means, inverses) = unsafe (memory.floats(3), memory.floats(4), memory.floats(5))
    return { _, _ in
      Threads.parallel(rows.count) { range in
        for row in range {
          let start = row * rows.width
          let (mean, inverse) = unsafe rowStatistics(x + start, rows.width, epsilon)
          unsafe means[row] = mean
          unsafe inverses[row] = inverse
          for channel in 0..<rows.channels {
            let (x, y) = unsafe (x + start + channel * rows.positions, y + start + channel * rows.positions)
            let factor = unsafe weight[rows.firstChannel(row) + channel] * inverse
            let term = unsafe bias[rows.firstChannel(row) + channel]
            forEachLanes(rows.positions) { offset, width in
              unsafe Float.store((Float.load(x + offset, width) - mean) * factor + term, y + offset, width)
            }
          }
        }
      }
    }
  }
}

/// Operands: x, dy, weight, mean, 1 / deviation, dx, dweight, dbias, sums [2, samples, channels].
///
/// A channel's sums over the positions of a sample are kept, and added up over the samples in order: the same bits on
/// any number of threads.
struct GroupNormalisationBackwardKernel: HostKernel {
  let rows: GroupRows

  private var runs: Int { rows.count * rows.channels }

  var sumsByteCount: Int { 2 * runs * MemoryLayout<Float>.size }

  func bind(_ memory: HostMemory) -> HostRun {
    let kernel = self
    let rows = rows
    let operands = unsafe Operands(memory, runs: runs)
    return { _, _ in
      Threads.parallel(rows.count) { range in
        for row in range { unsafe kernel.run(operands, row) }
      }
      let channels = rows.groups * rows.channels
      for channel in 0..<channels {
        var (weightGradient, biasGradient) = (0.0, 0.0)
        for sample in 0..<rows.samples {
          weightGradient += unsafe Double(operands.products[sample * channels + channel])
          biasGradient += unsafe Double(operands.gradients[sample * channels + channel])
        }
        unsafe operands.weightGradient[channel] = Float(weightGradient)
        unsafe operands.biasGradient[channel] = Float(biasGradient)
      }
    }
  }

  @unsafe private struct Operands {
    let x, dy, weight, mean, inverse: UnsafePointer<Float>
    let dx, weightGradient, biasGradient: UnsafeMutablePointer<Float>
    /// Σ dy and Σ dy x̂ of every run.
    let gradients, products: UnsafeMutablePointer<Float>

    init(_ memory: HostMemory, runs: Int) {
      unsafe (x, dy) = unsafe (UnsafePointer(memory.floats(0)), UnsafePointer(memory.floats(1)))
      unsafe weight = unsafe UnsafePointer(memory.floats(2))
      unsafe (mean, inverse) = unsafe (UnsafePointer(memory.floats(3)), UnsafePointer(memory.floats(4)))
      unsafe dx = unsafe memory.floats(5)
      unsafe (weightGradient, biasGradient) = unsafe (memory.floats(6), memory.floats(7))
      unsafe (gradients, products) = unsafe (memory.floats(8), memory.floats(8) + runs)
    }
  }

  @unsafe private func run(_ operands: Operands, _ row: Int) {
    let (mean, inverse) = unsafe (operands.mean[row], operands.inverse[row])
    let weight = unsafe operands.weight + rows.firstChannel(row)
    var (gradientSum, productSum) = (0.0, 0.0)
    for channel in 0..<rows.channels {
      let run = row * rows.channels + channel
      let (x, dy) = unsafe (operands.x + run * rows.positions, operands.dy + run * rows.positions)
      let (gradients, products) = rowSums(rows.positions) { offset, width in
        let gradient = unsafe Float.load(dy + offset, width)
        return unsafe (gradient, gradient * ((Float.load(x + offset, width) - mean) * inverse))
      }
      unsafe operands.gradients[run] = Float(gradients)
      unsafe operands.products[run] = Float(products)
      gradientSum += unsafe Double(weight[channel]) * gradients
      productSum += unsafe Double(weight[channel]) * products
    }
    let gradientMean = Float(gradientSum / Double(rows.width))
    let productMean = Float(productSum / Double(rows.width))
    for channel in 0..<rows.channels {
      let start = (row * rows.channels + channel) * rows.positions
      let (x, dy, dx) = unsafe (operands.x + start, operands.dy + start, operands.dx + start)
      let factor = unsafe weight[channel]
      forEachLanes(rows.positions) { offset, width in
        let normalised = unsafe (Float.load(x + offset, width) - mean) * inverse
        let gradient = unsafe Float.load(dy + offset, width) * factor
        unsafe Float.store((gradient - gradientMean - normalised * productMean) * inverse, dx + offset, width)
      }
    }
  }
}
