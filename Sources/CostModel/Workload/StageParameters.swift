/// Parameters that a rank holds of the fullest stage of a pipeline, by how ranks share the model.
package struct StageParameters: Hashable, Sendable {
  private struct Held: Hashable {
    let all: Double
    /// Of them, those that tensor parallelism cuts.
    let cut: Double

    init(_ workload: Workload, _ section: Kernel.Section) {
      all = workload.edgeParameters[section] ?? 0
      cut = workload.cutEdgeParameters[section] ?? 0
    }

    func count(tensor: Double) -> Double { all - cut + cut / tensor }
  }

  private let blocks: Workload.BlockTotals
  private let stem: Held?
  private let head: Held?

  /// - Parameter edges: sections before and behind the blocks that the model has.
  package init(_ workload: Workload, edges: Set<Kernel.Section> = [.stem, .head]) {
    blocks = workload.inBlocks
    stem = edges.contains(.stem) ? Held(workload, .stem) : nil
    head = edges.contains(.head) ? Held(workload, .head) : nil
  }

  /// - Parameters:
  ///   - shares: the part of each kind's blocks that the stage has.
  ///   - tensor: degrees of parallelism; `experts` of the ranks that share those of a layer.
  package func count(
    shares: BlockSequence.ByKind, tensor: Double, pipeline: Double, experts: Double
  ) -> Double {
    inBlocks(shares: shares, tensor: tensor, experts: experts) + atEdges(tensor: tensor, pipeline: pipeline)
  }

  func inBlocks(shares: BlockSequence.ByKind, tensor: Double, experts: Double) -> Double {
    let (all, cut, routed) = (blocks.parameters, blocks.cutParameters, blocks.expertParameters)
    return (shares * (all - cut + cut / tensor - routed + routed / experts)).sum()
  }

  func atEdges(tensor: Double, pipeline: Double) -> Double {
    (stem?.count(tensor: tensor) ?? 0) + (head?.count(tensor: tensor) ?? 0) / pipeline
  }
}
