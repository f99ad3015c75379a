import Kernels

// Every group of 16 channels is done from begin to end before the next: the second pass over its elements finds them in
// a cache. Groups are shared out among the threads; a channel's sums do not depend on how.

/// Operands: x, scale, shift, y, mean, 1 / deviation, variance to observe; the residual if one is added.
struct BatchNormalisationKernel: HostKernel {
  let lanes: ChannelLanes
  /// Of x, y and the residual.
  let element: Layout.Element
  let epsilon: Double
  let isRectified: Bool
  let addsResidual: Bool

  func bind(_ memory: HostMemory) -> HostRun {
    element == .bfloat16 ? bind(memory, BFloat16.self) : bind(memory, Float.self)
  }

  private func bind<Element: LaneElement>(_ memory: HostMemory, _ type: Element.Type) -> HostRun {
    let kernel = self
    let (x, y) = unsafe (memory.elements(0, type), memory.elements(3, type))
    let (scale, shift) = unsafe (memory.floats(1), memory.floats(2))
    let (mean, inverse, observed) = unsafe (memory.floats(4), memory.floats(5), memory.floats(6))
    let residual = addsResidual ? unsafe memory.elements(7, type) : nil
    return { _, _ in
      Threads.parallel(kernel.lanes.groups) { groups in
        for group in groups {
          let first = group * Lanes.scalarCount
          unsafe kernel.statistics(x, group, mean + first, inverse + first, observed + first)
          let affine = unsafe ChannelAffine(
            scale + first, shift + first, mean + first, inverse + first, kernel.lanes.channelCount(group))
          unsafe affine.apply(x, residual, y, kernel.lanes, group: group, isRectified: kernel.isRectified)
        }
      }
    }
  }

