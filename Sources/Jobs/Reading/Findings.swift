import Models

/// What the reading of one file has found: its problems, and the place of each value, of its key if it has parts.
final class Findings {
  let source: SourceText
  private(set) var problems: [JobProblem] = []
  /// By path: `training.batch`.
  private(set) var places: [String: SourcePlace] = [:]

  init(source: SourceText) { self.source = source }

  func report(_ place: SourcePlace, _ message: String) { problems.append(source.problem(place, message)) }

  func note(_ path: String, at place: SourcePlace) { places[path] = place }

  /// In the order of the file; those of one place in the order in which they were found.
  var sortedProblems: [JobProblem] {
    let ordered = problems.enumerated().sorted { a, b in
      let start = SourcePlace(line: 0, column: 0)
      return (a.element.place ?? start, a.offset) < (b.element.place ?? start, b.offset)
    }
    return ordered.map(\.element)
  }
}

/// Whether a key must be given, and if not, what its absence means.
enum Presence<Value> {
  /// `example` is a value to show when it is missing or wrong.
  case required(example: String)
  case otherwise(Value)
}

/// The values that a number may have, and how an error text names them.
struct NumberRange: Sendable {
  let text: String
  let contains: @Sendable (Double) -> Bool

  static let positive = NumberRange(text: "a number above 0") { Float($0) > 0 && Float($0).isFinite }
  static let notNegative = NumberRange(text: "a number from 0") { $0 >= 0 && Float($0).isFinite }
  static let fromOne = NumberRange(text: "a number from 1") { $0 >= 1 && Float($0).isFinite }
  static let share = NumberRange(text: "a number above 0, at most 1") { Float($0) > 0 && $0 <= 1 }
  static let part = NumberRange(text: "a number above 0 and below 1") { Float($0) > 0 && Float($0) < 1 }
  static let probability = NumberRange(text: "a number from 0 to 1") { $0 >= 0 && $0 <= 1 }
  static let fraction = NumberRange(text: "a number from 0 to below 1") { $0 >= 0 && Float($0) < 1 }
}

extension YAMLNode {
  /// A decimal whole number without quotes; `60_000` is allowed.
  func integer<I: FixedWidthInteger>(as type: I.Type = I.self) -> I? {
    guard case .scalar(let text, isQuoted: false) = content else { return nil }
    return I(text.filter { $0 != "_" })
  }

  /// A decimal number without quotes, `1e-3` included, infinities and hexadecimals not.
  var number: Double? {
    guard case .scalar(let text, isQuoted: false) = content else { return nil }
    let digits = text.filter { $0 != "_" }
    guard digits.allSatisfy({ $0.isASCII && ($0.isNumber || "+-.eE".contains($0)) }) else { return nil }
    return Double(digits)
  }

  var flag: Bool? {
    guard case .scalar(let text, isQuoted: false) = content else { return nil }
    return switch text.lowercased() {
    case "true": true
    case "false": false
    default: nil
    }
  }
}
