/// Parameters that a rank holds of the fullest stage of a pipeline, by how ranks share the model.
package struct StageParameters: Hashable, Sendable {
  private struct Held: Hashable {
    let all: Double
    /// Of them, those that tensor parallelism cuts.
    let cut: Double

    init(_ workload: Workload, _ section: Kernel.Section) {
      all = workload.parameters[section] ?? 0
      cut = workload.cutParameters[section] ?? 0
    }

    func count(tensor: Double) -> Double { all - cut + cut / tensor }
  }

  private let block: Held
  private let stem: Held?
  private let head: Held?
  private let routed: Double

  /// - Parameter edges: sections before and behind the blocks that the model has.
  package init(_ workload: Workload, edges: Set<Kernel.Section> = [.stem, .head]) {
    block = Held(workload, .block)
    stem = edges.contains(.stem) ? Held(workload, .stem) : nil
    head = edges.contains(.head) ? Held(workload, .head) : nil
    routed = workload.expertParameters
  }

  /// - Parameters: degrees of parallelism; `experts` of the ranks that share those of a layer.
  package func count(tensor: Double, pipeline: Double, experts: Double) -> Double {
    (block.count(tensor: tensor) - routed + routed / experts) / pipeline + (stem?.count(tensor: tensor) ?? 0)
      + (head?.count(tensor: tensor) ?? 0) / pipeline
  }
}
