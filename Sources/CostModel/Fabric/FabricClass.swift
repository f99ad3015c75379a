package import Collectives

/// Measurements of one system, and which constants they fix.
package struct FabricClass: Sendable {
  package enum Part: String, Sendable { case node = "inside a node", network = "across nodes" }

  /// Of the constants, in `Resources/fabrics.csv`.
  package let key: String
  package let title: String
  package let part: Part
  /// How the hardware's description begins, and words that it must have.
  let prefixes: [String]
  /// The node's constants under a network.
  var node: String?
  /// Where the constants not fitted come from: a fabric fitted before, a rating, a published figure.
  var inherits: String?
  let acceleratorsPerNode: Int
  var structure: LinkStructure?
  var library = Fabric.Library.nccl
  /// Fitted, with a start and bounds in seconds, bytes and B/s.
  let free: [(FabricConstant, LeastSquares.Variable)]
  /// Values of x* to try: the loss has steps over it.
  var switchChunks: [Double] = []
  /// Given, with the reason in `note`.
  var given: [FabricConstant: Double] = [:]
  /// Why the class is not in the mean; nil if it is.
  var setAside: String?
  let source: String
  let asOf: String

  package func holds(_ row: FabricMeasurement) -> Bool {
    guard prefixes.contains(where: { row.hardware.hasPrefix($0) }) else { return false }
    return part == .node ? row.nodes == 1 : (row.nodes ?? 0) > 1
  }

  /// Some of these systems were run with one algorithm on purpose: it is then that one which is predicted.
  package static func forcedAlgorithm(_ row: FabricMeasurement) -> ScheduleAlgorithm? {
    if row.hardware.hasSuffix(" tree") { return .doubleTree }
    if row.hardware.hasSuffix(" ring") { return .ring }
    return nil
  }

  /// The fabric that its constants make.
  func fabric(_ entry: FabricEntry, among constants: FabricConstants) -> Fabric {
    switch part {
    case .node:
      return Fabric(
        node: entry.node(structure: structure), network: nil, library: library,
        acceleratorsPerNode: acceleratorsPerNode, sources: [key])
    case .network:
      let base = node.flatMap { name in FabricClass.all.first { $0.key == name } }
      let inner = base.flatMap { base in constants[base.key]?.node(structure: base.structure) } ?? NodeFabric()
      return Fabric(
        node: inner, network: entry.network, library: library, acceleratorsPerNode: acceleratorsPerNode,
        sources: [key, node].compactMap { $0 })
    }
  }
}
