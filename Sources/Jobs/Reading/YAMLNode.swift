import Yams

/// A YAML document as a tree in which duplicate keys are still there and every value knows its place.
struct YAMLNode {
  enum Content {
    case scalar(String, isQuoted: Bool)
    case sequence([YAMLNode])
    case mapping([Pair])
  }

  struct Pair {
    let key: YAMLNode
    let value: YAMLNode
  }

  let content: Content
  let place: SourcePlace

  /// Nothing, `~` or `null`.
  var isNull: Bool {
    guard case .scalar(let text, isQuoted: false) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  /// The text of a scalar, whether quoted or not.
  var text: String? {
    guard case .scalar(let text, _) = content, !isNull else { return nil }
    return text
  }

  /// The value as an error text names it.
  var description: String {
    switch content {
    case _ where isNull: "nothing"
    case .scalar(let text, isQuoted: true): "the text \"\(text)\""
    case .scalar(let text, isQuoted: false): "'\(text)'"
    case .sequence: "a list"
    case .mapping: "a mapping"
    }
  }
}

extension YAMLNode {
  /// Parses `source`.
  ///
  /// The parser gives up at the first duplicate key, and says no more of the file. So the first letter of the earlier
  /// key is masked by one from the private use area, which moves nothing, and the file is parsed again; the tree gets
  /// the true letter back.
  /// - Throws: `InvalidJob` if it is not YAML.
  static func parse(_ source: SourceText) throws(InvalidJob) -> YAMLNode {
    if let (place, scalar) = source.firstForbidden {
      let code = String(scalar.value, radix: 16, uppercase: true)
      throw InvalidJob([
        source.problem(place, "not valid YAML: the control character U+\(code) has no place in a text; remove it")
      ])
    }
    var masked = source
    var masks: [Unicode.Scalar: Unicode.Scalar] = [:]
    while true {
      do {
        guard let root = try compose(yaml: masked.text) else {
          throw InvalidJob([source.problem(nil, "the file is empty; start it with 'apus: 1'")])
        }
        var budget = 100_000
        guard let node = YAMLNode(root, masks: masks, budget: &budget) else {
          throw InvalidJob([source.problem(nil, "aliases make this file too large; write the values out")])
        }
        return node
      } catch let error as InvalidJob {
        throw error
      } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
        let place = SourcePlace(context.mark)
        guard masks.count < 100, let mask = Unicode.Scalar(0xE000 + UInt32(masks.count)),
          let letter = source.letter(ofKeyAt: place)
        else {
          let names = keys.map { "'\($0)'" }.joined(separator: ", ")
          throw InvalidJob([source.problem(place, "duplicate key \(names); remove one of the two")])
        }
        masks[mask] = letter.scalar
        masked = masked.replacing(at: letter.place, with: mask)
      } catch {
        throw InvalidJob([source.problem(for: error)])
      }
    }
  }

  private init?(_ node: Node, masks: [Unicode.Scalar: Unicode.Scalar], budget: inout Int) {
    budget -= 1
    guard budget > 0 else { return nil }
    place = node.mark.map(SourcePlace.init) ?? SourcePlace(line: 1, column: 1)
    switch node {
    case .scalar(let scalar):
      content = .scalar(Self.unmasked(scalar.string, masks), isQuoted: scalar.style != .plain)
    case .sequence(let sequence):
      var items: [YAMLNode] = []
      for item in sequence {
        guard let item = YAMLNode(item, masks: masks, budget: &budget) else { return nil }
        items.append(item)
      }
      content = .sequence(items)
    case .mapping(let mapping):
      var pairs: [Pair] = []
      for (key, value) in mapping {
        guard let key = YAMLNode(key, masks: masks, budget: &budget),
          let value = YAMLNode(value, masks: masks, budget: &budget)
        else { return nil }
        pairs.append(Pair(key: key, value: value))
      }
      content = .mapping(pairs)
    case .alias:
      return nil
    }
  }

  private static func unmasked(_ text: String, _ masks: [Unicode.Scalar: Unicode.Scalar]) -> String {
    guard let first = text.unicodeScalars.first, let letter = masks[first] else { return text }
    return String(letter) + String(text.unicodeScalars.dropFirst())
  }
}

extension SourceText {
  /// The first letter of a key, behind its quote if it has one; nil if it begins with something that YAML reads.
  fileprivate func letter(ofKeyAt place: SourcePlace) -> (place: SourcePlace, scalar: Unicode.Scalar)? {
    guard let first = scalar(at: place) else { return nil }
    if first.isKeyLetter { return (place, first) }
    let next = SourcePlace(line: place.line, column: place.column + 1)
    guard first == "\"" || first == "'", let second = scalar(at: next), second.isKeyLetter else { return nil }
    return (next, second)
  }

  fileprivate func problem(for error: any Error) -> JobProblem {
    switch error {
    case YamlError.scanner(let context, let problem, let mark, _),
      YamlError.parser(let context, let problem, let mark, _),
      YamlError.composer(let context, let problem, let mark, _):
      let place = SourcePlace(mark)
      let whole = context.map { "\(problem) \($0.text) that begins in line \($0.mark.line)" } ?? problem
      return self.problem(place, "not valid YAML: \(whole); \(remedy(for: problem, at: place))")
    default:
      return self.problem(nil, "not valid YAML: \(error)")
    }
  }

  private func remedy(for problem: String, at place: SourcePlace) -> String {
    if scalar(at: place) == "\t" { return "indent with spaces, not with tabs" }
    if problem.contains("mapping values are not allowed") {
      return "check the indentation, and put a text that contains ': ' in quotes"
    }
    if problem.contains("cannot start any token") || problem.contains("alias") { return "put the text in quotes" }
    if problem.contains("',' or") { return "close the bracket, or put a comma before this" }
    if problem.contains("unexpected end of stream") { return "close the quote" }
    if problem.contains("another document") { return "a job file is one document: remove '---' and what follows" }
    return "check the indentation, brackets and quotes above this place"
  }
}

extension Unicode.Scalar {
  fileprivate var isKeyLetter: Bool { properties.isAlphabetic || properties.numericType != nil || self == "_" }
}

extension SourcePlace {
  fileprivate init(_ mark: Mark) { self.init(line: mark.line, column: mark.column) }
}
