import Collectives

/// Collectives predicted beside measured: what `apus validate --fabrics` prints.
package struct FabricValidation: Hashable, Sendable {
  package struct Row: Hashable, Sendable {
    package let measurement: FabricMeasurement
    /// Key of the fabric's class.
    package let fabric: String
    package let predicted: Double
    /// By the simulator, of the fastest schedule; nil where no schedule describes it (a switch that reduces).
    package let simulated: Double?
    /// Predicted with constants fitted without the points of this row's size, and of this row's rank count; nil where the class
    /// has no other.
    package let withoutSize: Double?
    package let withoutRanks: Double?

    /// |predicted / measured − 1|.
    package var error: Double { relative(predicted) }
    package var errorSimulated: Double? { simulated.map(relative) }
    package var errorWithoutSize: Double? { withoutSize.map(relative) }
    package var errorWithoutRanks: Double? { withoutRanks.map(relative) }

    private func relative(_ value: Double) -> Double { abs(value / (measurement.seconds ?? .nan) - 1) }
  }

  /// Errors of one class, or of all classes of a part.
  package struct Summary: Hashable, Sendable {
    package let key: String
    package let title: String
    package let part: FabricClass.Part
    package let rows: Int
    package let constants: Int
    /// Nil where there is no row.
    package let mean: Double?
    package let median: Double?
    package let largest: Double?
    /// Of the simulator, over the rows that it has; nil where it has none.
    package let meanSimulated: Double?
    /// Nil where nothing could be left out.
    package let meanWithoutSize: Double?
    package let meanWithoutRanks: Double?
    /// Why it is not in the mean of its part; nil if it is.
    package let setAside: String?

    /// What the mean must not exceed, if this is the total of a part.
    package var goal: Double? { key == part.rawValue ? FabricValidation.goal(part) : nil }
    /// Nil where there is no goal, or no row.
    package var meetsGoal: Bool? { goal.flatMap { goal in mean.map { $0 <= goal } } }
  }

  /// The mean error that the forms and their constants must stay within, over all measured points of a part.
  package static func goal(_ part: FabricClass.Part) -> Double {
    switch part {
    case .node: 0.03
    case .network: 0.06
    }
  }

  package let rows: [Row]
  package let classes: [Summary]
  /// Of the classes that are not set aside.
  package let insideNode: Summary
  package let acrossNodes: Summary
  /// Every row that is not scored, with the reason.
  package let skipped: [(measurement: FabricMeasurement, reason: String)]

  package static func == (left: Self, right: Self) -> Bool { left.rows == right.rows && left.classes == right.classes }
  package func hash(into hasher: inout Hasher) { hasher.combine(rows) }

  /// - Parameters:
  ///   - measurements: those of `FabricMeasurement.shipped`, or of a file of the same columns.
  ///   - constants: the shipped ones, or those of a fit.
  ///   - leavesOut: whether to fit again without each size and each rank count: some seconds.
  package init(_ measurements: [FabricMeasurement], constants: FabricConstants, leavesOut: Bool = false) {
    var rows: [Row] = []
    var skipped: [(FabricMeasurement, String)] = []
    var sizes: [String: [Double: FabricEntry]] = [:]
    var counts: [String: [Int: FabricEntry]] = [:]
    let fit = FabricFit(measurements)
    if leavesOut {
      for kind in FabricClass.all {
        (sizes[kind.key], counts[kind.key]) = Self.leftOut(kind, measurements, fit, constants)
      }
    }
    for row in measurements {
      if let reason = row.notScored {
        skipped.append((row, reason))
        continue
      }
      guard let kind = FabricClass.all.first(where: { $0.holds(row) }), let entry = constants[kind.key] else {
        skipped.append((row, "no measured fabric of the model is this hardware"))
        continue
      }
      let time = { (entry: FabricEntry?) in
        entry.map { FabricFit.predicted(row, kind.fabric($0, among: constants)) }
      }
      rows.append(
        Row(
          measurement: row, fabric: kind.key, predicted: FabricFit.predicted(row, kind.fabric(entry, among: constants)),
          simulated: Self.simulated(row, kind.fabric(entry, among: constants)),
          withoutSize: time(sizes[kind.key]?[row.bytes ?? 0]), withoutRanks: time(counts[kind.key]?[row.ranks ?? 0])))
    }
    self.rows = rows
    self.skipped = skipped
    classes = FabricClass.all.map { kind in
      Self.summary(
        kind.key, kind.title, kind.part, rows.filter { $0.fabric == kind.key },
        constants: kind.free.count + (kind.switchChunks.isEmpty ? 0 : 1), setAside: kind.setAside)
    }
    insideNode = Self.total(.node, rows)
    acrossNodes = Self.total(.network, rows)
  }

  private static func simulated(_ row: FabricMeasurement, _ fabric: Fabric) -> Double? {
    guard let ranks = row.ranks, let nodes = row.nodes, let bytes = row.bytes else { return nil }
    let group = RankGroup(size: ranks, ranksPerNode: (ranks + nodes - 1) / nodes)
    if let forced = FabricClass.forcedAlgorithm(row), group.nodes > 1 {
      return fabric.simulated(.allReduce, forced, group, bytes: bytes)?.seconds
    }
    return fabric.simulated(.allReduce, group, bytes: bytes).first?.seconds
  }

  private static func total(_ part: FabricClass.Part, _ rows: [Row]) -> Summary {
    let kinds = FabricClass.all.filter { $0.part == part && $0.setAside == nil }
    let members = rows.filter { row in kinds.contains { $0.key == row.fabric } }
    return summary(
      part.rawValue, part.rawValue, part, members,
      constants: kinds.reduce(0) { $0 + $1.free.count + ($1.switchChunks.isEmpty ? 0 : 1) }, setAside: nil)
  }

  private static func summary(
    _ key: String, _ title: String, _ part: FabricClass.Part, _ rows: [Row], constants: Int, setAside: String?
  ) -> Summary {
    let errors = rows.map(\.error).sorted()
    return Summary(
      key: key, title: title, part: part, rows: rows.count, constants: constants, mean: mean(errors),
      median: errors.isEmpty ? nil : (errors[(errors.count - 1) / 2] + errors[errors.count / 2]) / 2,
      largest: errors.last, meanSimulated: mean(rows.compactMap(\.errorSimulated)),
      meanWithoutSize: mean(rows.compactMap(\.errorWithoutSize)),
      meanWithoutRanks: mean(rows.compactMap(\.errorWithoutRanks)), setAside: setAside)
  }

  private static func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// Constants of a class fitted without each of its sizes, and without each of its rank counts.
  private static func leftOut(
    _ kind: FabricClass, _ rows: [FabricMeasurement], _ fit: FabricFit, _ known: FabricConstants
  ) -> ([Double: FabricEntry], [Int: FabricEntry]) {
    let points = rows.filter { $0.notScored == nil && kind.holds($0) }
    var sizes: [Double: FabricEntry] = [:]
    let all = Set(points.compactMap(\.bytes))
    for size in all.sorted() where all.count > 1 {
      sizes[size] = fit.entry(kind, known: known) { $0.bytes == size }
    }
    var counts: [Int: FabricEntry] = [:]
    let ranks = Set(points.compactMap(\.ranks))
    for count in ranks.sorted() where ranks.count > 1 {
      counts[count] = fit.entry(kind, known: known) { $0.ranks == count }
    }
    return (sizes, counts)
  }
}
