extension GraphSummary {
  /// A row of a table in which equal blocks of a transformer are shown once.
  package struct Row: Hashable, Sendable {
    /// One of the layers, named `block0…95/attention/qkv` if there are more.
    package let name: String
    package let layer: Layer
    package let count: Int
  }

  /// The layers, those of neighbouring blocks that are equal but for their number once.
  package var rows: [Row] {
    var rows: [Row] = []
    var run: [[Numbered]] = []
    func endRun() {
      defer { run = [] }
      guard let first = run.first, let from = first.first?.number, let to = run.last?.first?.number else { return }
      rows += first.map { numbered in
        let numbers = from == to ? "\(from)" : "\(from)…\(to)"
        return Row(name: numbered.before + numbers + numbered.after, layer: numbered.layer, count: run.count)
      }
    }
    for block in blocks {
      guard block[0].number != nil else {
        endRun()
        rows += block.map { Row(name: $0.layer.name, layer: $0.layer, count: 1) }
        continue
      }
      if let last = run.last, !Self.areEqual(last, block) { endRun() }
      run.append(block)
    }
    endRun()
    return rows
  }

  /// A layer with its name cut around the number of its block.
  private struct Numbered {
    let layer: Layer
    let before: String
    let number: Int?
    let after: String

    init(_ layer: Layer) {
      self.layer = layer
      let parts = layer.name.split(separator: "/", omittingEmptySubsequences: false)
      guard let place = parts.firstIndex(where: { $0.hasPrefix("block") }), let found = Int(parts[place].dropFirst(5))
      else {
        (before, number, after) = (layer.name, nil, "")
        return
      }
      number = found
      before = parts[..<place].map { $0 + "/" }.joined() + "block"
      after = parts[(place + 1)...].map { "/" + $0 }.joined()
    }
  }

  /// The layers cut where the block changes.
  private var blocks: [[Numbered]] {
    var blocks: [[Numbered]] = []
    for layer in layers.map(Numbered.init) {
      if let last = blocks.last?.first, last.number == layer.number, layer.number == nil || last.before == layer.before
      {
        blocks[blocks.count - 1].append(layer)
      } else {
        blocks.append([layer])
      }
    }
    return blocks
  }

  private static func areEqual(_ a: [Numbered], _ b: [Numbered]) -> Bool {
    a.count == b.count
      && zip(a, b).allSatisfy { $0.before == $1.before && $0.after == $1.after && $0.layer.isEqual(to: $1.layer) }
  }
}

extension GraphSummary.Layer {
  /// But for the name.
  fileprivate func isEqual(to other: Self) -> Bool {
    operations == other.operations && output == other.output && parameterCount == other.parameterCount
      && forward == other.forward && backward == other.backward && savedBytes == other.savedBytes
  }
}
