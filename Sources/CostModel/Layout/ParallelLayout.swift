/// How the accelerators of a job share one step: degrees of the axes of the parallel mesh, and what goes with them.
///
/// N = tensor · context · pipeline · data accelerators. Experts lie across the context and data ranks of a stage, so that
/// `expert` · `expertTensor` divides tensor · context · data.
package struct ParallelLayout: Hashable, Sendable, Codable {
  /// t: ranks that share each layer.
  package var tensor: Int
  /// c: ranks that share each sequence.
  package var context: Int
  /// p: stages of consecutive layers.
  package var pipeline: Int
  /// d: replicas, each with its share of the batch.
  package var data: Int
  /// e: ranks that share the experts of a layer.
  package var expert: Int
  /// t_e: ranks that share one expert.
  package var expertTensor: Int
  /// v: pieces of the model that each stage holds, interleaved; 1 is plain 1F1B.
  package var virtualStages: Int
  /// b: samples that a replica computes at a time.
  package var microBatch: Int
  /// 0 none, 1 optimizer states, 2 gradients too, 3 weights too are shared by the data-parallel ranks.
  package var zeroStage: Int
  package var recomputation: Recomputation
  /// Whether tensor-parallel ranks share the positions of what they would else all keep and compute.
  package var sequenceParallel: Bool

  /// - Parameter expertTensor: default: `tensor` where there are experts to share.
  package init(
    tensor: Int = 1, context: Int = 1, pipeline: Int = 1, data: Int = 1, expert: Int = 1, expertTensor: Int? = nil,
    virtualStages: Int = 1, microBatch: Int = 1, zeroStage: Int = 0, recomputation: Recomputation = .none,
    sequenceParallel: Bool = false
  ) {
    self.tensor = tensor
    self.context = context
    self.pipeline = pipeline
    self.data = data
    self.expert = expert
    self.expertTensor = expertTensor ?? tensor
    self.virtualStages = virtualStages
    self.microBatch = microBatch
    self.zeroStage = zeroStage
    self.recomputation = recomputation
    self.sequenceParallel = sequenceParallel
  }

  /// N.
  package var accelerators: Int { tensor * context * pipeline * data }

  /// m: micro-batches that a replica computes in a step of `globalBatch` samples, rounded down where they do not divide.
  package func microBatches(globalBatch: Int) -> Int { globalBatch / (data * microBatch) }

  /// d_e = N/(t_e·e·p): replicas of each expert.
  package var expertData: Int { max(1, tensor * context * data / (expertTensor * expert)) }

  /// Layers of stage `stage` of `layers` in all: the first stages hold one more where they do not divide.
  package func layers(ofStage stage: Int, of layers: Int) -> Int {
    layers / pipeline + (stage < layers % pipeline ? 1 : 0)
  }
}

extension ParallelLayout: CustomStringConvertible {
  /// "t8 p8 d2 b1 ZeRO-1 selective": axes of one rank are left out, the data axis and the micro-batch never.
  package var description: String {
    var parts: [String] = []
    for (letter, degree) in [("t", tensor), ("c", context), ("p", pipeline)] where degree > 1 {
      parts.append("\(letter)\(degree)")
    }
    parts.append("d\(data)")
    if expert > 1 { parts.append("e\(expert)" + (expertTensor == tensor ? "" : "×t\(expertTensor)")) }
    if virtualStages > 1 { parts.append("v\(virtualStages)") }
    parts.append("b\(microBatch)")
    if zeroStage > 0 { parts.append("ZeRO-\(zeroStage)") }
    if sequenceParallel { parts.append("seq") }
    if recomputation != .none { parts.append(recomputation.rawValue) }
    return parts.joined(separator: " ")
  }
}
