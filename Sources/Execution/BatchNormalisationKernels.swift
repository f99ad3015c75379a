import Kernels

// Every group of 16 channels is done from begin to end before the next: the second pass over its elements finds them in
// a cache. Groups are shared out among the threads; a channel's sums do not depend on how.

/// Operands: x, scale, shift, y, mean, 1 / deviation, variance to observe; the residual if one is added.
struct BatchNormalisationKernel: HostKernel {
  let lanes: ChannelLanes
  let epsilon: Double
  let isRectified: Bool
  let addsResidual: Bool

  func bind(_ memory: HostMemory) -> HostRun {
    let kernel = self
    let (x, scale, shift, y) = unsafe (memory.floats(0), memory.floats(1), memory.floats(2), memory.floats(3))
    let (mean, inverse, observed) = unsafe (memory.floats(4), memory.floats(5), memory.floats(6))
    let residual = addsResidual ? unsafe memory.floats(7) : nil
    return { _, _ in
      Threads.parallel(kernel.lanes.groups) { groups in
        for group in groups {
          let width = kernel.lanes.width(group: group)
          let first = group * ChannelLanes.width
          unsafe kernel.statistics(x, group, width, mean + first, inverse + first, observed + first)
          let (factor, term) = unsafe affine(
            scale + first, shift + first, mean + first, inverse + first, kernel.lanes.channelCount(group))
          unsafe kernel.lanes.normalise(
            x, residual, y, group: group, factor, term, isRectified: kernel.isRectified)
        }
      }
    }
  }

  /// Mean and variance of a group in one pass: sums of x − p and (x − p)², with each channel's first element as p, so
  /// that a mean far from 0 does not swallow the variance.
  @unsafe private func statistics(
    _ x: UnsafePointer<Float>, _ group: Int, _ width: Int, _ mean: UnsafeMutablePointer<Float>,
    _ inverse: UnsafeMutablePointer<Float>, _ observed: UnsafeMutablePointer<Float>
  ) {
    let pivot = unsafe LaneMemory.load(x + lanes.offset(sample: 0, group: group), width)
    var (sums, squares) = (LaneSums(), LaneSums())
    for sample in 0..<lanes.samples {
      let start = unsafe x + lanes.offset(sample: sample, group: group)
      for block in stride(from: 0, to: lanes.positions, by: LaneSums.blockPositions) {
        let end = min(block + LaneSums.blockPositions, lanes.positions)
        let part = unsafe Self.sums(
          start + block * lanes.positionStride, end - block, lanes.positionStride, pivot, width)
        sums.add(part.0)
        squares.add(part.1)
      }
    }
    let count = Double(lanes.elementsPerChannel)
    for lane in 0..<lanes.channelCount(group) {
      let offset = sums[lane] / count
      let deviation = max(squares[lane] - offset * sums[lane], 0)
      unsafe mean[lane] = Float(Double(pivot[lane]) + offset)
      unsafe inverse[lane] = Float(1 / (deviation / count + epsilon).squareRoot())
      unsafe observed[lane] = Float(deviation / (count - 1))
    }
  }

  @inline(__always)
  @unsafe private static func sums(
    _ x: UnsafePointer<Float>, _ count: Int, _ stride: Int, _ pivot: Lanes, _ width: Int
  ) -> (Lanes, Lanes) {
    guard width == ChannelLanes.width else {
      return unsafe plainSums(x, count, stride, pivot, width)
    }
    return unsafe plainSums(x, count, stride, pivot, ChannelLanes.width)
  }

  @inline(__always)
  @unsafe private static func plainSums(
    _ x: UnsafePointer<Float>, _ count: Int, _ stride: Int, _ pivot: Lanes, _ width: Int
  ) -> (Lanes, Lanes) {
    var (sum, square) = (Lanes(repeating: 0), Lanes(repeating: 0))
    for position in 0..<count {
      let value = unsafe LaneMemory.load(x + position &* stride, width) - pivot
      sum += value
      square += value * value
    }
    return (sum, square)
  }
}

