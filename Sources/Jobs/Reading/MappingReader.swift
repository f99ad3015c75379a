import ModelGraph
import Models
import Units

/// Reads the keys of one mapping with their types and ranges, and reports what is wrong with them.
///
/// A read gives nil after it reported a problem, so that a section is built from what its reads gave or not at all;
/// `finish()` comes last and reports the keys that nobody asked for and those that are missing.
struct MappingReader {
  struct Entry {
    let key: String
    let keyPlace: SourcePlace
    let value: YAMLNode
  }

  /// How error texts name the mapping: `training`, `the job`, `layer 2 (dense)`.
  var label: String
  /// Where a missing key is reported: at the key that the mapping belongs to.
  let place: SourcePlace
  let findings: Findings
  private let path: String
  private var entries: [Entry] = []
  private var known: [String] = []
  private var missing: [(key: String, example: String)] = []

  init(_ pairs: [YAMLNode.Pair], path: String, label: String, place: SourcePlace, findings: Findings) {
    self.path = path
    self.label = label
    self.place = place
    self.findings = findings
    for pair in pairs {
      guard let key = pair.key.text else {
        findings.report(pair.key.place, "a key in \(label) must be a word, not \(pair.key.description)")
        continue
      }
      if let earlier = entries.first(where: { $0.key == key }) {
        findings.report(
          pair.key.place,
          "duplicate key '\(key)' in \(label), first given in line \(earlier.keyPlace.line); remove one of the two")
        continue
      }
      entries.append(Entry(key: key, keyPlace: pair.key.place, value: pair.value))
      findings.note(pathOf(key), at: pair.value.text == nil ? pair.key.place : pair.value.place)
    }
  }

