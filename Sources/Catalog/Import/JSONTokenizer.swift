/// Reads JSON (RFC 8259) token by token in constant memory: gigabytes pass through one buffer, and nothing is kept but
/// the depth and the token at hand.
struct JSONTokenizer: ~Copyable {
  enum Token: Hashable {
    case beginObject, endObject, beginArray, endArray
    case key(String)
    case string(String)
    /// As written.
    case number(String)
    case bool(Bool)
    case null
    case end
  }

  private enum Expectation { case value, valueOrEnd, keyOrEnd, key, commaOrEnd, end }

  /// No text of the formats read here comes near.
  static let longestString = 1 << 20
  static let longestNumber = 64
  static let deepest = 128

  private var bytes: ByteReader
  /// Open objects (true) and arrays (false).
  private var open: [Bool] = []
  private var expected = Expectation.value
  private var text: [UInt8] = []
  /// Where the token that `next` returned begins.
  private(set) var place: Place

  init(_ bytes: consuming ByteReader) {
    place = bytes.place
    self.bytes = bytes
  }

  /// How many objects and arrays are open.
  var depth: Int { open.count }
  var name: String { bytes.name }
  /// Bytes read so far.
  var offset: Int { bytes.offset }

  /// The next token; `.end` after the whole value, however often it is asked for.
  ///
  /// - Parameter keepingText: without, keys, strings and numbers are checked and come as "".
  /// - Throws: `CatalogError` with code `.malformed`: what does not follow the grammar, a text that ends too early, a
  ///   string of more than a mebibyte, a number of more than 64 digits, more than 128 open brackets.
  mutating func next(keepingText: Bool = true) throws(CatalogError) -> Token {
    try skipSpace()
    place = bytes.place
    guard let byte = try bytes.peek() else {
      guard expected == .end else {
        throw malformed("the text ends in the middle", "fetch the file again: its end is missing")
      }
      return .end
    }
    switch expected {
    case .end: throw malformed("text after the end of the JSON value", "the file must hold one JSON value")
    case .commaOrEnd:
      if byte == UInt8(ascii: ",") {
        bytes.advance()
        expected = open[open.count - 1] ? .key : .value
        return try next(keepingText: keepingText)
      }
      return try close(byte)
    case .keyOrEnd, .key:
      if byte == UInt8(ascii: "\"") { return try key(keepingText) }
      guard expected == .keyOrEnd else {
        throw malformed("no key after a comma", "write \"key\": value, and no comma after the last one")
      }
      return try close(byte)
    case .valueOrEnd where byte == UInt8(ascii: "]"): return try close(byte)
    case .value, .valueOrEnd: return try value(byte, keepingText)
    }
  }

  /// Passes over the next value, whatever it is.
  mutating func skipValue() throws(CatalogError) {
    let start = depth
    repeat { _ = try next(keepingText: false) } while depth > start
  }

