import Units

/// How long each kernel runs on one device: rooflines with efficiencies that depend on size.
///
/// - Product: t = ‖2·rows·columns·depth·groups / (η·peak) · (1 + K₀/depth)(1 + N₀/columns)(1 + w·units/tiles),
///   bytes / (0.85·bandwidth)‖₄, tiles of 128×128 (dW splits its depth over up to 16 of them where it has few).
/// - Attention: 4·heads·queries·keys·width, backward 2.5 times that where scores are computed again (Dao 2023, §3.1); a
///   core that writes the scores out adds passes over them.
/// - Passes over memory: bytes times the passes of their kind.
///
/// Valid for kernels of at least some microseconds; below them the host's dispatch is longer (`StepShape.breakdown`).
/// Constants and their residuals: the calibration.
package struct KernelTimes {
  private let productRate: Double
  private let convolutionRate: Double
  private let attentionRate: Double
  private let bytesPerSecond: Double
  private let elementBytes: Double
  private let halfDepth: Double
  private let halfColumns: Double
  private let waveProduct: Double
  private let waveConvolution: Double
  private let units: Double
  private let winograd: Double
  private let passes: [Double]
  private let depthwise: Double
  private let scores: Double
  private let backwardTraffic: Double
  private let writesScores: Bool

  package init(_ shape: borrowing StepShape, constants c: borrowing Constants) {
    let device = shape.device
    let matrix = device.usesMatrixUnits
    let tensorFloat = device.arithmetic == .tf32
    let accelerator = shape.acceleratorConstant.map { c[$0] } ?? 1
    let peak = device.peak.count * accelerator
    var product = tensorFloat ? c[.productTensorFloat] : matrix ? c[.productMatrixUnits] : c[.productVector]
    if device.arithmetic == .fp8 { product *= c[.eightBit] }
    productRate = peak * product
    convolutionRate =
      peak
      * (tensorFloat ? c[.convolutionTensorFloat] : matrix ? c[.convolutionMatrixUnits] : c[.convolutionVector])
    let attentionPeak = shape.attentionPeak.count
    let framework = shape.attentionConstant.map { c[$0] } ?? 1
    attentionRate =
      attentionPeak * c[.attention] * framework
      * (shape.isHopperOrLater ? c[.attentionHopper] : 1)
    bytesPerSecond = device.memoryBandwidth.count * 0.85
    elementBytes = device.arithmetic.elementBytes
    halfDepth = matrix ? c[.depthMatrixUnits] : c[.depthVector]
    halfColumns = matrix ? c[.columnsMatrixUnits] : c[.columnsVector]
    waveProduct = c[.waveProduct]
    waveConvolution = c[.waveConvolution]
    units = device.units
    winograd = matrix ? 1 : c[.winograd]
    let traffic = shape.trafficConstant.map { c[$0] } ?? 1
    passes = [
      c[.normalisation], c[.activation], c[.addition], c[.pooling], c[.softmax], c[.copy], c[.recurrence],
    ].map { $0 * traffic }
    depthwise = c[.depthwise] * traffic
    scores = c[.scores] * traffic / framework
    backwardTraffic = c[.backwardTraffic]
    writesScores = !shape.fusesAttention
  }

  /// Seconds of all `kernel.count` runs, for `batch` samples.
  package func seconds(_ kernel: Kernel, batch: Double) -> Double {
    let bytes = (kernel.activations * batch + kernel.weights) * elementBytes
    let memory = bytes / bytesPerSecond
    switch kernel.work {
    case .traffic(let kind):
      let index =
        switch kind {
        case .normalisation: 0
        case .activation: 1
        case .addition: 2
        case .pooling: 3
        case .softmax: 4
        case .copy: 5
        case .recurrence: 6
        }
      return kernel.count * memory * passes[index] * (kernel.pass == .forward ? 1 : backwardTraffic)
    case .attention(let core):
      let pairs = core.heads * core.queries * core.keys * batch
      let flops = 2 * pairs * (core.queryWidth + core.valueWidth)
      let forward = kernel.pass == .forward
      if writesScores {
        let work = fourNorm(flops * (forward ? 1 : 2) / attentionRate, memory)
        let extra = pairs * elementBytes * scores / bytesPerSecond * (forward ? 1 : backwardTraffic)
        return kernel.count * (work + extra)
      }
      let work = flops * core.visibleShare * (forward ? 1 : 2.5) / attentionRate
      return kernel.count * fourNorm(work, memory)
    case .product(let product):
      if product.isDepthwise {
        return kernel.count * memory * depthwise * (kernel.pass == .forward ? 1 : backwardTraffic)
      }
      return kernel.count * fourNorm(compute(product, pass: kernel.pass, batch: batch), memory)
    }
  }

  private func compute(_ product: Kernel.Product, pass: Kernel.Pass, batch: Double) -> Double {
    let rows = product.rows * batch / product.sequential
    let (m, n, k) =
      switch pass {
      case .forward: (rows, product.columns, product.depth)
      case .backwardInput: (rows, product.depth, product.columns)
      case .backwardWeights, .backward: (product.depth, product.columns, rows)
      }
    var tiles = (m / 128).rounded(.up) * (n / 128).rounded(.up) * product.groups
    if pass == .backwardWeights { tiles *= min(16, max(1, rows / 2048)) }
    var flops = 2 * rows * product.columns * product.depth * product.groups
    if product.suitsWinograd { flops *= winograd }
    let rate = product.isConvolution ? convolutionRate : productRate
    let wave = product.isConvolution ? waveConvolution : waveProduct
    return product.sequential * flops / rate * (1 + halfDepth / k) * (1 + halfColumns / n) * (1 + wave * units / tiles)
  }
}

/// ‖(a, b)‖₄: the longer of two times that overlap nearly wholly, a little more where they are alike.
func fourNorm(_ a: Double, _ b: Double) -> Double {
  let (x, y) = (a * a, b * b)
  return (x * x + y * y).squareRoot().squareRoot()
}

/// ‖(a, b)‖ₚ for p ≥ 1: p = 1 is the sum, p = ∞ the longer of the two.
func norm(_ a: Double, _ b: Double, _ p: Double) -> Double {
  let longer = max(a, b)
  guard longer > 0 else { return 0 }
  let ratio = min(a, b) / longer
  return longer * power(1 + power(ratio, p), 1 / p)
}
