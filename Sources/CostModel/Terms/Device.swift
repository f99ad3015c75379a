package import Units

/// The figures of an accelerator that the cost model reads, in one number format.
package struct Device: Hashable, Sendable {
  /// What a training run computes its products in.
  package enum Arithmetic: String, Hashable, Sendable, Codable, CaseIterable {
    case fp32, tf32, fp16, bf16, fp8

    /// Bytes of an activation or weight where it lies in memory: FP8 is a format of products only.
    package var elementBytes: Double {
      switch self {
      case .fp32, .tf32: 4
      case .fp16, .bf16, .fp8: 2
      }
    }
  }

  /// Key in the catalog, and of constants of the calibration.
  package let key: String
  /// Of its constants: a part's matrix units and vector units are two.
  package var constantKey: String { "\(key) \(usesMatrixUnits ? "matrix" : "vector")" }
  package let arithmetic: Arithmetic
  /// Dense peak in this arithmetic.
  package let peak: FLOPRate
  package let memoryBandwidth: Bandwidth
  package let memory: Bytes
  /// Multiprocessors or cores: what a product's tiles are spread over.
  package let units: Double
  /// Whether products run on matrix units, rather than on the vector units of older or FP32 code.
  package let usesMatrixUnits: Bool
  /// What the catalog does not have and was assumed, in words.
  package let assumptions: [String]

  package init(
    key: String, arithmetic: Arithmetic, peak: FLOPRate, memoryBandwidth: Bandwidth, memory: Bytes, units: Double,
    usesMatrixUnits: Bool, assumptions: [String] = []
  ) {
    self.key = key
    self.arithmetic = arithmetic
    self.peak = peak
    self.memoryBandwidth = memoryBandwidth
    self.memory = memory
    self.units = units
    self.usesMatrixUnits = usesMatrixUnits
    self.assumptions = assumptions
  }
}
