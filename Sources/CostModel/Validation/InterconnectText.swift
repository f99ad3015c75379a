/// Reads what sources say of the network between hosts, such as "8x HDR IB 200 Gbps/node = 1600 Gbps".
package enum InterconnectText {
  /// Gbit/s of all interfaces of a host; nil if the text has neither a rate nor a generation of which the rate is known.
  ///
  /// A sum that the text gives itself counts ("= 1600 Gbps"), then a rate times the number of links before it ("4x100 Gbps",
  /// "8x HDR 200 Gbps"), a rate "per GPU" times the ranks of a host.
  package static func gigabits(_ text: String, ranksPerHost: Double) -> Double? {
    let lower = text.lowercased()
    if let sum = lower.split(separator: "=").dropFirst().lazy.compactMap({ rate(Self.words($0))?.value }).first {
      return sum
    }
    let words = Self.words(lower[...])
    let perRank = ["per gpu", "per accelerator", "per chip", "/gpu"].contains { lower.contains($0) }
    if let (value, position) = rate(words) {
      if perRank { return value * ranksPerHost }
      return value * links(words.prefix(position + 1))
    }
    for (name, value) in generations where words.contains(where: { $0.hasPrefix(name) }) {
      // A generation alone says nothing of how many links there are.
      let count = links(words[...])
      guard count > 1 || value == 100 else { return nil }
      return value * (name == "omni-path" && count == 1 ? 4 : count)
    }
    return nil
  }

  /// Gbit/s of one link. Hosts of accelerators with Omni-Path (Jean Zay) have four.
  private static let generations: [(String, Double)] = [("omni-path", 100), ("hdr", 200), ("ndr", 400), ("xdr", 800)]

  private static func words(_ text: Substring) -> [Substring] {
    text.split { $0 == " " || $0 == "(" || $0 == ")" || $0 == "," || $0 == ";" }
  }

  /// The first figure that is followed by a unit of Gbit/s, and where it stands; of a range the upper end.
  private static func rate(_ words: [Substring]) -> (value: Double, position: Int)? {
    let units = ["gbps", "gbit/s", "gb/s", "gbit"]
    for (index, word) in words.enumerated() {
      let next = index + 1 < words.count ? words[index + 1] : ""
      for unit in units {
        let figure = next.hasPrefix(unit) ? word : word.hasSuffix(unit) ? word.dropLast(unit.count) : ""
        guard let last = figure.split(whereSeparator: { $0 == "-" || $0 == "x" || $0 == "×" }).last else { continue }
        if let value = Double(last) { return (value, index) }
      }
    }
    return nil
  }

  /// How many links: "8x", "8×", "4x100", or "8 x".
  private static func links(_ words: ArraySlice<Substring>) -> Double {
    for (index, word) in words.enumerated() {
      for mark in ["x", "×"] where word.contains(mark) {
        let before = word.prefix { String($0) != mark }
        if let count = Double(before), count >= 1, count <= 64 { return count }
        if before.isEmpty, index > 0, let count = Double(words[words.startIndex + index - 1]), count <= 64 {
          return count
        }
      }
    }
    return 1
  }
}
