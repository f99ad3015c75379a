import Kernels

/// Operands: x, dy, scale, mean, 1 / deviation, dx, dscale, dshift; then, by mask: the shift (`fromInput`), or ReLU's
/// output, the masked gradient and perhaps a second dy (`fromOutput`).
///
/// dx = a m + b x + c with the masked gradient m, a = scale / deviation, b = −a dscale / (M deviation) and
/// c = −a dshift / M − b mean, so that the second pass is two multiplications.
struct BatchNormalisationBackwardKernel: HostKernel {
  let lanes: ChannelLanes
  /// Of x, y and their gradients.
  let element: Layout.Element
  let mask: NormalisationFusion.Mask

  func bind(_ memory: HostMemory) -> HostRun {
    element == .bfloat16 ? bind(memory, BFloat16.self) : bind(memory, Float.self)
  }

  private func bind<Element: LaneElement>(_ memory: HostMemory, _ type: Element.Type) -> HostRun {
    let kernel = self
    let operands = unsafe Operands<Element>(memory, mask)
    return { _, _ in
      Threads.parallel(kernel.lanes.groups) { groups in
        for group in groups { unsafe kernel.run(operands, group) }
      }
    }
  }

  @unsafe private struct Operands<Element: LaneElement> {
    let x: UnsafePointer<Element>
    let dy: UnsafePointer<Element>
    let scale: UnsafePointer<Float>
    let mean: UnsafePointer<Float>
    let inverse: UnsafePointer<Float>
    let dx: UnsafeMutablePointer<Element>
    let scaleGradient: UnsafeMutablePointer<Float>
    let shiftGradient: UnsafeMutablePointer<Float>
    var shift: UnsafePointer<Float>?
    var y: UnsafePointer<Element>?
    var masked: UnsafeMutablePointer<Element>?
    var secondGradient: UnsafePointer<Element>?

    init(_ memory: HostMemory, _ mask: NormalisationFusion.Mask) {
      unsafe (x, dy) = unsafe (
        UnsafePointer(memory.elements(0, Element.self)), UnsafePointer(memory.elements(1, Element.self))
      )
      unsafe scale = unsafe UnsafePointer(memory.floats(2))
      unsafe (mean, inverse) = unsafe (UnsafePointer(memory.floats(3)), UnsafePointer(memory.floats(4)))
      unsafe dx = unsafe memory.elements(5, Element.self)
      unsafe (scaleGradient, shiftGradient) = unsafe (memory.floats(6), memory.floats(7))
      switch mask {
      case .none: break
      case .fromInput: unsafe shift = unsafe UnsafePointer(memory.floats(8))
      case .fromOutput(let addsGradient):
        unsafe y = unsafe UnsafePointer(memory.elements(8, Element.self))
        unsafe masked = unsafe memory.elements(9, Element.self)
        if addsGradient { unsafe secondGradient = unsafe UnsafePointer(memory.elements(10, Element.self)) }
      }
    }
  }

  /// One sample's run of one group in one pass.
  @unsafe private struct Run<Element: LaneElement> {
    let x: UnsafePointer<Element>
    let dy: UnsafePointer<Element>
    let y: UnsafePointer<Element>?
    let masked: UnsafeMutablePointer<Element>?
    let secondGradient: UnsafePointer<Element>?
    let dx: UnsafeMutablePointer<Element>

    init(_ operands: Operands<Element>, _ offset: Int) {
      unsafe x = unsafe operands.x + offset
      unsafe dy = unsafe operands.dy + offset
      unsafe y = unsafe operands.y.map { unsafe $0 + offset }
      unsafe masked = unsafe operands.masked.map { unsafe $0 + offset }
      unsafe secondGradient = unsafe operands.secondGradient.map { unsafe $0 + offset }
      unsafe dx = unsafe operands.dx + offset
    }
  }

  @unsafe private func run<Element: LaneElement>(_ operands: Operands<Element>, _ group: Int) {
    let first = group * Lanes.scalarCount
    let count = lanes.channelCount(group)
    let mean = unsafe Float.load(operands.mean + first, count)
    // Forward's numbers, so that ReLU's mask comes out as it did there.
    let affine =
      mask == .fromInput
      ? unsafe ChannelAffine(
        operands.scale + first, operands.shift! + first, operands.mean + first, operands.inverse + first, count)
      : ChannelAffine()
    let (factor, term) = (affine.factor, affine.term)
    var (gradients, products) = (LaneSums(), LaneSums())
    for sample in 0..<lanes.samples {
      let start = lanes.offset(sample: sample, group: group)
      for block in stride(from: 0, to: lanes.positions, by: LaneSums.blockPositions) {
        let run = unsafe Run(operands, start + block * lanes.positionStride)
        let length = min(LaneSums.blockPositions, lanes.positions - block)
        let part = unsafe sums(run, length, mean, factor, term, lanes.width(group: group))
        gradients.add(part.0)
        products.add(part.1)
      }
    }
    var (a, b, c) = (Lanes(repeating: 0), Lanes(repeating: 0), Lanes(repeating: 0))
    let elements = Double(lanes.elementsPerChannel)
    for lane in 0..<count {
      let inverse = unsafe Double(operands.inverse[first + lane])
      let scaleGradient = products[lane] * inverse
      unsafe operands.scaleGradient[first + lane] = Float(scaleGradient)
      unsafe operands.shiftGradient[first + lane] = Float(gradients[lane])
      let slope = unsafe Double(operands.scale[first + lane]) * inverse
      let pull = -slope * inverse * scaleGradient / elements
      a[lane] = Float(slope)
      b[lane] = Float(pull)
      c[lane] = Float(-slope * gradients[lane] / elements - pull * Double(mean[lane]))
    }
    for sample in 0..<lanes.samples {
      let run = unsafe Run(operands, lanes.offset(sample: sample, group: group))
      unsafe spread(run, a, b, c, factor, term, lanes.width(group: group))
    }
  }

