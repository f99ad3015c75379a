/// What a text is cut into.
package enum Tokenisation: String, Hashable, Codable, Sendable, CaseIterable {
  /// Each character, white space included.
  case character
  /// Runs of letters and digits, in lower case, and each punctuation mark; white space only parts them.
  case word

  /// The tokens of `text`, in order.
  package func tokens(of text: Substring) -> [String] {
    switch self {
    case .character: return text.map(String.init)
    case .word:
      var tokens: [String] = []
      var word = ""
      for character in text {
        // An apostrophe within a word belongs to it.
        if character.isLetter || character.isNumber || (character == "'" && !word.isEmpty) {
          word += character.lowercased()
          continue
        }
        if !word.isEmpty { tokens.append(word) }
        word = ""
        if !character.isWhitespace { tokens.append(String(character)) }
      }
      return word.isEmpty ? tokens : tokens + [word]
    }
  }
}

/// Tokens by number: the special ones, then those of the training texts, the most frequent first.
package struct Vocabulary: Hashable, Codable, Sendable {
  package static let padding: Int32 = 0
  package static let unknown: Int32 = 1
  /// Of vocabularies with marks: before the first token of an answer, and behind its last.
  package static let start: Int32 = 2
  package static let end: Int32 = 3

  package let tokenisation: Tokenisation
  /// By number.
  package let tokens: [String]

  package var count: Int { tokens.count }

  /// - Parameters:
  ///   - hasMarks: whether there are `start` and `end`.
  ///   - limit: the most numbers, special ones included; rarer tokens become unknown.
  init(of texts: some Sequence<String>, _ tokenisation: Tokenisation, hasMarks: Bool, limit: Int?) {
    self.tokenisation = tokenisation
    var counts: [String: Int] = [:]
    for text in texts {
      for token in tokenisation.tokens(of: text[...]) { counts[token, default: 0] += 1 }
    }
    let special = ["<padding>", "<unknown>"] + (hasMarks ? ["<start>", "<end>"] : [])
    // Equally frequent ones in the order of their letters: the same on every rank.
    let ordered = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
    tokens = special + ordered.prefix(max(0, (limit ?? .max) - special.count))
  }

  /// A look-up by token, to be made once for many texts.
  var numbers: [String: Int32] {
    Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, Int32($0)) })
  }
}

extension Vocabulary {
  /// The numbers of a text's tokens, `unknown` for those that are not among them.
  package func numbers(of text: String) -> [Int32] {
    let numbers = numbers
    return tokenisation.tokens(of: text[...]).map { numbers[$0] ?? Self.unknown }
  }

  /// Tokens as a text, words parted by spaces.
  package func text(of numbers: some Sequence<Int32>) -> String {
    numbers.map { tokens[Int($0)] }.joined(separator: tokenisation == .word ? " " : "")
  }

  /// The first `length` tokens of a text by number, with padding behind.
  static func padded(_ numbers: some Sequence<Int32>, to length: Int, with padding: Int32 = padding) -> [Int32] {
    let first = Array(numbers.prefix(length))
    return first + Array(repeating: padding, count: length - first.count)
  }
}
