import CCostModel
import Catalog

/// A calibration as two CSV files: constants with their priors and bounds, and the residual of each run with its groups.
extension Calibration {
  package static let constantsFile = "constants.csv"
  package static let residualsFile = "residuals.csv"
  private static let constantColumns = ["name", "unit", "prior", "spread", "lower", "upper", "value", "meaning"]
  private static let measureColumns = ["log_residual", "weight", "products", "communication", "log_batch", "log_ranks"]
  private static let residualColumns = ["id"] + measureColumns + RunTraits.Label.allCases.map { column($0.name) }
  /// Of the interval, beside the constants of the model.
  private static let intervalName = "interval factor"

  private static func column(_ name: String) -> String {
    name.filter { $0 != "," }.split(separator: " ").joined(separator: "_")
  }

  /// What the command carries in itself.
  ///
  /// - Throws: `CatalogError`, if the shipped files do not fit this version.
  package static func shipped() throws -> Calibration {
    try Calibration(
      constants: unsafe Shipped.reader(constantsFile, unsafe ccostmodel_constants),
      residuals: unsafe Shipped.reader(residualsFile, unsafe ccostmodel_residuals))
  }

  /// The published runs that the command carries in itself.
  package static func shippedRuns() throws -> [PublishedRun] {
    try PublishedRun.rows(unsafe Shipped.reader("published-runs.csv", unsafe ccostmodel_published_runs))
  }

  /// The files of a folder that `write(to:)` filled.
  package init(directory: String) throws {
    try self.init(
      constants: ByteReader(path: directory + "/" + Self.constantsFile),
      residuals: ByteReader(path: directory + "/" + Self.residualsFile))
  }

  private init(constants: consuming ByteReader, residuals: consuming ByteReader) throws {
    var table = try CSVTable(CSVReader(constants), required: Self.constantColumns, optional: [])
    var list: [Constant] = []
    var interval = 1.645
    while let row = try table.next() {
      func number(_ column: String) throws -> Double {
        guard let value = Double(row[column].text), value.isFinite else {
          throw CatalogError(
            .invalidValue, at: row[column].place, "'\(row[column].text)' is no number", remedy: "write a number")
        }
        return value
      }
      if row["name"].text == Self.intervalName {
        interval = try number("value")
        continue
      }
      let constant = Constant(
        name: row["name"].text, unit: row["unit"].text, prior: try number("prior"), spread: try number("spread"),
        lower: try number("lower"), upper: try number("upper"), value: try number("value"),
        meaning: row["meaning"].text)
      guard constant.value >= constant.lower, constant.value <= constant.upper else {
        throw CatalogError(
          .invalidValue, at: row["value"].place,
          "\(constant.value) is not between \(constant.lower) and \(constant.upper)", remedy: "fit the constants again")
      }
      list.append(constant)
    }
    let expected = Constants.priors(accelerators: [], frameworks: []).list.map(\.name)
    guard Array(list.map(\.name).prefix(expected.count)) == expected else {
      throw CatalogError(
        .invalidValue, "the constants are not those of this version",
        remedy: "fit them again: apus validate --refit DIR",
        file: table.fileName)
    }
    let read = try Self.residuals(residuals)
    self.init(
      constants: Constants(list),
      effects: SoftwareEffects(read.traits, residuals: read.values, weights: read.weights), ids: read.ids,
      traits: read.traits, residuals: read.values, intervalFactor: interval)
  }

  private struct Residuals {
    var ids: [String] = []
    var traits: [RunTraits] = []
    var values: [Double] = []
    var weights: [Double] = []
  }

  private static func residuals(_ bytes: consuming ByteReader) throws -> Residuals {
    var table = try CSVTable(CSVReader(bytes), required: residualColumns, optional: [])
    var result = Residuals()
    while let row = try table.next() {
      let measures = try measureColumns.map { column in
        guard let value = Double(row[column].text), value.isFinite else {
          throw CatalogError(
            .invalidValue, at: row[column].place, "'\(row[column].text)' is no number",
            remedy: "fit the constants again")
        }
        return value
      }
      guard measures[1] > 0 else {
        throw CatalogError(
          .invalidValue, at: row["weight"].place, "a weight of \(measures[1])", remedy: "fit the constants again")
      }
      result.ids.append(row["id"].text)
      result.values.append(measures[0])
      result.weights.append(measures[1])
      let labels: [String?] = RunTraits.Label.allCases.map { label in
        let text = row[column(label.name)].text
        return text.isEmpty ? nil : text
      }
      result.traits.append(
        RunTraits(
          labels: labels, products: measures[2], communication: measures[3], logBatch: measures[4],
          logRanks: measures[5]))
    }
    return result
  }

  /// The two files' contents, by name.
  package var files: [(name: String, text: String)] {
    func cell(_ text: String) -> String {
      text.contains { $0 == "," || $0 == "\"" || $0.isNewline }
        ? "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\"" : text
    }
    var constantLines = [Self.constantColumns.joined(separator: ",")]
    for constant in constants.list {
      let numbers = [constant.prior, constant.spread, constant.lower, constant.upper, constant.value]
      constantLines.append(
        ([constant.name, constant.unit] + numbers.map { "\($0)" } + [constant.meaning]).map(cell).joined(separator: ",")
      )
    }
    constantLines.append(
      "\(Self.intervalName),deviations,1.645,0,0,10,\(intervalFactor),half the width of a 90 % interval on left-out runs"
    )
    var residualLines = [Self.residualColumns.joined(separator: ",")]
    for (index, id) in ids.enumerated() {
      let run = traits[index]
      let measures = [
        residuals[index], effects.weights[index], run.products, run.communication, run.logBatch, run.logRanks,
      ].map { "\(($0 * 1e6).rounded() / 1e6)" }
      residualLines.append(([id] + measures + run.labels.map { $0 ?? "" }).map(cell).joined(separator: ","))
    }
    return [
      (Self.constantsFile, constantLines.joined(separator: "\n") + "\n"),
      (Self.residualsFile, residualLines.joined(separator: "\n") + "\n"),
    ]
  }
}
