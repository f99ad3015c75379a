/// What a job says of its tables.
package struct TableSpecification: Hashable, Codable, Sendable {
  package var target: Target
  /// The columns to predict it from; nil for all others, in a window for all.
  package var columns: [String]?
  /// Columns whose numbers are names, such as codes of classes.
  package var categories: [String]
  package var missing: MissingPolicy
  package var delimiter: Delimiter
  package var window: Window?

  /// What is to be predicted.
  package enum Target: Hashable, Codable, Sendable, ExpressibleByStringLiteral {
    /// A column of categories makes classes, one of numbers a number.
    case column(String)
    /// Columns of 0 and 1 (or false and true), each a label that a row has or has not.
    case labels([String])

    package init(stringLiteral name: String) { self = .column(name) }

    package var columns: [String] {
      switch self {
      case .column(let name): [name]
      case .labels(let names): names
      }
    }
  }

  /// Rows in the order of time, seen `length` at a time, to predict the next `horizon` values of the target.
  package struct Window: Hashable, Codable, Sendable {
    package var length: Int
    package var horizon: Int

    package init(length: Int, horizon: Int = 1) {
      precondition(length > 0 && horizon > 0)
      self.length = length
      self.horizon = horizon
    }
  }

  package init(
    target: Target, columns: [String]? = nil, categories: [String] = [], missing: MissingPolicy = .refuse,
    delimiter: Delimiter = .comma, window: Window? = nil
  ) {
    self.target = target
    self.columns = columns
    self.categories = categories
    self.missing = missing
    self.delimiter = delimiter
    self.window = window
  }
}

/// What becomes of a field that is empty, or NA, NaN, null or ? (in any case of letters).
package enum MissingPolicy: String, Hashable, Codable, Sendable, CaseIterable {
  /// The table is refused, at the first such field.
  case refuse
  /// A number becomes the training samples' mean, a category none of the known ones; in a target it is refused.
  case mean
  /// Its row is left out.
  case drop

  static let spellings: Set = ["", "na", "nan", "null", "?"]
}
