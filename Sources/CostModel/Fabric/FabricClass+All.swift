extension FabricClass {
  private static func us(
    _ name: FabricConstant.Name, _ start: Double, _ bounds: ClosedRange<Double>, ranks: Int? = nil
  ) -> (FabricConstant, LeastSquares.Variable) { scaled(name, start, bounds, 1e-6, ranks) }

  private static func gigabytes(
    _ name: FabricConstant.Name, _ start: Double, _ bounds: ClosedRange<Double>
  ) -> (FabricConstant, LeastSquares.Variable) { scaled(name, start, bounds, 1e9) }

  private static func scaled(
    _ name: FabricConstant.Name, _ start: Double, _ bounds: ClosedRange<Double>, _ unit: Double, _ ranks: Int? = nil
  ) -> (FabricConstant, LeastSquares.Variable) {
    let variable = LeastSquares.Variable(start * unit, in: bounds.lowerBound * unit...bounds.upperBound * unit)
    return (FabricConstant(name, ranks: ranks), variable)
  }

  private static let root = (
    FabricConstant(.rootCost), LeastSquares.Variable(4e-6 / 1024, in: 1e-8 / 1024...1e-4 / 1024)
  )
  private static let rootFactor = (FabricConstant(.rootFactor), LeastSquares.Variable(1, in: 0.1...10))
  private static func floors(_ ranks: [Int], _ start: Double) -> [(FabricConstant, LeastSquares.Variable)] {
    ranks.map { us(.floor, start, 5...200, ranks: $0) }
  }

  /// The day on which the points were collected.
  private static let collected = "2026-11-23"

  /// In the order of fitting: a class that inherits stands behind what it inherits from.
  package static let all: [FabricClass] = [cubeMeshV100, switchA100, switchH100, unstatedSwitch] + networks

  /// 25 GB/s a link: NVLink 2. Six constants for seven rank counts.
  private static let cubeMeshV100 = FabricClass(
    key: "nvlink-cube-mesh-v100", title: "8 V100, NVLink hybrid cube mesh", part: .node,
    prefixes: ["8x V100-SXM2", "p3dn.24xlarge V100-32 8 GPU single node"], acceleratorsPerNode: 8,
    structure: .hybridCubeMeshV100,
    free: [
      us(.launch, 20, 1...100), us(.step, 2.2, 0.1...20), gigabytes(.bandwidth, 22.5, 10...25),
      us(.smallLaunch, 20, 1...100), us(.smallStep, 3, 0.1...20), gigabytes(.smallBandwidth, 16, 2...25),
    ], switchChunks: [0.25, 0.3, 0.35, 0.4].map { $0 * 0x1p20 },
    source: "vTrain trace/v100 AR_GPU2..8 (nccl-tests)", asOf: collected)

  /// 300 GB/s: NVLink 3, twelve links a GPU. Floors of two and three ranks do not show at 1 MiB and above.
  private static let switchA100 = FabricClass(
    key: "nvswitch-a100", title: "8 A100, NVSwitch", part: .node,
    prefixes: ["8x A100-SXM4", "p4d.24xlarge A100-40"], acceleratorsPerNode: 8,
    free: [
      us(.launch, 25, 1...100), us(.step, 4, 0.1...20), gigabytes(.bandwidth, 310, 100...330),
      gigabytes(.localBandwidth, 550, 100...2000), root, gigabytes(.smallBandwidth, 110, 10...300),
    ] + floors([4, 5, 6, 7, 8], 70),
    source: "vTrain trace/a100 AR_GPU2..8 (nccl-tests)", asOf: collected)

  /// 450 GB/s: NVLink 4, and a switch that reduces (NVLS). One rank count: launch and steps are one. The ring, for other
  /// operations and pairs, is assumed to reach what NVLink 3 does at 8 ranks: 230 of 300.
  private static let switchH100 = FabricClass(
    key: "nvswitch-h100", title: "8 H100, NVSwitch (p5)", part: .node,
    prefixes: ["p5.48xlarge H100 NVSwitch"], acceleratorsPerNode: 8,
    free: [
      us(.launch, 15, 1...100), gigabytes(.switchBandwidth, 286, 100...450), root, us(.smallLaunch, 10, 0.1...100),
      gigabytes(.smallBandwidth, 110, 10...500),
    ] + floors([8], 9), given: [FabricConstant(.bandwidth): 345e9],
    source: "aws-samples awsome-distributed-training nccl-tests/aws-batch README", asOf: collected)

  private static let unstatedSwitch = FabricClass(
    key: "nvlink-8-unstated", title: "8 GPUs of unstated type, NVLink (Galvatron)", part: .node,
    prefixes: ["8-GPU NVLink node profiled by Galvatron"], acceleratorsPerNode: 8,
    free: [
      us(.launch, 40, 1...100), us(.step, 3, 0.1...20), gigabytes(.bandwidth, 290, 100...330),
      gigabytes(.localBandwidth, 600, 100...5000), root, gigabytes(.smallBandwidth, 60, 10...300),
    ] + floors([4, 8], 79),
    source: "Hetu-Galvatron sp_time_1nodes_8gpus", asOf: collected)

  private static let networks: [FabricClass] = [
    FabricClass(
      key: "efa-p4de", title: "p4de, EFA 4 × 100 Gbit/s", part: .network, prefixes: ["p4de.24xlarge"],
      node: "nvswitch-a100", acceleratorsPerNode: 8,
      free: [
        us(.smallLatency, 162, 50...400), gigabytes(.smallBandwidth, 0.6, 0.05...20), us(.latency, 185, 50...500),
        gigabytes(.bandwidth, 49, 20...50), rootFactor,
      ], source: "aws-samples awsome-distributed-training nccl-tests README", asOf: collected),
    FabricClass(
      key: "efa-p5", title: "p5 and p5en, EFA 3200 Gbit/s", part: .network,
      prefixes: ["p5.48xlarge H100 EFA", "p5en.48xlarge H200 EFA"], node: "nvswitch-h100", acceleratorsPerNode: 8,
      free: [
        us(.smallLatency, 70, 20...200), gigabytes(.smallBandwidth, 0.7, 0.05...20), us(.latency, 105, 20...300),
        gigabytes(.bandwidth, 370, 200...400), rootFactor,
      ], source: "aws-samples awsome-distributed-training nccl-tests README and topology-aware-nccl-tests",
      asOf: collected),
    FabricClass(
      key: "efa-p4d-nccl2.9", title: "p4d with NCCL 2.9 of 2021, EFA 4 × 100 Gbit/s", part: .network,
      prefixes: ["p4d.24xlarge A100-40"], node: "nvswitch-a100", inherits: "efa-p4de", acceleratorsPerNode: 8,
      free: [gigabytes(.bandwidth, 31, 10...50), rootFactor],
      source: "NVIDIA/nccl issue 527; aws-ofi-nccl issue 65; latency of efa-p4de", asOf: collected),
    FabricClass(
      key: "efa-p3dn", title: "p3dn, EFA 100 Gbit/s", part: .network,
      prefixes: ["p3dn.24xlarge V100-32 EFA"], node: "nvlink-cube-mesh-v100", inherits: "efa-p4de",
      acceleratorsPerNode: 8,
      free: [us(.latency, 400, 50...2000), gigabytes(.bandwidth, 8, 3...12.5)], given: [FabricConstant(.rootFactor): 1],
      source: "aws-ofi-nccl issue 33; NVIDIA/nccl-tests issue 22", asOf: collected),
    FabricClass(
      key: "efa-p6", title: "p6-b200, EFA 3200 Gbit/s", part: .network, prefixes: ["p6-b200.48xlarge B200 EFA"],
      node: "nvswitch-h100", inherits: "efa-p5", acceleratorsPerNode: 8,
      free: [us(.smallLatency, 55, 10...200)],
      source: "dstack PR 3961 (8 to 256 B); the rest of efa-p5", asOf: collected),
    FabricClass(
      key: "efa-trn1", title: "trn1, EFA 800 Gbit/s", part: .network, prefixes: ["trn1.32xlarge"],
      inherits: "efa-p4de", acceleratorsPerNode: 32, library: .neuron,
      free: [],
      given: [
        FabricConstant(.bandwidth): 70e9, FabricConstant(.latency): 150e-6, FabricConstant(.smallLatency): 67e-6,
      ],
      setAside: "5 iterations a size: neighbouring sizes differ by a factor of 5, so no function of the size fits",
      source:
        "aws-samples awsome-distributed-training nccom-tests (its five quiet points); bandwidth 0.7 of the rating",
      asOf: collected),
  ]
}
