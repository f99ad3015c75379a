import Kernels

/// Operands: x, weight, bias, y, mean, 1 / deviation.
struct LayerNormalisationKernel: HostKernel {
  let rows: Int
  let width: Int
  let epsilon: Double

  func bind(_ memory: HostMemory) -> HostRun {
    let (rows, width, epsilon) = (rows, width, epsilon)
    let (x, weight, bias) = unsafe (memory.floats(0), memory.floats(1), memory.floats(2))
    let (y, means, inverses) = unsafe (memory.floats(3), memory.floats(4), memory.floats(5))
    return { _, _ in
      Threads.parallel(rows) { rows in
        for row in rows {
          let (x, y) = unsafe (x + row * width, y + row * width)
          let (mean, inverse) = unsafe rowStatistics(x, width, epsilon)
          unsafe means[row] = mean
          unsafe inverses[row] = inverse
          forEachLanes(width) { offset, width in
            let normalised = unsafe (Float.load(x + offset, width) - mean) * inverse
            let value = unsafe normalised * Float.load(weight + offset, width) + Float.load(bias + offset, width)
            unsafe Float.store(value, y + offset, width)
          }
        }
      }
    }
  }
}

/// Operands: x, dy, weight, mean, 1 / deviation, dx, dweight, dbias, partial sums [parts, 2, width].
///
/// Rows are cut into parts, each with its own sums for the parameters, and those are added up in order. The cut depends
/// on the number of rows alone, so the sums have the same bits on any number of threads.
struct LayerNormalisationBackwardKernel: HostKernel {
  let rows: Int
  let width: Int

  private static let (mostParts, rowsAPart) = (16, 8)

  private var parts: Int { max(1, min(Self.mostParts, rows / Self.rowsAPart)) }

  var partialSumsByteCount: Int { parts * 2 * width * MemoryLayout<Float>.size }

  func bind(_ memory: HostMemory) -> HostRun {
    let kernel = self
    let parts = parts
    let operands = unsafe Operands(memory)
    return { _, _ in
      Threads.parallel(parts) { range in
        for part in range { unsafe kernel.run(operands, part) }
      }
      unsafe kernel.addParts(operands.sums, to: operands.weightGradient)
      unsafe kernel.addParts(operands.sums + kernel.width, to: operands.biasGradient)
    }
  }

  @unsafe private struct Operands {
    let x, dy, weight, mean, inverse: UnsafePointer<Float>
    let dx, weightGradient, biasGradient, sums: UnsafeMutablePointer<Float>

    init(_ memory: HostMemory) {
      unsafe (x, dy) = unsafe (UnsafePointer(memory.floats(0)), UnsafePointer(memory.floats(1)))
      unsafe weight = unsafe UnsafePointer(memory.floats(2))
      unsafe (mean, inverse) = unsafe (UnsafePointer(memory.floats(3)), UnsafePointer(memory.floats(4)))
      unsafe (dx, sums) = unsafe (memory.floats(5), memory.floats(8))
      unsafe (weightGradient, biasGradient) = unsafe (memory.floats(6), memory.floats(7))
    }
  }

  @unsafe private func run(_ operands: Operands, _ part: Int) {
    let weightSums = unsafe operands.sums + part * 2 * width
    let biasSums = unsafe weightSums + width
    unsafe weightSums.update(repeating: 0, count: 2 * width)
    let weight = unsafe operands.weight
    for row in part * rows / parts..<(part + 1) * rows / parts {
      let (x, dy, dx) = unsafe (operands.x + row * width, operands.dy + row * width, operands.dx + row * width)
      let (mean, inverse) = unsafe (operands.mean[row], operands.inverse[row])
      let (gradients, products) = rowSums(width) { offset, width in
        let gradient = unsafe Float.load(dy + offset, width) * Float.load(weight + offset, width)
        return unsafe (gradient, gradient * ((Float.load(x + offset, width) - mean) * inverse))
      }
      let (gradientMean, productMean) = (Float(gradients / Double(width)), Float(products / Double(width)))
      forEachLanes(width) { offset, width in
        let gradient = unsafe Float.load(dy + offset, width)
        let normalised = unsafe (Float.load(x + offset, width) - mean) * inverse
        let weighted = unsafe gradient * Float.load(weight + offset, width)
        unsafe Float.store((weighted - gradientMean - normalised * productMean) * inverse, dx + offset, width)
        unsafe Float.store(
          Float.load(weightSums + offset, width) + gradient * normalised, weightSums + offset, width)
        unsafe Float.store(Float.load(biasSums + offset, width) + gradient, biasSums + offset, width)
      }
    }
  }

  /// The sums of the parts, which begin at `sums`, in their order.
  @unsafe private func addParts(_ sums: UnsafePointer<Float>, to total: UnsafeMutablePointer<Float>) {
    let (parts, stride) = (parts, 2 * width)
    forEachLanes(width) { offset, width in
      var sum = Lanes(repeating: 0)
      for part in 0..<parts { sum += unsafe Float.load(sums + part * stride + offset, width) }
      unsafe Float.store(sum, total + offset, width)
    }
  }
}
