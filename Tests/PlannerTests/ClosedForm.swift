import CostModel
import Models
import Units

/// A step of a transformer by one closed form: saturating products, an attention core by bytes, elementwise passes by bytes,
/// a host's floor under each, a pipeline, an all-reduce. It stands in for a fitted model, so that searches have something of
/// the right shape to search; its constants are of the order of an A100's.
struct ClosedForm: LayoutEvaluator {
  struct Machine {
    var peak = 312e12
    var efficiency = 0.875
    /// Rows at which a product is half as efficient.
    var halfRows = 230.0
    var elementwise = 1.53e12
    var attention = 1.57e12
    var hostForward = 1.03e-3
    var hostBackward = 0.97e-3
    var perMicroBatch = 2.25e-3
    var link = 230e9
    /// Of a node's network.
    var network = 50e9
    var latency = 20e-6
  }

  private struct Layer {
    var forward: Double
    var backward: Double
    var reduction: Double
  }

  let model: TransformerSpecification
  let memory: TransformerMemory
  let machine: Machine
  let globalBatch: Int
  let acceleratorsPerNode: Int
  let usableBytes: Double
  /// By tensor degree (its position in `tensors`) and micro-batch.
  private let layers: [Layer]
  private let logits: [Double]
  private let tensorPosition: [Int]
  private let leastPerSample: [Double]
  /// Of one layer, on average; and how many there are.
  private let parameters: Double
  private let layerCount: Int

  init(
    _ model: TransformerSpecification, scheme: StateScheme = .mixedAdamMainGradients, machine: Machine = Machine(),
    globalBatch: Int, acceleratorsPerNode: Int, usableBytes: Double, fusesAttention: Bool = true,
    runtime: RuntimeMemory = RuntimeMemory()
  ) {
    self.model = model
    self.machine = machine
    self.globalBatch = globalBatch
    self.acceleratorsPerNode = acceleratorsPerNode
    self.usableBytes = usableBytes
    memory = TransformerMemory(
      model, scheme: scheme, globalBatch: globalBatch, fusesAttention: fusesAttention, runtime: runtime)
    let blocks = model.blockSequence
    parameters =
      blocks.kinds.map { blocks.total[$0.rawValue] * model.parameters(of: $0).total }.reduce(0, +)
      / Double(blocks.count)
    layerCount = blocks.count
    let tensors = (1...max(1, acceleratorsPerNode)).filter { acceleratorsPerNode.isMultiple(of: $0) }
    var position = Array(repeating: 0, count: acceleratorsPerNode + 1)
    for (index, t) in tensors.enumerated() { position[t] = index }
    tensorPosition = position
    var layers: [Layer] = []
    var logits: [Double] = []
    var least: [Double] = []
    for t in tensors {
      var best = Double.infinity
      for b in 0...globalBatch {
        let layer = Self.layer(model, machine, t: Double(t), b: Double(max(b, 1)))
        layers.append(layer)
        logits.append(Self.logits(model, machine, t: Double(t), b: Double(max(b, 1))))
        if b > 0 { best = min(best, (layer.forward + layer.backward + layer.reduction) / Double(b)) }
      }
      least.append(best)
    }
    self.layers = layers
    self.logits = logits
    leastPerSample = least
  }

  private static func product(_ machine: Machine, _ rows: Double, _ columns: Double, _ depth: Double) -> Double {
    2 * columns * depth * (rows + machine.halfRows) / (machine.peak * machine.efficiency)
  }

  private static func floor(_ time: Double, _ host: Double) -> Double {
    let (x, y) = (time * time, host * host)
    return (x * x + y * y).squareRoot().squareRoot()
  }

