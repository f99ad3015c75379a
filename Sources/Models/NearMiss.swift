/// Finds the name that somebody meant.
package enum NearMiss {
  /// The candidate nearest to `word`; nil if none is near.
  ///
  /// Case, `_` and `-` do not count. Near is: an edit for every three characters of the longer one, one the beginning
  /// of the other (`batchsize` for `batch`), or its initials (`lr` for `learning_rate`).
  package static func nearest(to word: String, among candidates: [String]) -> String? {
    let scored = candidates.compactMap { candidate in score(word, candidate).map { (candidate, $0) } }
    return scored.min { $0.1 < $1.1 }?.0
  }

  /// The end of an error text: `did you mean 'batch'?`, or `use one of …` if nothing is near.
  package static func advice(for word: String, among candidates: [String]) -> String {
    if let meant = nearest(to: word, among: candidates) { return "did you mean '\(meant)'?" }
    return candidates.count == 1 ? "use '\(candidates[0])'" : "use one of \(candidates.joined(separator: ", "))"
  }

  private static func score(_ word: String, _ candidate: String) -> Int? {
    let a = plain(word)
    let b = plain(candidate)
    let limit = max(1, max(a.count, b.count) / 3)
    let distance = editDistance(a, b)
    if distance <= limit, distance < min(a.count, b.count) || distance == 0 { return distance }
    if min(a.count, b.count) >= 3, a.starts(with: b) || b.starts(with: a) { return limit + 1 }
    let parts = candidate.split { $0 == "_" || $0 == "-" }
    return parts.count > 1 && parts.compactMap(\.first) == a ? limit + 1 : nil
  }

  private static func plain(_ word: String) -> [Character] { word.lowercased().filter { $0 != "_" && $0 != "-" } }

  /// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`, no place edited twice
  /// (optimal string alignment; Damerau 1964).
  package static func editDistance(_ a: [Character], _ b: [Character]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var best = min(row[j] + 1, last[j + 1] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, beforeLast[j - 1] + 1) }
        row.append(best)
      }
      beforeLast = last
      last = row
    }
    return last[b.count]
  }
}
