/// Predicted beside published, row by row and in groups: what `apus validate` prints.
package struct ValidationReport: Sendable, Encodable {
  /// A row with what tables show of it beside the numbers.
  package struct Line: Sendable {
    package let row: Validation.Row
    package let model: String
    package let accelerator: String
    package let accelerators: Int
    package let family: String
    package let source: String
    /// What of the run no calibrated run has: its accelerator, its framework, its kind of model.
    package let outside: [String]
  }

  package let overall: CrossValidation.Errors
  package let byAccelerator: [String: CrossValidation.Errors]
  package let byFamily: [String: CrossValidation.Errors]
  package let bySource: [String: CrossValidation.Errors]
  package let lines: [Line]
  package let skipped: [Validation.Skipped]

  enum CodingKeys: String, CodingKey {
    case overall, rows, skipped
    case byAccelerator = "by_accelerator"
    case byFamily = "by_family"
    case bySource = "by_source"
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(overall, forKey: .overall)
    try container.encode(byAccelerator, forKey: .byAccelerator)
    try container.encode(byFamily, forKey: .byFamily)
    try container.encode(bySource, forKey: .bySource)
    try container.encode(lines.map(\.row), forKey: .rows)
    try container.encode(skipped, forKey: .skipped)
  }

  /// Predicts each run by one calibration.
  package init(_ validation: Validation, calibration: Calibration) {
    self.init(
      validation,
      lines: validation.steps.map { step in
        let prediction = calibration.predict(step)
        return Line(
          step,
          Validation.Row(
            id: step.run.id, published: step.published, predicted: prediction.seconds, low: prediction.low,
            high: prediction.high), outside: calibration.unknown(of: step))
      })
  }

  /// Predictions of left-out runs.
  package init(_ validation: Validation, folds: CrossValidation) {
    self.init(
      validation, lines: zip(validation.steps, folds.rows).map { step, row in Line(step, row, outside: []) })
  }

  private init(_ validation: Validation, lines: [Line]) {
    func errors(_ key: (Line) -> String) -> [String: CrossValidation.Errors] {
      Dictionary(grouping: lines, by: key).mapValues { CrossValidation.Errors($0.map { ($0.row, $0.source) }) }
    }
    overall = CrossValidation.Errors(lines.map { ($0.row, $0.source) })
    byAccelerator = errors(\.accelerator)
    byFamily = errors(\.family)
    bySource = errors(\.source)
    self.lines = lines
    skipped = validation.skipped
  }
}

extension ValidationReport.Line {
  fileprivate init(_ step: RunStep, _ row: Validation.Row, outside: [String]) {
    self.init(
      row: row, model: step.run.model, accelerator: step.run.accelerator,
      accelerators: Int(step.run.number("total_accels") ?? 1), family: step.run.family, source: step.run.source,
      outside: outside)
  }
}

extension Calibration {
  /// What of a run no calibrated run has.
  package func unknown(of step: RunStep) -> [String] {
    var result: [String] = []
    if constants.index(of: "accelerator \(step.shape.device.constantKey)") == nil { result.append("accelerator") }
    if constants.index(of: "dispatch \(step.frameworkName)") == nil { result.append("framework") }
    if !effects.has(.familyAndAccelerator, step.labels[.familyAndAccelerator]) { result.append("family on it") }
    return result
  }
}