  /// Mean and variance of a group in one pass: sums of x − p and (x − p)², with each channel's first element as p, so
  /// that a mean far from 0 does not swallow the variance.
  @unsafe private func statistics<Element: LaneElement>(
    _ x: UnsafePointer<Element>, _ group: Int, _ mean: UnsafeMutablePointer<Float>,
    _ inverse: UnsafeMutablePointer<Float>, _ observed: UnsafeMutablePointer<Float>
  ) {
    let width = lanes.width(group: group)
    let pivot = unsafe Element.load(x + lanes.offset(sample: 0, group: group), width)
    var (sums, squares) = (LaneSums(), LaneSums())
    for sample in 0..<lanes.samples {
      let start = unsafe x + lanes.offset(sample: sample, group: group)
      for block in stride(from: 0, to: lanes.positions, by: LaneSums.blockPositions) {
        let count = min(LaneSums.blockPositions, lanes.positions - block)
        let first = unsafe start + block * lanes.positionStride
        // A constant width makes a loop without branches.
        let part =
          width == Lanes.scalarCount
          ? unsafe Self.sums(first, count, lanes.positionStride, pivot, Lanes.scalarCount)
          : unsafe Self.sums(first, count, lanes.positionStride, pivot, width)
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
  @unsafe private static func sums<Element: LaneElement>(
    _ x: UnsafePointer<Element>, _ count: Int, _ stride: Int, _ pivot: Lanes, _ width: Int
  ) -> (Lanes, Lanes) {
    var (sum, square) = (Lanes(repeating: 0), Lanes(repeating: 0))
    for position in 0..<count {
      let value = unsafe Element.load(x + position &* stride, width) - pivot
      sum += value
      square += value * value
    }
    return (sum, square)
  }
}

/// Operands: x, scale, shift, mean, variance, y; the residual if one is added.
struct AffineNormalisationKernel: HostKernel {
  let lanes: ChannelLanes
  /// Of x, y and the residual.
  let element: Layout.Element
  let epsilon: Double
  let isRectified: Bool
  let addsResidual: Bool

  func bind(_ memory: HostMemory) -> HostRun {
    element == .bfloat16 ? bind(memory, BFloat16.self) : bind(memory, Float.self)
  }

  private func bind<Element: LaneElement>(_ memory: HostMemory, _ type: Element.Type) -> HostRun {
    let kernel = self
    let (x, y) = unsafe (memory.elements(0, type), memory.elements(5, type))
    let (scale, shift) = unsafe (memory.floats(1), memory.floats(2))
    let (mean, variance) = unsafe (memory.floats(3), memory.floats(4))
    let residual = addsResidual ? unsafe memory.elements(6, type) : nil
    return { _, _ in
      Threads.parallel(kernel.lanes.groups) { groups in
        for group in groups {
          let first = group * Lanes.scalarCount
          let count = kernel.lanes.channelCount(group)
          var inverse = Lanes(repeating: 0)
          for lane in 0..<count {
            inverse[lane] = unsafe Float(1 / (Double(variance[first + lane]) + kernel.epsilon).squareRoot())
          }
          let affine = unsafe ChannelAffine(scale + first, shift + first, mean + first, inverse, count)
          unsafe affine.apply(x, residual, y, kernel.lanes, group: group, isRectified: kernel.isRectified)
        }
      }
    }
  }
}

/// y = factor x + term: the normalisation of a group, factor = scale / deviation, term = shift − factor mean. Lanes
/// without a channel get 0.
struct ChannelAffine {
  private(set) var factor = Lanes(repeating: 0)
  private(set) var term = Lanes(repeating: 0)

  init() {}

  /// The numbers of `count` channels; `inverse` is 1 / deviation.
  @unsafe init(
    _ scale: UnsafePointer<Float>, _ shift: UnsafePointer<Float>, _ mean: UnsafePointer<Float>, _ inverse: Lanes,
    _ count: Int
  ) {
    for lane in 0..<count {
      factor[lane] = unsafe scale[lane] * inverse[lane]
      term[lane] = unsafe shift[lane] - factor[lane] * mean[lane]
    }
  }

  @unsafe init(
    _ scale: UnsafePointer<Float>, _ shift: UnsafePointer<Float>, _ mean: UnsafePointer<Float>,
    _ inverse: UnsafePointer<Float>, _ count: Int
  ) {
    unsafe self.init(scale, shift, mean, Float.load(inverse, count), count)
  }

  /// y = factor x + term, plus the residual, and not below 0 if rectified, over all samples of a group.
  @unsafe fileprivate func apply<Element: LaneElement>(
    _ x: UnsafePointer<Element>, _ residual: UnsafePointer<Element>?, _ y: UnsafeMutablePointer<Element>,
    _ lanes: ChannelLanes, group: Int, isRectified: Bool
  ) {
    let width = lanes.width(group: group)
    for sample in 0..<lanes.samples {
      let start = lanes.offset(sample: sample, group: group)
      let other = unsafe residual.map { unsafe $0 + start }
      let hasOther = unsafe other != nil
      // Constant arguments make loops without branches.
      switch (width == Lanes.scalarCount, hasOther) {
      case (true, false):
        unsafe pass(x + start, nil, y + start, lanes, isRectified, Lanes.scalarCount)
      case (true, true):
        unsafe pass(x + start, other, y + start, lanes, isRectified, Lanes.scalarCount)
      case (false, _):
        unsafe pass(x + start, other, y + start, lanes, isRectified, width)
      }
    }
  }

  @inline(__always)
  @unsafe private func pass<Element: LaneElement>(
    _ x: UnsafePointer<Element>, _ residual: UnsafePointer<Element>?, _ y: UnsafeMutablePointer<Element>,
    _ lanes: ChannelLanes, _ isRectified: Bool, _ width: Int
  ) {
    let lowest = Lanes(repeating: isRectified ? 0 : -.infinity)
    for position in 0..<lanes.positions {
      let place = position &* lanes.positionStride
      var value = unsafe Element.load(x + place, width) * factor + term
      if let residual = unsafe residual { value += unsafe Element.load(residual + place, width) }
      // Not `max`: a NaN must stay one.
      value.replace(with: lowest, where: value .< lowest)
      unsafe Element.store(value, y + place, width)
    }
  }
}

extension ChannelLanes {
  /// Channels of a group: its lanes without padding.
  func channelCount(_ group: Int) -> Int { min(channels - group * Lanes.scalarCount, Lanes.scalarCount) }
}