  func pathOf(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  func report(_ place: SourcePlace, _ message: String) { findings.report(place, message) }

  /// The entry of an optional key.
  mutating func entry(_ key: String) -> Entry? {
    if !known.contains(key) { known.append(key) }
    return entries.first { $0.key == key }
  }

  mutating func has(_ key: String) -> Bool { entry(key) != nil }

  /// Leaves `finish()` nothing to say, where it is not known which keys belong.
  mutating func acceptAllKeys() { known = entries.map(\.key) }

  mutating func miss(_ key: String, example: String) { missing.append((key, example)) }

  /// Reads one value: `parse` gives nil for a value that is not `expected`.
  mutating func value<Value>(
    _ key: String, _ presence: Presence<Value>, expected: String, advice: String? = nil, parse: (YAMLNode) -> Value?
  ) -> Value? {
    guard let entry = entry(key) else {
      switch presence {
      case .otherwise(let value): return value
      case .required(let example):
        miss(key, example: "\(key): \(example)")
        return nil
      }
    }
    if let value = parse(entry.value) { return value }
    let remedy =
      switch presence {
      case _ where advice != nil: advice ?? ""
      case .required(let example): "for example '\(key): \(example)'"
      case .otherwise(let value): "leave it out for \(value)"
      }
    report(
      entry.value.isNull ? entry.keyPlace : entry.value.place,
      "'\(key)' in \(label) must be \(expected), not \(entry.value.description); \(remedy)")
    return nil
  }

  mutating func integer<I: FixedWidthInteger>(
    _ key: String, in range: ClosedRange<I>, _ presence: Presence<I>
  ) -> I? {
    let upper = range.upperBound == I.max ? "" : " to \(range.upperBound)"
    return value(key, presence, expected: "a whole number from \(range.lowerBound)\(upper)") { node in
      node.integer(as: I.self).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  mutating func number(_ key: String, _ range: NumberRange, _ presence: Presence<Double>) -> Double? {
    value(key, presence, expected: range.text) { node in node.number.flatMap { range.contains($0) ? $0 : nil } }
  }

  mutating func flag(_ key: String, _ presence: Presence<Bool>) -> Bool? {
    value(key, presence, expected: "true or false", parse: \.flag)
  }

  mutating func text(_ key: String, _ presence: Presence<String>) -> String? {
    value(key, presence, expected: "a text") { $0.text.flatMap { $0.isEmpty ? nil : $0 } }
  }

  /// An amount of memory with its unit.
  mutating func bytes(_ key: String, in range: ClosedRange<Bytes>, _ presence: Presence<Bytes>) -> Bytes? {
    let expected = "a number and a unit, from \(range.lowerBound) to \(range.upperBound)"
    return value(key, presence, expected: expected) { node in
      node.text.flatMap { try? Bytes.parse($0) }.flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// One of the names of an enumeration.
  mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: String, _ presence: Presence<Choice>
  ) -> Choice? {
    let names = Choice.allCases.map(\.rawValue)
    let expected = names.count == 1 ? "'\(names[0])'" : "one of \(names.joined(separator: ", "))"
    let near = entry(key)?.value.text.flatMap { NearMiss.nearest(to: $0, among: names) }
    let advice = near.map { "did you mean '\($0)'?" } ?? "use \(expected)"
    return value(key, presence, expected: expected, advice: advice) { $0.text.flatMap(Choice.init(rawValue:)) }
  }

  /// One number for all spatial dimensions, or a list with one for each, outermost first.
  mutating func extent(_ key: String, from lowest: Int, _ presence: Presence<Extent>) -> Extent? {
    let range = lowest...Limits.extent
    let expected = "a whole number from \(lowest) to \(Limits.extent), or a list of up to three, height before width"
    return value(key, presence, expected: expected) { node in
      let sides: [YAMLNode] = if case .sequence(let items) = node.content { items } else { [node] }
      let numbers = sides.compactMap { $0.integer(as: Int.self) }.filter(range.contains)
      return (1...3).contains(sides.count) && numbers.count == sides.count ? Extent(numbers) : nil
    }
  }

  /// Reads a mapping within this one, to its last key; nil if it is absent or was reported.
  /// - Parameter example: shown if the key is missing or no mapping; nil for a key that may be left out.
  mutating func mapping<Value>(
    _ key: String, example: String?, read: (inout MappingReader) -> Value?
  ) -> Value? {
    guard let entry = entry(key) else {
      if let example { miss(key, example: example) }
      return nil
    }
    guard case .mapping(let pairs) = entry.value.content else {
      let remedy = example.map { "for example '\($0)'" } ?? "leave it out for the defaults"
      report(
        entry.value.isNull ? entry.keyPlace : entry.value.place,
        "'\(key)' in \(label) must be a mapping, not \(entry.value.description); \(remedy)")
      return nil
    }
    let path = pathOf(key)
    var reader = MappingReader(pairs, path: path, label: path, place: entry.keyPlace, findings: findings)
    let value = read(&reader)
    reader.finish()
    return value
  }

  /// Reports unknown and missing keys; a missing key that an unknown one was meant for is not reported as well.
  mutating func finish() {
    var meant: Set<String> = []
    let absent = known.filter { key in !entries.contains { $0.key == key } }
    for entry in entries where !known.contains(entry.key) {
      let candidate = NearMiss.nearest(to: entry.key, among: absent) ?? NearMiss.nearest(to: entry.key, among: known)
      if let candidate { meant.insert(candidate) }
      let advice = candidate.map { "did you mean '\($0)'?" } ?? "its keys are \(known.joined(separator: ", "))"
      report(entry.keyPlace, "unknown key '\(entry.key)' in \(label); \(advice)")
    }
    for (key, example) in missing where !meant.contains(key) {
      report(place, "missing key '\(key)' in \(label); add '\(example)'")
    }
  }
}

/// The largest numbers that a job file may have: beyond them lie typing errors.
enum Limits {
  static let batch = 1 << 20
  static let outputs = 1 << 20
  static let classes = 1 << 20
  static let channels = 1 << 16
  static let extent = 1 << 10
  static let sequence = 1 << 16
  static let vocabulary = 1 << 24
  static let units = 1 << 16
  static let recurrentLayers = 100
  static let repetitions = 1 << 20
  /// Dimensions of a tensor.
  static let rank = 6
  static let epochs = 1_000_000
  static let steps = 1_000_000_000
  static let checkpoints = 10_000
  static let nameLength = 100
  static let fileBytes = 1 << 20
  /// Of gradients that go out together.
  static let bucket = Bytes(1 << 10)...Bytes(1 << 40)
  /// Of an inventory: groups, and nodes of one.
  static let groups = 1 << 12
  static let nodes = 1 << 16
}
