import Collectives
import Datasets
import Execution
import Jobs

/// Looks at gradients and activations now and then.
extension RunState {
  /// The same on every rank.
  func isHealthDue(_ number: Int) -> Bool { (number - 1) % stepsBetweenLooks == 0 }

  private var stepsBetweenLooks: Int { job.training.health.everySteps ?? order.stepsPerEpoch }

  /// For how many samples each unit of each ReLU is active: of the batch of step `number` and as many behind it as make
  /// `TrainingHealth.samplesOfALook`, up to the next look or the end of the epoch, each as its step will see it but with
  /// the parameters of now. Collective: the ranks take the shards in turn and sum their counts, so that the numbers are
  /// the same on any number of them.
  func unitActivity(_ number: Int) throws -> [UnitActivity] {
    guard replica.program.hasReLUs else { return [] }
    let (epoch, first) = (number - 1).quotientAndRemainder(dividingBy: order.stepsPerEpoch)
    let steps = min(
      (TrainingHealth.samplesOfALook + order.batchSize - 1) / order.batchSize, stepsBetweenLooks,
      order.stepsPerEpoch - first)
    var found: [UnitActivity] = []
    try trainer.together {
      let samples = order.samples(epoch: epoch)
      let buffer = SampleBuffer(fields: data.training.fields, capacity: order.samplesPerShard)
      // Every rank looks at one shard at least, so that all know the layers.
      let shardCount = steps * order.shardCount
      let own = stride(from: group.rank, to: max(shardCount, group.rank + 1), by: group.rankCount)
      for (turn, index) in own.enumerated() {
        let (step, shard) = min(index, shardCount - 1).quotientAndRemainder(dividingBy: order.shardCount)
        let places = order.places(step: first + step, shards: shard..<shard + 1)
        try data.training.load(samples.span.extracting(places), epoch: epoch, into: buffer)
        let dropout = DropoutState(
          seed: job.seed, step: UInt32(number + step), firstSample: UInt32(shard * order.samplesPerShard))
        let one = try replica.unitActivity(buffer, 0..<order.samplesPerShard, dropout: dropout)
        if turn == 0 {
          found = index < shardCount ? one : one.map(\.none)
        } else {
          for layer in found.indices { found[layer].merge(one[layer]) }
        }
      }
    }
    guard !found.isEmpty else { return [] }
    var counts = found.flatMap { [Int64($0.samples)] + $0.activeSamples }
    try group.allReduce(&counts, .sum)
    var rest = counts[...]
    return found.map { activity in
      let own = rest.prefix(activity.units + 1)
      rest = rest.dropFirst(activity.units + 1)
      return UnitActivity(
        layer: activity.layer, samples: Int(own.first ?? 0), activeSamples: Array(own.dropFirst()))
    }
  }

  /// Records what there is to see once the gradients of a step are summed; the coordinator's work.
  func look(_ number: Int, _ activity: [UnitActivity]) throws {
    let (record, warnings) = health.look(
      step: number, epoch: (number - 1) / order.stepsPerEpoch + 1,
      norms: replica.store.tensorNorms.filter { phase.trains($0.name) }, activity: activity,
      samplesOfAnEpoch: order.stepsPerEpoch * order.batchSize)
    header.health = health.state
    try records?.append("health", record)
    for warning in warnings {
      try records?.append("warning", warning)
      trainer.tell(.warning("\(warning.name.rawValue) in step \(number): \(warning.message)"))
    }
  }
}

extension UnitActivity {
  /// The same layer before a sample was seen.
  fileprivate var none: UnitActivity {
    UnitActivity(layer: layer, samples: 0, activeSamples: activeSamples.map { _ in 0 })
  }
}

extension Replica {
  /// What the ReLUs of one shard come to, carried states being zero: whose they are, other ranks need not know. The
  /// gradients of slot 0 are lost.
  func unitActivity(
    _ buffer: SampleBuffer, _ places: Range<Int>, dropout: DropoutState
  ) throws -> [UnitActivity] {
    inputs.set(buffer, places)
    states.giveZeros()
    return try program.unitActivity(slot: 0, dropout: dropout)
  }
}
