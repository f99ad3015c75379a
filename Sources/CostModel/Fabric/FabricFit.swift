import Collectives
/// Fits the constants of every measured fabric to its points.
package struct FabricFit: Sendable {
  private let rows: [FabricMeasurement]

  /// - Parameter rows: what may be used; those that are not scored are passed over.
  package init(_ rows: [FabricMeasurement]) { self.rows = rows.filter { $0.notScored == nil } }

  /// The constants of all classes.
  ///
  /// - Parameter former: what a class keeps that has more constants than points (`unfixed`); without it such a class has
  ///   the values that its fit would start with, as assumed ones.
  package func constants(keeping former: FabricConstants = FabricConstants([])) -> FabricConstants {
    let unfixed = Set(unfixed.map(\.kind.key))
    return FabricClass.all.reduce(FabricConstants([])) { known, kind in
      let kept = unfixed.contains(kind.key) ? former[kind.key] : nil
      return FabricConstants(known.entries + [kept ?? entry(kind, known: known)])
    }
  }

  /// Classes that have more constants than points here.
  package var unfixed: [(kind: FabricClass, points: Int)] {
    FabricClass.all.compactMap { kind in
      let points = rows.filter(kind.holds)
      return points.count < Self.free(kind, points).count ? (kind, points.count) : nil
    }
  }

  /// The constants that points can fix: not the floor of a rank count of which there is none.
  private static func free(
    _ kind: FabricClass, _ points: [FabricMeasurement]
  ) -> [(FabricConstant, LeastSquares.Variable)] {
    guard !points.isEmpty else { return kind.free }
    return kind.free.filter { constant, _ in
      constant.name != .floor || points.contains { $0.ranks == constant.ranks }
    }
  }

  /// - Parameters:
  ///   - kind: what to fit.
  ///   - known: constants of the classes before it.
  ///   - leaving: a row of the class that must not be used.
  package func entry(
    _ kind: FabricClass, known: FabricConstants, leaving: (FabricMeasurement) -> Bool = { _ in false }
  ) -> FabricEntry {
    let points = rows.filter { kind.holds($0) && !leaving($0) }
    var base = FabricEntry(key: kind.key, values: [:], source: kind.source, asOf: kind.asOf)
    if let inherited = kind.inherits.flatMap({ known[$0] }) {
      base.values = inherited.values
      base.assumed = Set(inherited.values.keys)
    }
    for (constant, value) in kind.given {
      base.values[constant] = value
      base.assumed.insert(constant)
    }
    let free = Self.free(kind, points)
    if points.isEmpty { base.assumed.formUnion(free.map(\.0)) } else { base.assumed.subtract(free.map(\.0)) }
    var best = (entry: base, loss: Double.infinity)
    for chunk in kind.switchChunks.isEmpty ? [0] : kind.switchChunks {
      var trial = base
      if chunk > 0 { trial.values[FabricConstant(.switchChunk)] = chunk }
      if free.isEmpty {
        best.entry = trial
        continue
      }
      let problem = LeastSquares(free.map(\.1))
      let solution = problem.solve { values in
        Self.residuals(kind, Self.replaced(trial, free.map(\.0), values), points, known)
      }
      if solution.loss < best.loss { best = (Self.replaced(trial, free.map(\.0), solution.values), solution.loss) }
    }
    let errors = Self.residuals(kind, best.entry, points, known)
    best.entry.points = kind.setAside == nil ? points.count : 0
    let freedom = max(1, points.count - free.count)
    best.entry.residual = max(0.01, (errors.reduce(0) { $0 + square($1) } / Double(freedom)).squareRoot())
    return best.entry
  }

  private static func replaced(_ entry: FabricEntry, _ names: [FabricConstant], _ values: [Double]) -> FabricEntry {
    var entry = entry
    for (name, value) in zip(names, values) { entry.values[name] = value }
    return entry
  }

  private static func residuals(
    _ kind: FabricClass, _ entry: FabricEntry, _ points: [FabricMeasurement], _ known: FabricConstants
  ) -> [Double] {
    let fabric = kind.fabric(entry, among: known)
    return points.map { log(predicted($0, fabric) / ($0.seconds ?? 1)) }
  }

  /// The time that a fabric has for a row, with the algorithm that the row forces.
  static func predicted(_ row: FabricMeasurement, _ fabric: Fabric) -> Double {
    guard let ranks = row.ranks, let nodes = row.nodes, let bytes = row.bytes else { return .nan }
    let group = RankGroup(size: ranks, ranksPerNode: (ranks + nodes - 1) / nodes)
    let choice = FabricCoefficients.choice(.allReduce, fabric, group)
    guard let forced = FabricClass.forcedAlgorithm(row) else { return choice.seconds(bytes) }
    let times = choice.times(bytes)
    return (times.first { $0.algorithm == forced } ?? times[0]).seconds
  }
}
