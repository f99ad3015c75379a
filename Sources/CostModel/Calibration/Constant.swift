/// A number that no data sheet gives: fitted to published runs, never below `lower` or above `upper`.
package struct Constant: Hashable, Sendable, Codable {
  package let name: String
  package let unit: String
  /// What was believed before the fit, and by which factor it may be off (one standard deviation of the logarithm).
  package let prior: Double
  package let spread: Double
  package let lower: Double
  package let upper: Double
  package var value: Double
  package let meaning: String
}

/// The constants that every run shares, by what they mean. `Constants.general` has their priors and bounds.
package enum General: Int, CaseIterable, Sendable {
  case productMatrixUnits, productVector, productTensorFloat
  case convolutionMatrixUnits, convolutionVector, convolutionTensorFloat
  case attention, attentionHopper, eightBit, winograd
  case depthMatrixUnits, columnsMatrixUnits, depthVector, columnsVector, waveProduct, waveConvolution
  case normalisation, activation, addition, pooling, softmax, copy, recurrence, depthwise, scores, backwardTraffic
  case dispatch, perMicroBatch, perStep, detection
  case linkPCIe, linkNVLink1, linkNVLink2, linkNVSwitch2, linkNVSwitch3, linkNVSwitch4, linkNeuron
  case rdma, tcp, tcpCeiling, shaped, dapl, pointToPoint, sharded, serverReduction
  case contention, shardedOverlap, pipelineOverlap, bucketLatency, tensorLatency, optimizer
}

/// Constants of the step-time model as one vector: the general ones, then those of accelerators and of software.
package struct Constants: Hashable, Sendable, Codable {
  package private(set) var list: [Constant]
  private var positions: [String: Int]

  package init(_ list: [Constant]) {
    self.list = list
    positions = Dictionary(uniqueKeysWithValues: list.enumerated().map { ($1.name, $0) })
  }

  package subscript(_ general: General) -> Double { list[general.rawValue].value }
  package subscript(index: Int) -> Double {
    get { list[index].value }
    set { list[index].value = newValue }
  }
  package func index(of name: String) -> Int? { positions[name] }
  /// The value of a constant that only some accelerators or frameworks have; 1 for others.
  package func factor(_ name: String) -> Double { positions[name].map { list[$0].value } ?? 1 }
}
