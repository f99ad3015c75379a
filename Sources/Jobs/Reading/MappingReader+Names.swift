import Models

/// Names of what may have settings: `relu`, or `{leaky_relu: {slope: 0.2}}`.
protocol SettingsName: RawRepresentable<String>, CaseIterable {
  /// The setting that may be written for all: `leaky_relu: 0.2`.
  var mainSetting: String? { get }
}

extension MappingReader {
  /// A word, or a mapping of one word to its settings.
  ///
  /// - Parameter read: reads the settings of a name.
  /// - Returns: nil if the key is absent, if `read` gave nil, or after a problem was reported.
  mutating func named<Name: SettingsName, Value>(
    _ key: String, example: String, read: (Name, inout MappingReader) -> Value?
  ) -> Value? {
    guard let entry = entry(key) else { return nil }
    let names = Name.allCases.map(\.rawValue)
    var word = entry.value
    var settings: YAMLNode?
    if case .mapping(let pairs) = entry.value.content, pairs.count == 1 {
      (word, settings) = (pairs[0].key, pairs[0].value)
    }
    let found = value(
      key, .required(example: example), expected: "one of \(names.joined(separator: ", "))",
      advice: Self.advice(for: word.text, among: names)
    ) { _ in word.text.flatMap(Name.init) }
    guard let name = found else { return nil }
    guard let pairs = Self.pairs(of: name, settings) else {
      report(
        settings?.place ?? entry.keyPlace,
        "the settings of '\(name.rawValue)' in \(label) must be a mapping, not \(settings?.description ?? "nothing"); "
          + "write '\(key): \(name.rawValue)' for the defaults")
      return nil
    }
    var reader = MappingReader(
      pairs, path: pathOf(key), label: "\(name.rawValue) in \(label)", place: entry.keyPlace, findings: findings)
    let value = read(name, &reader)
    reader.finish()
    return value
  }

  private static func pairs<Name: SettingsName>(of name: Name, _ settings: YAMLNode?) -> [YAMLNode.Pair]? {
    guard let settings, !settings.isNull else { return [] }
    if case .mapping(let pairs) = settings.content { return pairs }
    guard case .scalar = settings.content, let key = name.mainSetting else { return nil }
    return [.init(key: YAMLNode(content: .scalar(key, isQuoted: false), place: settings.place), value: settings)]
  }

  private static func advice(for word: String?, among names: [String]) -> String {
    if let word, let kind = LayerKind(rawValue: word), !names.contains(word) {
      return "'\(word)' is a layer of its own; write '\(kind.example)' behind this one"
    }
    return word.flatMap { NearMiss.nearest(to: $0, among: names) }.map { "did you mean '\($0)'?" }
      ?? "use one of \(names.joined(separator: ", "))"
  }
}

extension MappingReader {
  /// Whether the file says the version of its format, `apus: 1`; nil for a version that is not read here.
  mutating func hasVersion(of format: any FileFormat.Type) -> Bool? {
    let version = integer("apus", in: 1...1_000, .required(example: "\(format.number)"))
    if let version, version != format.number, let entry = entry("apus") {
      report(
        entry.value.place,
        "\(format.name) format \(version) is not known here; this Apus reads 'apus: \(format.number)'")
      return nil
    }
    return version != nil
  }
}