  private static func layer(_ model: TransformerSpecification, _ machine: Machine, t: Double, b: Double) -> Layer {
    let (h, s, f) = (Double(model.hidden), Double(model.sequence), Double(model.feedForward))
    let a = Double(model.heads)
    let rows = b * s
    let products =
      product(machine, rows, 3 * h / t, h) + product(machine, rows, h, h / t) + product(machine, rows, f / t, h)
      + product(machine, rows, h, f / t)
    let attention =
      4 * b * s * s * h / t / (0.5 * machine.peak * machine.efficiency) + 12 * b * a * s * s / t / machine.attention
    let passes = (28 + 24 / t) * rows * h / machine.elementwise
    let reduction = t > 1 ? 2 * (t - 1) / t * 2 * rows * h / machine.link + machine.latency : 0
    return Layer(
      forward: floor(products + attention + passes, machine.hostForward),
      backward: floor(2 * products + 2.4 * attention + 1.6 * passes, machine.hostBackward), reduction: 4 * reduction)
  }

  private static func logits(_ model: TransformerSpecification, _ machine: Machine, t: Double, b: Double) -> Double {
    let rows = b * Double(model.sequence)
    let v = Double(model.vocabulary)
    return 3 * product(machine, rows, v / t, Double(model.hidden)) + 20 * rows * v / t / machine.elementwise
  }

  private func position(_ layout: ParallelLayout) -> Int {
    tensorPosition[layout.tensor] * (globalBatch + 1) + layout.microBatch
  }

  /// The times of a step: compute and tensor reductions of micro-batches, bubble, transfers, logits, reduction, optimizer.
  private func parts(
    _ layout: ParallelLayout, microBatches: Int? = nil
  ) -> (Double, Double, Double, Double, Double, Double, Double) {
    let index = position(layout)
    let layer = layers[index]
    let c = Double(layout.context)
    let m = Double(microBatches ?? layout.microBatches(globalBatch: globalBatch))
    let count = Double(layerCount) / Double(layout.pipeline)
    var compute = (layer.forward + layer.backward) / c
    var reduction = layer.reduction / c
    switch layout.recomputation {
    case .none: break
    case .selective: compute += 0.04 * layer.forward / c
    case .full:
      compute += layer.forward / c
      reduction *= 1.5
    }
    if c > 1 {
      let rows = Double(layout.microBatch * model.sequence) / c
      let ring =
        3 * (c - 1) * 4 * rows * Double(model.hidden) * Double(model.keyValueHeads) / Double(model.heads)
        / Double(layout.tensor)
      compute += ring / (machine.network / Double(acceleratorsPerNode)) + (c - 1) * machine.latency
    }
    let stage = count * (compute + reduction) + machine.perMicroBatch
    let p = Double(layout.pipeline)
    let bubble = (p - 1) / Double(layout.virtualStages) * stage
    let boundary =
      2 * Double(layout.microBatch * model.sequence * model.hidden) / c / Double(layout.tensor)
      / (machine.network / Double(acceleratorsPerNode))
    let transfers = p > 1 ? 2 * m * boundary * Double(layout.virtualStages) : 0
    return (
      m * count * compute, m * count * reduction, bubble, transfers, m * (logits[index] / c + machine.perMicroBatch),
      gradients(layout), optimizer(layout)
    )
  }

  private func held(_ layout: ParallelLayout) -> Double {
    parameters * Double(layerCount) / Double(layout.pipeline * layout.tensor)
  }

  private func gradients(_ layout: ParallelLayout) -> Double {
    let n = Double(layout.data * layout.context)
    guard n > 1 else { return 0 }
    let inNode = layout.data * layout.tensor * layout.context <= acceleratorsPerNode
    let rate = inNode ? machine.link : machine.network * Double(min(8, layout.tensor)) / Double(acceleratorsPerNode)
    let volume = (layout.zeroStage == 3 ? 3 : 2) * (n - 1) / n * 2 * held(layout)
    return volume / rate + 2 * n * machine.latency
  }

  private func optimizer(_ layout: ParallelLayout) -> Double {
    let shards = layout.zeroStage >= 1 ? Double(layout.data * layout.context) : 1
    return held(layout) / shards * 20 / (0.8 * machine.elementwise)
  }

  func seconds(_ layout: ParallelLayout) -> Double {
    let (compute, reduction, bubble, transfers, ends, gradients, optimizer) = parts(layout)
    return compute + reduction + bubble + transfers + ends + gradients + optimizer
  }

  func affine(_ layout: ParallelLayout) -> AffineStep {
    let (compute, reduction, bubble, transfers, ends, gradients, optimizer) = parts(layout, microBatches: 1)
    return AffineStep(
      fixed: bubble + gradients + optimizer, perMicroBatch: compute + reduction + transfers + ends)
  }

