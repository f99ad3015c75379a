/// A small JSON value with the place of each part, for the parts of a stream that are read whole.
struct JSONNode {
  indirect enum Value {
    case object([String: JSONNode])
    case array([JSONNode])
    case string(String)
    case number(String)
    case bool(Bool)
    case null
  }

  let value: Value
  let place: Place

  /// A part of more values than this is no record of a list.
  static let mostParts = 100_000

  /// Reads the value that begins with `token`.
  ///
  /// - Throws: `CatalogError` with code `.malformed`, also for a key that an object has twice.
  init(_ tokens: inout JSONTokenizer, from token: JSONTokenizer.Token) throws(CatalogError) {
    var budget = Self.mostParts
    try self.init(&tokens, from: token, budget: &budget)
  }

  private init(
    _ tokens: inout JSONTokenizer, from token: JSONTokenizer.Token, budget: inout Int
  ) throws(CatalogError) {
    place = tokens.place
    budget -= 1
    guard budget > 0 else {
      throw CatalogError(
        .malformed, at: place, "a record of more than \(Self.mostParts) values",
        remedy: "this is none of the formats that are read")
    }
    switch token {
    case .string(let text): value = .string(text)
    case .number(let text): value = .number(text)
    case .bool(let bool): value = .bool(bool)
    case .beginArray:
      var elements: [JSONNode] = []
      while case let token = try tokens.next(), token != .endArray {
        elements.append(try JSONNode(&tokens, from: token, budget: &budget))
      }
      value = .array(elements)
    case .beginObject:
      var members: [String: JSONNode] = [:]
      while case .key(let key) = try tokens.next() {
        let keyPlace = tokens.place
        let member = try JSONNode(&tokens, from: try tokens.next(), budget: &budget)
        guard members.updateValue(member, forKey: key) == nil else {
          throw CatalogError(.duplicate, at: keyPlace, "key '\(key)' twice in one object", remedy: "keep one of them")
        }
      }
      value = .object(members)
    default: value = .null
    }
  }

  /// The member of an object; nil if it is not there or null.
  subscript(_ key: String) -> JSONNode? {
    guard case .object(let members) = value, let member = members[key] else { return nil }
    if case .null = member.value { return nil }
    return member
  }

  /// - Throws: `CatalogError` with code `.invalidValue` if this is no text; so have the others below for their types.
  func string(_ key: String) throws(CatalogError) -> String {
    guard case .string(let text) = value else { throw wrongType(key, "a text in quotes") }
    return text
  }

  func elements(_ key: String) throws(CatalogError) -> [JSONNode] {
    guard case .array(let elements) = value else { throw wrongType(key, "an array") }
    return elements
  }

  func bool(_ key: String) throws(CatalogError) -> Bool {
    guard case .bool(let bool) = value else { throw wrongType(key, "true or false") }
    return bool
  }

  /// A number of 0 or more and at most 10¹², whether it was written 8 or 8.0.
  func number(_ key: String) throws(CatalogError) -> Double {
    guard case .number(let text) = value, let number = Double(text) else { throw wrongType(key, "a number") }
    guard number >= 0, number <= 1e12 else {
      throw CatalogError(.invalidValue, at: place, "\(text) as '\(key)'", remedy: "write a number of 0 or more")
    }
    return number
  }

  /// A whole number of 0 or more and at most 10⁹: products of two fit into an `Int`.
  func count(_ key: String) throws(CatalogError) -> Int {
    let number = try number(key)
    guard number == number.rounded(), number <= 1e9 else {
      throw CatalogError(
        .invalidValue, at: place, "\(plainNumber(number)) as '\(key)'", remedy: "write a whole number up to 1000000000")
    }
    return Int(number)
  }

  private func wrongType(_ key: String, _ expected: String) -> CatalogError {
    let found =
      switch value {
      case .object: "an object"
      case .array: "an array"
      case .string(let text): "the text \"\(text.prefix(40))\""
      case .number(let text): text
      case .bool(let bool): "\(bool)"
      case .null: "null"
      }
    return CatalogError(.invalidValue, at: place, "\(found) as '\(key)'", remedy: "write \(expected)")
  }
}

extension JSONNode? {
  /// The member of a member that need not be there.
  subscript(_ key: String) -> JSONNode? { flatMap { $0[key] } }
}
