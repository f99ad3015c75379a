/// What the software keeps beside the model. Bytes of one rank.
///
/// Context: 2.0 GB of driver, libraries and channels, 3.0 GB where a layer is shared over ranks: the flat charges of Sailor's
/// runtime simulator (Strati et al. 2025). Buffers: a bucket of gradients on its way where data-parallel ranks hold them
/// whole (25 MB, PyTorch's default); under ZeRO-2 the gradients of one layer before they are sharded; under ZeRO-3 the
/// weights of two layers too, one in use and one fetched ahead (DeepSpeed, FSDP). Assumed, not measured, for other runtimes.
package struct RuntimeMemory: Hashable, Sendable, Codable {
  package var context: Double
  package var contextOfTensorParallel: Double
  package var bucket: Double

  package init(context: Double = 2.0e9, contextOfTensorParallel: Double = 3.0e9, bucket: Double = 25e6) {
    self.context = context
    self.contextOfTensorParallel = contextOfTensorParallel
    self.bucket = bucket
  }

  package func context(_ layout: ParallelLayout) -> Double {
    layout.tensor > 1 ? contextOfTensorParallel : context
  }

  /// - Parameter layer: parameters of the largest layer that one rank holds before ZeRO shards them.
  package func buffers(_ layout: ParallelLayout, layer: Double, scheme: StateScheme) -> Double {
    guard layout.data * layout.context > 1 else { return 0 }
    var bytes = 0.0
    if layout.zeroStage <= 1 { bytes += bucket }
    if layout.zeroStage >= 2 { bytes += layer * scheme.gradients }
    if layout.zeroStage >= 3 { bytes += 2 * layer * scheme.weights }
    return bytes
  }
}
