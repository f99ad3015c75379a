/// Cuts the parameters in shares: each rank updates one and keeps its optimizer states only (Rajbhandari et al. 2020,
/// "ZeRO", stage 1).
enum ParameterShares {
  /// Contiguous ranges of floats that cover all parameters, as equal as whole blocks of `Norms.block` floats of a tensor
  /// allow: sums of squares are taken block by block, so a share has whole terms of a tensor's norm.
  static func ranges(_ places: [ParameterStore.Place], count: Int) -> [Range<Int>] {
    let end = places.last?.range.upperBound ?? 0
    var bounds = [0]
    for share in 1..<max(1, count) {
      let ideal = end * share / count
      let tensor = places.last { $0.range.lowerBound <= ideal }?.range.lowerBound ?? 0
      bounds.append(max(bounds[bounds.count - 1], tensor + (ideal - tensor) / Norms.block * Norms.block))
    }
    bounds.append(end)
    return zip(bounds, bounds.dropFirst()).map { $0..<$1 }
  }
}