  private mutating func close(_ byte: UInt8) throws(CatalogError) -> Token {
    let isObject = open[open.count - 1]
    guard byte == UInt8(ascii: isObject ? "}" : "]") else {
      throw malformed(
        "'\(Character(Unicode.Scalar(byte)))' in an \(isObject ? "object" : "array")",
        "write a comma or \(isObject ? "}" : "]") here")
    }
    bytes.advance()
    open.removeLast()
    ended()
    return isObject ? .endObject : .endArray
  }

  private mutating func ended() { expected = open.isEmpty ? .end : .commaOrEnd }

  private mutating func key(_ keepingText: Bool) throws(CatalogError) -> Token {
    let key = try string(keepingText)
    try skipSpace()
    guard try bytes.peek() == UInt8(ascii: ":") else {
      place = bytes.place
      throw malformed("no ':' after a key", "write \"key\": value")
    }
    bytes.advance()
    expected = .value
    return .key(key)
  }

  private mutating func value(_ byte: UInt8, _ keepingText: Bool) throws(CatalogError) -> Token {
    switch byte {
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      guard open.count < Self.deepest else {
        throw malformed("more than \(Self.deepest) open brackets", "this is none of the formats that are read")
      }
      let isObject = byte == UInt8(ascii: "{")
      bytes.advance()
      open.append(isObject)
      expected = isObject ? .keyOrEnd : .valueOrEnd
      return isObject ? .beginObject : .beginArray
    case UInt8(ascii: "\""):
      let string = try string(keepingText)
      ended()
      return .string(string)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      let number = try number()
      ended()
      return .number(number)
    default:
      let token = try word()
      ended()
      return token
    }
  }

  private mutating func word() throws(CatalogError) -> Token {
    text.removeAll(keepingCapacity: true)
    try bytes.take(into: &text, until: { !(UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20) }, limit: 16)
    switch String(decoding: text, as: UTF8.self) {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "null": return .null
    case let word:
      throw malformed(
        word.isEmpty ? "no value" : "'\(word)', which is no value", "write a JSON value; texts need quotes")
    }
  }

  /// - Returns: the text of a number of the grammar.
  private mutating func number() throws(CatalogError) -> String {
    text.removeAll(keepingCapacity: true)
    let signs: [UInt8] = [
      UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"),
    ]
    try bytes.take(
      into: &text, until: { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) && !signs.contains($0) },
      limit: Self.longestNumber + 1)
    let number = String(decoding: text, as: UTF8.self)
    guard text.count <= Self.longestNumber,
      number.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/) != nil
    else {
      throw malformed("'\(number.prefix(Self.longestNumber))', which is no number", "write digits, such as 312 or 19.5")
    }
    return number
  }

  private mutating func string(_ keepingText: Bool) throws(CatalogError) -> String {
    let start = bytes.place
    text.removeAll(keepingCapacity: true)
    bytes.advance()
    while true {
      try bytes.take(into: &text, until: Self.endsPlainText, limit: Self.longestString + 1)
      place = start
      guard text.count <= Self.longestString else {
        throw malformed("a text of more than \(Self.longestString) bytes", "a quote is missing before this place")
      }
      switch try bytes.peek() {
      case UInt8(ascii: "\""):
        bytes.advance()
        guard keepingText else { return "" }
        guard let string = String(validating: text, as: UTF8.self) else {
          throw malformed("a text that is no UTF-8", "save the file as UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): try escape()
      case nil: throw malformed("a text that does not end", "fetch the file again: its end is missing")
      default:
        place = bytes.place
        throw malformed("a line end or control character in a text", "write it as \\n or \\u000a")
      }
    }
  }

  private static func endsPlainText(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20
  }

  private mutating func escape() throws(CatalogError) {
    place = bytes.place
    bytes.advance()
    let byte = try bytes.peek() ?? 0
    let plain: [UInt8: UInt8] = [
      UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "/"): 0x2F, UInt8(ascii: "b"): 8,
      UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9,
    ]
    if let character = plain[byte] {
      bytes.advance()
      text.append(character)
      return
    }
    guard byte == UInt8(ascii: "u") else { throw malformed("an unknown escape", "use \\\", \\\\, \\n or \\u0041") }
    bytes.advance()
    var code = try hexadecimal()
    if (0xD800..<0xDC00).contains(code), try bytes.peek() == UInt8(ascii: "\\") {
      bytes.advance()
      if try bytes.peek() == UInt8(ascii: "u") {
        bytes.advance()
        let low = try hexadecimal()
        if (0xDC00..<0xE000).contains(low) { code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00) }
      }
    }
    guard let scalar = Unicode.Scalar(code) else {
      throw malformed("half of a surrogate pair", "write both halves, as in \\ud83d\\ude00")
    }
    text.append(contentsOf: Array(String(Character(scalar)).utf8))
  }

  private mutating func hexadecimal() throws(CatalogError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = try bytes.peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw malformed("\\u without four hexadecimal digits", "write four, as in \\u00e9")
      }
      bytes.advance()
      value = value << 4 + UInt32(digit)
    }
    return value
  }

  private mutating func skipSpace() throws(CatalogError) {
    while let byte = try bytes.peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { bytes.advance() }
  }

  private func malformed(_ message: String, _ remedy: String) -> CatalogError {
    CatalogError(.malformed, at: place, message, remedy: remedy)
  }
}
