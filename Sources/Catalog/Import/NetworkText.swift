/// What the EC2 API's text for a network says: "25 Gigabit", "4x 100 Gigabit", "Up to 25 Gigabit", "High".
struct NetworkText: Hashable {
  /// Gbit/s for as long as one likes; nil for a burst or a text without number.
  let sustained: Double?
  /// Gbit/s at most.
  let peak: Double?

  init(_ text: String) {
    if let match = text.wholeMatch(of: /(?:(\d+)x )?(\d+(?:\.\d+)?) Gigabit/) {
      let each = Double(match.2) ?? 0
      sustained = (match.1.flatMap { Double($0) } ?? 1) * each
      peak = sustained
    } else if let match = text.wholeMatch(of: /Up to (\d+(?:\.\d+)?) Gigabit/) {
      sustained = nil
      peak = Double(match.1)
    } else {
      sustained = nil
      peak = nil
    }
  }
}