  func bytes(_ layout: ParallelLayout) -> Double { memory.fullest(layout).totalBytes }

  func leastSeconds(_ layout: ParallelLayout, depth: LayoutDepth) -> Double {
    var least = layout
    least.zeroStage = 0
    if depth < .activations { least.recomputation = .none }
    if depth == .degrees {
      // The best micro-batch for each part, and the most virtual stages.
      let perLayer = leastPerSample[tensorPosition[layout.tensor]] / Double(layout.context)
      let samples = Double(globalBatch / layout.data)
      let layers = Double(layerCount) / Double(layout.pipeline)
      return (samples * layers * perLayer + gradients(least)) * (1 - 1e-12)
    }
    let (compute, reduction, bubble, transfers, ends, gradients, _) = parts(least)
    return (compute + reduction + bubble + transfers + ends + gradients) * (1 - 1e-12)
  }

  func leastBytes(_ layout: ParallelLayout, depth: LayoutDepth) -> Double { memory.leastBytes(layout, depth: depth) }

  func estimate(_ layout: ParallelLayout) -> StepEstimate {
    let (compute, reduction, bubble, transfers, ends, gradients, optimizer) = parts(layout)
    let terms = [
      ("layers", compute), ("tensor all-reduces", reduction), ("pipeline bubble", bubble),
      ("pipeline transfers", transfers), ("ends", ends), ("gradient all-reduce", gradients), ("optimizer", optimizer),
    ]
    return StepEstimate(
      terms: terms.map { StepTerm($0.0, Seconds($0.1)) }, memory: memory.fullest(layout))
  }
}

/// Times and sizes without any sense to them, with many ties, and bounds that are as tight as can be.
struct Arbitrary: LayoutEvaluator {
  let usableBytes: Double
  private let table: [ParallelLayout: (seconds: Double, bytes: Double)]
  private let least: [Key: (seconds: Double, bytes: Double)]

  private struct Key: Hashable {
    let layout: ParallelLayout
    let depth: LayoutDepth
    init(_ layout: ParallelLayout, _ depth: LayoutDepth) {
      var part = layout
      part.zeroStage = 0
      if depth < .activations {
        part.recomputation = .none
        part.sequenceParallel = false
      }
      if depth < .batch {
        part.microBatch = 1
        part.virtualStages = 1
      }
      self.layout = part
      self.depth = depth
    }
  }

  init(_ layouts: [ParallelLayout], usableBytes: Double, random: inout SplitMix) {
    self.usableBytes = usableBytes
    var table: [ParallelLayout: (seconds: Double, bytes: Double)] = [:]
    var least: [Key: (seconds: Double, bytes: Double)] = [:]
    for layout in layouts {
      let seconds = Double(random.next() % 12 + 1)
      let bytes = Double(random.next() % 100)
      table[layout] = (seconds, bytes)
      for depth in LayoutDepth.allCases {
        let known = least[Key(layout, depth)] ?? (.infinity, .infinity)
        least[Key(layout, depth)] = (min(known.seconds, seconds), min(known.bytes, bytes))
      }
    }
    self.table = table
    self.least = least
  }

  func seconds(_ layout: ParallelLayout) -> Double { table[layout]?.seconds ?? -1 }
  func bytes(_ layout: ParallelLayout) -> Double { table[layout]?.bytes ?? -1 }
  func leastSeconds(_ layout: ParallelLayout, depth: LayoutDepth) -> Double {
    least[Key(layout, depth)]?.seconds ?? 0
  }
  func leastBytes(_ layout: ParallelLayout, depth: LayoutDepth) -> Double { least[Key(layout, depth)]?.bytes ?? 0 }
  func affine(_ layout: ParallelLayout) -> AffineStep { AffineStep(fixed: 0, perMicroBatch: seconds(layout)) }
  func estimate(_ layout: ParallelLayout) -> StepEstimate {
    StepEstimate(terms: [StepTerm("all", Seconds(seconds(layout)))], memory: MemoryComponents())
  }
}
