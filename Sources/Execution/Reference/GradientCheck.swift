package import ModelGraph
import Randomness

/// Compares the gradients that a graph computes with central differences of its loss, both in double precision.
///
/// For element p the step is h = 10⁻⁵ · max(1, |p|): truncation and rounding are then both near 10⁻¹¹ of the loss. An
/// error is relative to the largest of |analytic|, |numeric|, 10⁻³ of the tensor's largest gradient, and 10⁷ times the
/// rounding of the loss over h, far below which there is nothing to resolve.
package struct GradientCheck: Sendable {
  private let executor: ReferenceExecutor
  private let loss: ValueID
  private let base: ReferenceValues
  private let dropout: DropoutState

  /// An error above this is looked at again: it may be a kink.
  private static let suspicious = 1e-6

  /// - Parameters:
  ///   - graph: differentiated.
  ///   - loss: the scalar that was differentiated.
  ///   - given: the elements of every input and parameter, row-major: the point at which the gradients are compared.
  /// - Throws: `ReferenceError` if the graph has no gradients, elements do not fit, or the loss or a gradient is not
  ///   finite there.
  package init(
    _ graph: Graph, loss: ValueID, at given: [ValueID: [Double]], dropout: DropoutState
  ) throws {
    guard !graph.parameterGradients.isEmpty, graph[loss].type.shape.elementCount == 1 else {
      throw ReferenceError(
        .notDifferentiated, graph[loss].name, "is no differentiated scalar; differentiate the graph by its loss first")
    }
    self.loss = loss
    self.dropout = dropout
    base = try ReferenceExecutor(graph).run(given, dropout: dropout)
    executor = ReferenceExecutor(graph, computing: [loss])
    for value in [loss] + graph.parameterGradients.map(\.gradient) {
      guard let bad = base[value].first(where: { !$0.isFinite }) else { continue }
      throw ReferenceError(
        .notFinite, graph[value].name, "is \(bad) at this point; check inputs, labels and initial weights")
    }
  }

  /// Checks every parameter.
  /// - Parameters:
  ///   - samplesPerParameter: how many elements of each tensor, drawn by `seed`; all if nil or if there are fewer.
  /// - Complexity: two runs of the nodes that the parameter has an influence on for each element; two more where the
  ///   first two disagree with the gradient.
  package func run(samplesPerParameter: Int? = nil, seed: UInt64 = 0) throws -> GradientReport {
    let graph = executor.graph
    let checks = try graph.parameterGradients.map { pair in
      let count = graph[pair.parameter].type.shape.elementCount
      let elements = Self.sample(samplesPerParameter ?? count, of: count, seed: seed, stream: pair.parameter.index)
      return try check(pair, elements)
    }
    return GradientReport(
      parameters: checks.sorted { ($0.worst?.relativeError ?? -1) > ($1.worst?.relativeError ?? -1) })
  }

  /// Compares float32 gradients, by parameter, with those of the graph in double precision; worst first.
  /// - Throws: `ReferenceError` if a parameter has no gradient here, or one of another size.
  package func compare(float32 gradients: [ValueID: [Float]]) throws -> [GradientDifference] {
    let graph = executor.graph
    let analytic = Dictionary(uniqueKeysWithValues: graph.parameterGradients.map { ($0.parameter, $0.gradient) })
    let differences = try gradients.sorted { $0.key < $1.key }.compactMap { parameter, float32 in
      let name = graph[parameter].name
      guard let gradient = analytic[parameter] else {
        throw ReferenceError(.notDifferentiated, name, "has no gradient in this graph; give gradients of parameters")
      }
      let float64 = base[gradient]
      guard float32.count == float64.count else {
        throw ReferenceError(
          .sizeMismatch, name, "\(float32.count) float32 gradients were given where there are \(float64.count)")
      }
      let largest = Self.largest(float64)
      let errors = zip(float32, float64).map { Self.ratio(abs(Double($0) - $1), to: largest) }
      return errors.indices.max { errors[$0] < errors[$1] }.map {
        GradientDifference(
          name: name, element: $0, float32: float32[$0], float64: float64[$0], relativeError: errors[$0])
      }
    }
    return differences.sorted { $0.relativeError > $1.relativeError }
  }

  private func check(_ pair: Graph.ParameterGradient, _ elements: [Int]) throws -> GradientReport.ParameterCheck {
    let analytic = base[pair.gradient]
    let largest = Self.largest(analytic)
    let line = LossLine(executor: executor, base: base, loss: loss, parameter: pair.parameter, dropout: dropout)
    var kinks = 0
    var worst: GradientReport.WorstElement?
    for element in elements {
      let step = 1e-5 * max(1, abs(line.point[element]))
      let slopes = try line.slopes(at: element, step: step)
      let resolution = 1e7 * line.lossAtPoint.ulp / step
      let scale = max(abs(analytic[element]), abs(slopes.central), 1e-3 * largest, resolution)
      let error = Self.ratio(abs(analytic[element] - slopes.central), to: scale)
      if error > Self.suspicious, try line.hasKink(at: element, step: step, slopes, scale: scale) {
        kinks += 1
      } else if error > worst?.relativeError ?? -1 {
        worst = .init(
          element: element, analytic: analytic[element], numeric: slopes.central, relativeError: error)
      }
    }
    return .init(
      name: executor.graph[pair.parameter].name, elementCount: analytic.count, checkedCount: elements.count,
      kinkCount: kinks, worst: worst)
  }

  private static func largest(_ values: [Double]) -> Double { values.reduce(0) { max($0, abs($1)) } }

  /// Finite whatever comes, so that a report can be sorted and written: what is not a number is as wrong as can be.
  private static func ratio(_ difference: Double, to scale: Double) -> Double {
    if difference == 0 { return 0 }
    let ratio = difference / scale
    return ratio.isFinite ? ratio : .greatestFiniteMagnitude
  }

  /// `wanted` different positions below `count`, ascending (Floyd's method: one draw each).
  static func sample(_ wanted: Int, of count: Int, seed: UInt64, stream: Int) -> [Int] {
    guard wanted < count else { return Array(0..<count) }
    let philox = Philox(seed: seed)
    var chosen: Set<Int> = []
    for (draw, last) in ((count - max(0, wanted))..<count).enumerated() {
      let words = philox.block(SIMD4(UInt32(draw), UInt32(stream), 0, 0))
      let random = (UInt64(words[0]) << 32 | UInt64(words[1])) % UInt64(last + 1)
      if !chosen.insert(Int(random)).inserted { chosen.insert(last) }
    }
    return chosen.sorted()
  }
}
