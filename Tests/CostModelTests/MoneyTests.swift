import CostModel
import TestSupport
import Testing
import Units

@Suite("What a training costs") struct MoneyTests {
  @Test(
    "has steps by count, tokens or epochs, begun ones whole",
    arguments: [
      (TrainingLength.steps(17), 17), (.tokens(300e9), 95_368), (.tokens(3_145_729), 2),
      (.epochs(3, samples: 3073), 9), (.epochs(3, samples: 3072), 6),
    ])
  func steps(length: TrainingLength, count: Int) {
    #expect(length.steps(globalBatch: 1536, sequence: 2048) == count)
  }

  @Test("is billed by the second, a minute at least, for each instance")
  func billing() {
    let billing = Billing(hourly: Money(dollars: 36), instances: 3)
    expectClose([billing.cost(Seconds(12)).dollars], [1.8], relative: 1e-14)
    expectClose([billing.cost(Seconds(3600.25)).dollars], [0.03 * 3601], relative: 1e-14)
    expectClose([billing.instanceHours(Seconds(hours: 2))], [6], relative: 1e-14)
    expectClose([billing.acceleratorHours(Seconds(hours: 2), accelerators: 8)], [48], relative: 1e-14)
  }

  /// δ = 72 s, M = 100 h/4 nodes = 25 h.
  private let checkpointing = Checkpointing(
    write: Seconds(72), restart: Seconds(minutes: 10), nodeTimeBetweenFailures: Seconds(hours: 100), nodes: 4)

  @Test("has the checkpoint interval √(2δM) of Young, where the expected time is least")
  func interval() {
    let best = checkpointing.bestInterval
    expectClose([best.count], [3600], relative: 1e-14)
    let time = checkpointing.expectedTime(Seconds(hours: 50))
    expectClose([time / Seconds(hours: 1)], [50 * (1 + 72.0 / 3600 + (1800 + 600) / 90_000)], relative: 1e-14)
    for factor in [0.5, 0.9, 1.1, 2] {
      #expect(checkpointing.expectedTime(Seconds(hours: 50), interval: best * factor) > time)
    }
    #expect(checkpointing.isWithinValidity)
    expectClose([checkpointing.expectedFailures(Seconds(hours: 50))], [time.count / 90_000], relative: 1e-14)
  }

  @Test("of spot instances is their price over the expected time")
  func spot() {
    let billing = Billing(hourly: Money(dollars: 10), instances: 4)
    let spot = PurchaseCost.interrupted(Seconds(hours: 50), billing, checkpointing)
    #expect(spot.time == checkpointing.expectedTime(Seconds(hours: 50)))
    #expect(spot.cost == billing.cost(spot.time) && spot.checkpointInterval == checkpointing.bestInterval)
    let calm = PurchaseCost.undisturbed(Seconds(hours: 50), billing)
    #expect(calm.cost.dollars == 2000 && calm.expectedInterruptions == 0)
    let reserved = PurchaseCost.reservedAlone(Seconds(hours: 50), billing, term: Seconds(hours: 8760))
    #expect(reserved.cost.dollars == 350_400 && reserved.time == Seconds(hours: 50))
  }

  @Test("writes 14 bytes a parameter of mixed Adam, all nodes at once")
  func checkpoint() {
    let bytes = Checkpointing.bytes(parameters: 175e9, scheme: .mixedAdam)
    #expect(bytes == Bytes(gigabytes: 2450))
    let time = Checkpointing.writeTime(bytes, bandwidthOfNode: Bandwidth(gigabytesPerSecond: 2.5), nodes: 70)
    expectClose([time.count], [14], relative: 1e-14)
  }
}