  // MARK: First pass

  /// Sums of m and m (x − mean); writes m where it is wanted.
  @inline(__always)
  @unsafe private func sums<Element: LaneElement>(
    _ run: Run<Element>, _ count: Int, _ mean: Lanes, _ factor: Lanes, _ term: Lanes, _ width: Int
  ) -> (Lanes, Lanes) {
    guard width == Lanes.scalarCount else {
      return unsafe sums(run, count, mean, factor, term, mask, width: width)
    }
    // Constant arguments make a loop without branches of each.
    switch mask {
    case .none: return unsafe sums(run, count, mean, factor, term, .none, width: Lanes.scalarCount)
    case .fromInput: return unsafe sums(run, count, mean, factor, term, .fromInput, width: Lanes.scalarCount)
    case .fromOutput(false):
      return unsafe sums(run, count, mean, factor, term, .fromOutput(addsGradient: false), width: Lanes.scalarCount)
    case .fromOutput(true):
      return unsafe sums(run, count, mean, factor, term, .fromOutput(addsGradient: true), width: Lanes.scalarCount)
    }
  }

  @inline(__always)
  @unsafe private func sums<Element: LaneElement>(
    _ run: Run<Element>, _ count: Int, _ mean: Lanes, _ factor: Lanes, _ term: Lanes, _ mask: NormalisationFusion.Mask,
    width: Int
  ) -> (Lanes, Lanes) {
    var (sum, product) = (Lanes(repeating: 0), Lanes(repeating: 0))
    let zero = Lanes(repeating: 0)
    for position in 0..<count {
      let place = position &* lanes.positionStride
      let x = unsafe Element.load(run.x + place, width)
      var gradient = unsafe Element.load(run.dy + place, width)
      switch mask {
      case .none: break
      case .fromInput:
        let y = x * factor + term
        gradient.replace(with: zero, where: y .<= zero)
      case .fromOutput(let addsGradient):
        if addsGradient { gradient += unsafe Element.load(run.secondGradient! + place, width) }
        gradient.replace(with: zero, where: unsafe Element.load(run.y! + place, width) .<= zero)
        unsafe Element.store(gradient, run.masked! + place, width)
      }
      sum += gradient
      product += gradient * (x - mean)
    }
    return (sum, product)
  }

  // MARK: Second pass

  /// dx = a m + b x + c.
  @inline(__always)
  @unsafe private func spread<Element: LaneElement>(
    _ run: Run<Element>, _ a: Lanes, _ b: Lanes, _ c: Lanes, _ factor: Lanes, _ term: Lanes, _ width: Int
  ) {
    let isWhole = width == Lanes.scalarCount
    switch mask {
    case .none where isWhole:
      unsafe spread(run, run.dy, a, b, c, factor, term, false, Lanes.scalarCount)
    case .none: unsafe spread(run, run.dy, a, b, c, factor, term, false, width)
    case .fromInput where isWhole:
      unsafe spread(run, run.dy, a, b, c, factor, term, true, Lanes.scalarCount)
    case .fromInput: unsafe spread(run, run.dy, a, b, c, factor, term, true, width)
    case .fromOutput where isWhole:
      unsafe spread(run, UnsafePointer(run.masked!), a, b, c, factor, term, false, Lanes.scalarCount)
    case .fromOutput: unsafe spread(run, UnsafePointer(run.masked!), a, b, c, factor, term, false, width)
    }
  }

  @inline(__always)
  @unsafe private func spread<Element: LaneElement>(
    _ run: Run<Element>, _ gradients: UnsafePointer<Element>, _ a: Lanes, _ b: Lanes, _ c: Lanes, _ factor: Lanes,
    _ term: Lanes, _ isMasked: Bool, _ width: Int
  ) {
    let zero = Lanes(repeating: 0)
    for position in 0..<lanes.positions {
      let place = position &* lanes.positionStride
      let x = unsafe Element.load(run.x + place, width)
      var gradient = unsafe Element.load(gradients + place, width)
      if isMasked { gradient.replace(with: zero, where: x * factor + term .<= zero) }
      unsafe Element.store(gradient * a + x * b + c, run.dx + place, width)
    }
  }
}
