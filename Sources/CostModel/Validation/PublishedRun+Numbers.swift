extension PublishedRun {
  /// The number that a cell begins with: `1,024`, `~3` and `64 / 8` are 1024, 3 and 64. Nil if it begins with none, or is
  /// empty.
  package func number(_ column: String) -> Double? {
    let word = self[column].drop { $0 == " " || $0 == "~" || $0 == "≈" }.prefix { $0 != " " }
    let isGrouped = word.wholeMatch(of: /\d{1,3}(,\d{3})+(\.\d+)?/) != nil
    guard let value = Double(isGrouped ? word.filter { $0 != "," } : String(word)), value.isFinite else { return nil }
    return value
  }

  /// A degree or a number of something: nil if the cell is empty or 0.
  ///
  /// - Throws: `RunProblem` if it is neither, because what a row says must not be passed over in silence.
  func count(_ column: String) throws -> Double? {
    let text = self[column]
    guard !text.isEmpty else { return nil }
    guard let value = number(column), value >= 0, value <= 1e9 else {
      throw RunProblem("\(column) is '\(text)': write a number from 1 to 1e9, or nothing where it is not known")
    }
    return value >= 1 ? value : nil
  }

  /// A whole number as `1024`, however the cell writes it: `1,024`, `~1024`, `1024.0`. Any other text stays.
  static func plain(_ cell: String) -> String {
    if cell.utf8.allSatisfy({ 48...57 ~= $0 }) { return cell }
    guard let match = cell.wholeMatch(of: #/ *[~≈]? *(\d{1,3}(?:,\d{3})+|\d+)(?:\.0*)? */#) else { return cell }
    return match.1.filter { $0 != "," }
  }

  /// The columns of a model's shapes, and what no network has more of; beyond it numbers do not fit a machine's.
  static let limits: [(column: String, limit: Double)] = [
    ("layers", 10_000), ("heads", 100_000), ("kv_heads", 100_000), ("hidden", 0x1p20), ("ffn", 0x1p22),
    ("vocab", 0x1p24), ("seq_len", 0x1p24), ("image_size", 0x1p16),
  ]

  /// - Throws: `RunProblem` if a shape of the model is out of the world.
  func checkShapes() throws {
    for (column, limit) in Self.limits {
      // Cells such as "4+4 LSTM" or "800x1333" hold several.
      for digits in self[column].split(whereSeparator: { !($0.isNumber || $0 == "." || $0 == "e") }) {
        if let value = Double(digits), value > limit || value == 0 {
          throw RunProblem("\(column) is '\(self[column])': no network has that")
        }
      }
    }
  }
}
