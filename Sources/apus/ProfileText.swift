import Execution
import Units

/// Where a shard's time goes: by operation, and the kernels that take longest.
struct ProfileText {
  private let kernels: [KernelProfile]
  private let peak: Double
  private let total: Seconds

  /// - Parameter matrixProductSpeed: operations a second of a large matrix product in the same run.
  init(_ kernels: [KernelProfile], matrixProductSpeed: Double) {
    self.kernels = kernels
    peak = matrixProductSpeed
    total = kernels.map(\.time).sum()
  }

  var text: String {
    let groups = Dictionary(grouping: kernels) { Code(operation: $0.operation, implementation: $0.implementation) }
    let operations = groups.sorted { $0.value.map(\.time).sum() > $1.value.map(\.time).sum() }
    var byOperation = TextTable(
      [("operation", .left), ("code", .left), ("kernels", .right)] + Self.columns + [("of the product's", .right)])
    for (code, kernels) in operations {
      byOperation.append(
        [code.operation, code.implementation, "\(kernels.count)"] + cells(kernels) + [ofPeak(kernels)])
    }
    byOperation.rule()
    byOperation.append(["all", "", "\(kernels.count)"] + cells(kernels) + [ofPeak(kernels)])
    var byKernel = TextTable([("layer", .left), ("operation", .left), ("code", .left)] + Self.columns)
    let slowest = kernels.sorted { $0.time > $1.time }.prefix(20)
    for kernel in slowest {
      byKernel.append([kernel.layer, kernel.operation, kernel.implementation] + cells([kernel]))
    }
    return """
      one shard, medians; a product of 1024×1024 matrices in the same run: \(gigaflops(peak)) GFLOP/s
      FLOP by definition, so that Winograd's method (wino) may exceed the product; alone: run several times in a row

      \(byOperation.text)

      the \(slowest.count) slowest kernels
      \(byKernel.text)
      """
  }

  private struct Code: Hashable {
    let operation: String
    let implementation: String
  }

  private static let columns: [(String, TextTable.Alignment)] = [
    ("time", .right), ("share", .right), ("alone", .right), ("GFLOP/s", .right),
  ]

  private func cells(_ kernels: [KernelProfile]) -> [String] {
    let time = kernels.map(\.time).sum()
    return [
      "\(time)", percent(time / total, decimals: 1), "\(kernels.map(\.timeAlone).sum())", gigaflops(speed(kernels)),
    ]
  }

  private func ofPeak(_ kernels: [KernelProfile]) -> String { percent(speed(kernels) / peak, decimals: 1) }

  /// Operations a second.
  private func speed(_ kernels: [KernelProfile]) -> Double {
    let time = kernels.map(\.time).sum()
    return time.count > 0 ? kernels.map(\.flops).sum().count / time.count : 0
  }

  private func gigaflops(_ speed: Double) -> String { (speed / 1e9).fixed(1) }
}
