import Foundation
import TestSupport
import Testing

import Jobs

/// Learning rates against those of PyTorch's schedulers: see scripts/golden.
@Suite struct ScheduleTests {
  private struct Golden: Decodable {
    let base: Double
    let epochs: Int
    let stepsPerEpoch: Int
    let warmupEpochs: Double
    let warmupStart: Double
    let rates: [String: [Double]]
    let metrics: [String: [Double]]
    let plateaus: [String: [Double]]

    init(from file: URL) throws { self = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file)) }
  }

  private static var golden: Golden {
    get throws {
      try Golden(
        from: URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/schedules.json"))
    }
  }

  private static let shapes: [(name: String, shape: Schedule.Shape)] = [
    ("constant", .constant), ("step", .step(everyEpochs: 2, factor: 0.3)),
    ("milestones", .milestones([1, 4, 5], factor: 0.3)), ("exponential", .exponential(factor: 0.6)),
    ("cosine", .cosine(minimum: 0.01)), ("one-cycle", .oneCycle(.init(rise: 0.4, startDivisor: 20, endDivisor: 300))),
  ]

  @Test(arguments: shapes.indices) func rateOfEveryStepIsPyTorchs(index: Int) throws {
    let golden = try Self.golden
    let (name, shape) = Self.shapes[index]
    let plain = Schedule(shape)
    let warm = Schedule(shape, warmupEpochs: golden.warmupEpochs, warmupStart: golden.warmupStart)
    for (name, schedule) in [(name, plain), (name + " after warm-up", warm)] {
      let rates = (0..<golden.epochs * golden.stepsPerEpoch).map {
        schedule.rate(step: $0, base: golden.base, stepsPerEpoch: golden.stepsPerEpoch, epochs: golden.epochs)
      }
      expectClose(rates, try #require(golden.rates[name]), relative: 1e-12, name)
    }
  }

  @Test(arguments: [ValidationMetric.loss, .accuracy])
  func plateauReducesWherePyTorchDoes(metric: ValidationMetric) throws {
    let golden = try Self.golden
    let plateau = Schedule.Plateau(metric: metric, factor: 0.5, patience: 1, threshold: 1e-4, minimum: 0.03)
    let schedule = Schedule(.plateau(plateau))
    var state = PlateauState()
    var rates: [Double] = []
    for value in try #require(golden.metrics[metric.rawValue]) {
      state.observe(value, plateau, base: golden.base)
      // As a checkpoint would carry it.
      state = try JSONDecoder().decode(PlateauState.self, from: JSONEncoder().encode(state))
      rates.append(schedule.rate(step: 3, base: golden.base, stepsPerEpoch: 2, epochs: 9, state: state))
    }
    #expect(Set(rates).count >= 3, "a plateau that is never reached proves nothing")
    expectClose(rates, try #require(golden.plateaus[metric.rawValue]), relative: 1e-12)
  }

  @Test func partsOfAnEpochAreWarmedUp() {
    let schedule = Schedule(.constant, warmupEpochs: 0.5, warmupStart: 0.2)
    let rates = (0..<6).map { schedule.rate(step: $0, base: 10, stepsPerEpoch: 8, epochs: 2) }
    expectClose(rates, [2, 4, 6, 8, 10, 10], relative: 1e-12)
  }

  @Test func minimumAboveTheRateDoesNotRaiseIt() {
    let plateau = Schedule.Plateau(factor: 0.1, patience: 0, minimum: 0.5)
    var state = PlateauState()
    for _ in 0..<3 { state.observe(1, plateau, base: 0.2) }
    #expect(state.rate == 0.2)
  }

  @Test(arguments: [
    (ValidationMetric.loss, [3.0, 2, 2.5, 1.95, 1.9, 1.9]), (.accuracy, [0.1, 0.3, 0.2, 0.34, 0.35, 0.35]),
  ])
  func earlyStoppingWaitsForItsPatience(metric: ValidationMetric, values: [Double]) {
    let rule = EarlyStopping(metric: metric, patience: 2, minDelta: 0.06)
    var state = EarlyStoppingState()
    let bests = values.prefix(4).enumerated().map { state.observe($1, epoch: $0 + 1, rule) }
    #expect(bests == [true, true, false, false])
    #expect(state.best == EarlyStoppingState.Best(value: values[1], epoch: 2))
    #expect(state.isOver)
    var other = EarlyStoppingState()
    let eager = EarlyStopping(metric: metric, patience: 2)
    #expect(
      values.enumerated().map { other.observe($1, epoch: $0 + 1, eager) } == [true, true, false, true, true, false])
    #expect(!other.isOver)
  }
}