/// Operands: x, scale, shift, mean, variance, y; the residual if one is added.
struct AffineNormalisationKernel: HostKernel {
  let lanes: ChannelLanes
  let epsilon: Double
  let isRectified: Bool
  let addsResidual: Bool

  func bind(_ memory: HostMemory) -> HostRun {
    let kernel = self
    let (x, scale, shift) = unsafe (memory.floats(0), memory.floats(1), memory.floats(2))
    let (mean, variance, y) = unsafe (memory.floats(3), memory.floats(4), memory.floats(5))
    let residual = addsResidual ? unsafe memory.floats(6) : nil
    return { _, _ in
      Threads.parallel(kernel.lanes.groups) { groups in
        for group in groups {
          let first = group * ChannelLanes.width
          let count = kernel.lanes.channelCount(group)
          var inverse = [Float](repeating: 0, count: ChannelLanes.width)
          for lane in 0..<count {
            inverse[lane] = unsafe Float(1 / (Double(variance[first + lane]) + kernel.epsilon).squareRoot())
          }
          let (factor, term) = unsafe inverse.withUnsafeBufferPointer { inverse in
            unsafe affine(scale + first, shift + first, mean + first, inverse.baseAddress!, count)
          }
          unsafe kernel.lanes.normalise(
            x, residual, y, group: group, factor, term, isRectified: kernel.isRectified)
        }
      }
    }
  }
}

/// y = factor x + term is the normalisation of a group: factor = scale / deviation, term = shift − factor mean. Lanes
/// without a channel get 0.
@unsafe func affine(
  _ scale: UnsafePointer<Float>, _ shift: UnsafePointer<Float>, _ mean: UnsafePointer<Float>,
  _ inverse: UnsafePointer<Float>, _ count: Int
) -> (factor: Lanes, term: Lanes) {
  var (factor, term) = (Lanes(repeating: 0), Lanes(repeating: 0))
  for lane in 0..<count {
    factor[lane] = unsafe scale[lane] * inverse[lane]
    term[lane] = unsafe shift[lane] - factor[lane] * mean[lane]
  }
  return (factor, term)
}

extension ChannelLanes {
  /// Channels of a group: its lanes without padding.
  func channelCount(_ group: Int) -> Int { min(channels - group * Self.width, Self.width) }

  @unsafe fileprivate func normalise(
    _ x: UnsafePointer<Float>, _ residual: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>, group: Int,
    _ factor: Lanes, _ term: Lanes, isRectified: Bool
  ) {
    let width = width(group: group)
    for sample in 0..<samples {
      let start = offset(sample: sample, group: group)
      let other = unsafe residual.map { unsafe $0 + start }
      // Constant arguments make four loops without branches.
      switch unsafe (width == Self.width, other != nil) {
      case (true, false):
        unsafe pass(x + start, nil, y + start, factor, term, isRectified, Self.width)
      case (true, true):
        unsafe pass(x + start, other, y + start, factor, term, isRectified, Self.width)
      case (false, _):
        unsafe pass(x + start, other, y + start, factor, term, isRectified, width)
      }
    }
  }

  @inline(__always)
  @unsafe private func pass(
    _ x: UnsafePointer<Float>, _ residual: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>,
    _ factor: Lanes, _ term: Lanes, _ isRectified: Bool, _ width: Int
  ) {
    let lowest = Lanes(repeating: isRectified ? 0 : -.infinity)
    for position in 0..<positions {
      let place = position &* positionStride
      var value = unsafe LaneMemory.load(x + place, width) * factor + term
      if let residual = unsafe residual { value += unsafe LaneMemory.load(residual + place, width) }
      // Not `max`: a NaN must stay one.
      value.replace(with: lowest, where: value .< lowest)
      unsafe LaneMemory.store(value, y + place, width)
    }
  }
}
