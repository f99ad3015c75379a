import Catalog
import ModelGraph
import Models
import Units

/// A published run as the step that the model prices.
package struct RunStep: Sendable {
  package let run: PublishedRun
  package var shape: StepShape
  /// Its labels; shares and sizes by `traits(_:)`.
  let labels: RunTraits
  /// Key of the constants of its framework.
  let frameworkName: String
  package var published: Double { run.number("step_time_s") ?? 0 }

  /// - Throws: `RunProblem`, `PublishedModelError` or `GraphError`: the reason why the run cannot be modelled.
  init(_ run: PublishedRun, catalog: Catalog, workloads: WorkloadCache) throws {
    guard run.number("step_time_s") != nil else { throw RunProblem("no step time") }
    try run.checkShapes()
    self.run = run
    let hardware = try RunHardware(run, catalog: catalog)
    let layout = try RunLayout(run)
    let workload = try workloads.workload(run)
    frameworkName = SoftwareKey.key(run.framework)
    shape = Self.shape(run, hardware: hardware, layout: layout, workload: workload, framework: frameworkName)
    labels = RunTraits(
      framework: frameworkName, version: run.framework, family: run.family, model: run.model,
      accelerator: hardware.device.key, isNarrow: hardware.device.arithmetic != .fp32, platform: run.platform,
      task: run["task"], sequence: run["seq_len"])
  }

  /// What its residual shares with others'.
  package func traits(_ constants: Constants) -> RunTraits { traits(shape.breakdown(constants)) }

  func traits(_ breakdown: StepBreakdown) -> RunTraits {
    var traits = labels
    traits.measure(breakdown, shape)
    return traits
  }

  private static func shape(
    _ run: PublishedRun, hardware: RunHardware, layout: RunLayout, workload: Workload, framework: String
  ) -> StepShape {
    let t = Int(layout.tensor)
    let experts = Int(layout.experts)
    func shared(_ kernels: [Kernel]) -> [Kernel] {
      kernels.map { $0.shared(by: t, sequenceParallel: layout.sequenceParallel).sharedExperts(by: experts) }
    }
    let stages = workload.isTransformer ? layout.pipeline : 1
    let block = shared(workload.kernels([.block])).map { kernel in
      var kernel = kernel
      kernel.count /= stages
      return kernel
    }
    // DT-FM's benchmark classifies sequences: it has neither a table of tokens nor an output projection (its repository,
    // `GPTStageLast`), and the baselines published beside it are of the same model.
    let isClassifier = framework == "dt-fm" || run.source.contains("Decentralized_FM")
    let edges: Set<Kernel.Section> = isClassifier ? [] : [.stem, .head]
    let arithmetic = hardware.device.arithmetic
    let q = arithmetic.elementBytes
    let batch = layout.microBatch / layout.context
    // How a run's software cut the blocks into stages is not published: as many of each kind on all of them.
    let shares = BlockSequence.ByKind(repeating: 1 / stages)
    let reductions = layout.tensor > 1 ? workload.inBlocks.reductions.sum() / stages : 0
    let reducedBytes =
      reductions > 0 ? batch * q * workload.inBlocks.reducedElements.sum() / (stages * reductions) : 0
    return StepShape(
      device: hardware.device, attentionPeak: hardware.attentionPeak, isHopperOrLater: hardware.isHopperOrLater,
      fusesAttention: fusesAttention(run, framework, hardware, positions: workload.positions), block: block,
      edge: shared(workload.kernels(edges)), batch: batch,
      dispatches: workload.inBlocks.dispatches.sum() / stages,
      detections: isTwoStageDetector(run) ? batch : 0, microBatches: layout.microBatches, tensor: layout.tensor,
      pipeline: stages, virtualStages: layout.virtualStages, data: layout.data * layout.context,
      zeroStage: layout.zeroStage, shardsWithinHost: layout.shardsWithinHost, recomputation: layout.recomputation,
      tensorReductions: reductions, tensorBytes: reducedBytes, experts: layout.experts,
      routedBytes: batch * workload.inBlocks.routedElements.sum() / stages * q,
      boundaryBytes: batch * q * workload.boundaryElements(stages: Int(stages)),
      parameters: StageParameters(workload, edges: edges)
        .count(shares: shares, tensor: layout.tensor, pipeline: stages, experts: layout.experts),
      gradientBytes: gradientBytes(run, layout, framework, q), reducesAtServer: framework == "dt-fm",
      reducesBesideBackward: !SoftwareKey.reducesBehindBackward(framework), network: hardware.network)
  }

  /// Automatic mixed precision keeps parameters, and so their gradients, in FP32 (Micikevicius et al. 2018, §3.1), which is
  /// what PyTorch's data parallelism sends; Horovod's runs and sharded ones cast it.
  private static func gradientBytes(
    _ run: PublishedRun, _ layout: RunLayout, _ framework: String, _ elementBytes: Double
  ) -> Double {
    let castsNot = ["adaptdl", "pytorch", "detectron", "mmdetection"].contains(framework) && run.family != "bert"
    return castsNot && run["precision"].lowercased().contains("amp") && layout.zeroStage < 3 ? 4 : elementBytes
  }

  /// Kernels that keep scores on the chip came with FlashAttention (2022) and are the default since: in frameworks of that
  /// time, on Hopper and later, and wherever the scores of a long sequence could not be held.
  private static func fusesAttention(
    _ run: PublishedRun, _ framework: String, _ hardware: RunHardware, positions: Double
  ) -> Bool {
    if positions >= 4096 || hardware.isHopperOrLater { return true }
    if ["llm-foundry", "nemo", "jax", "neuron"].contains(framework) { return framework != "neuron" }
    let text = (run.source + run.framework).lowercased()
    return ["flash", "llm.c", "foundation-model-stack", "nanogpt", "torchtitan"].contains { text.contains($0) }
  }

  private static func isTwoStageDetector(_ run: PublishedRun) -> Bool {
    let name = run.model.lowercased()
    return run.family == "detection" && !name.contains("ssd") && !name.contains("retina") && !name.contains("yolo")
  }

  /// Points the step at the constants that were fitted for its accelerator and framework.
  package mutating func resolve(_ constants: Constants) { shape.resolve(constants, framework: frameworkName) }
}
