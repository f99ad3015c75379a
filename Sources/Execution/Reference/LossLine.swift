import ModelGraph

/// The loss along one element of one parameter, everything else held where it is.
struct LossLine {
  let point: [Double]
  let lossAtPoint: Double
  private let executor: ReferenceExecutor
  private let nodes: [Node]
  private let base: ReferenceValues
  private let loss: ValueID
  private let parameter: ValueID
  private let dropout: DropoutState

  struct Slopes {
    /// (f(p + h) − f(p − h)) / 2h.
    let central: Double
    /// The slope on the right less the slope on the left: h f″ where the loss is smooth, the jump where it has a kink.
    let gap: Double
  }

  init(executor: ReferenceExecutor, base: ReferenceValues, loss: ValueID, parameter: ValueID, dropout: DropoutState) {
    self.executor = executor
    self.base = base
    self.loss = loss
    self.parameter = parameter
    self.dropout = dropout
    nodes = executor.nodes(after: parameter)
    point = base[parameter]
    lossAtPoint = base[loss][0]
  }

  func slopes(at element: Int, step: Double) throws -> Slopes {
    // The steps that are really made: p ± h is rounded.
    let (right, left) = (point[element] + step, point[element] - step)
    let (above, below) = (try loss(at: right, element), try loss(at: left, element))
    return Slopes(
      central: (above - below) / (right - left),
      gap: (above - lossAtPoint) / (right - point[element]) - (lossAtPoint - below) / (point[element] - left))
  }

  /// Whether the loss has no derivative within `step`: if half the step gives another slope, or leaves the gap between
  /// right and left slope as it is (a kink at the very point, where central differences of all steps agree).
  func hasKink(at element: Int, step: Double, _ slopes: Slopes, scale: Double) throws -> Bool {
    let half = try self.slopes(at: element, step: step / 2)
    if abs(slopes.central - half.central) > 5e-6 * scale { return true }
    return abs(slopes.gap) > 1e-4 * scale && abs(half.gap) > 0.75 * abs(slopes.gap)
  }

  private func loss(at value: Double, _ element: Int) throws -> Double {
    var moved = point
    moved[element] = value
    return try executor.rerun(nodes, of: base, replacing: parameter, with: moved, dropout: dropout)[loss][0]
  }
}
