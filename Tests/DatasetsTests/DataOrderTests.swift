import Datasets
import Testing

@Suite struct DataOrderTests {
  @Test func trainingDropsTheIncompleteBatchAndShufflesEachEpoch() throws {
    let order = try DataOrder(kind: .training(seed: 8), sampleCount: 50, batchSize: 12, shardCount: 4)
    #expect(order.stepsPerEpoch == 4 && order.samplesPerShard == 3)
    let (first, second) = (order.samples(epoch: 0), order.samples(epoch: 1))
    #expect(first != second)
    #expect(first.sorted() == (0..<50).map { UInt32($0) })
    #expect(second.sorted() == first.sorted())
    #expect(first == order.samples(epoch: 0))
    #expect(Set(first.suffix(2)) != Set(second.suffix(2)))
  }

  @Test func shardsAreContiguousPiecesOfTheBatch() throws {
    let order = try DataOrder(kind: .training(seed: 8), sampleCount: 50, batchSize: 12, shardCount: 4)
    #expect(order.places(step: 2, shards: 0..<4) == 24..<36)
    #expect(order.places(step: 2, shards: 1..<2) == 27..<30)
    #expect(order.places(step: 3, shards: 2..<4) == 42..<48)
    #expect(order.places(step: 1, shards: 2..<2).isEmpty)
  }

  /// 53 pieces in 12 streams of 4; the 5 that are left over lie in front in the end.
  @Test func aStreamGoesOnWhereItEndedAndEpochsBeginAPieceLater() throws {
    let order = try DataOrder(kind: .streams, sampleCount: 53, batchSize: 12, shardCount: 4)
    #expect(order.stepsPerEpoch == 4)
    for epoch in [0, 1, 5, 6, 13] {
      let samples = order.samples(epoch: epoch)
      #expect(samples.count == 48)
      let first = UInt32(epoch % 6)
      for stream in 0..<12 {
        let own = (0..<4).map { samples[order.places(step: $0, shards: 0..<4).lowerBound + stream] }
        #expect(own == (0..<4).map { first + UInt32(4 * stream + $0) }, "epoch \(epoch), stream \(stream)")
      }
    }
    #expect(try DataOrder(kind: .streams, sampleCount: 24, batchSize: 12, shardCount: 4).stepsPerEpoch == 2)
    let error = #expect(throws: DataOrderError.self) {
      try DataOrder(kind: .streams, sampleCount: 23, batchSize: 12, shardCount: 4)
    }
    #expect(error?.code == .shortStreams && error?.description.contains("make the batch 11 or less") == true)
  }

  @Test func evaluationGoesInOrderToTheLastSample() throws {
    let order = try DataOrder(kind: .evaluation, sampleCount: 29, batchSize: 12, shardCount: 4)
    #expect(order.stepsPerEpoch == 3)
    #expect(order.samples(epoch: 5) == (0..<29).map { UInt32($0) })
    let places = (0..<4).map { order.places(step: 2, shards: $0..<$0 + 1) }
    #expect(places == [24..<27, 27..<29, 29..<29, 29..<29])
    #expect(try DataOrder(kind: .evaluation, sampleCount: 24, batchSize: 12, shardCount: 4).stepsPerEpoch == 2)
    #expect(try DataOrder(kind: .evaluation, sampleCount: 5, batchSize: 12, shardCount: 4).stepsPerEpoch == 1)
  }

  @Test(arguments: [
    (50, 10, 4, DataOrderError.Code.unequalShards), (11, 12, 4, .noWholeBatch), (0, 12, 4, .notPositive),
    (50, 0, 4, .notPositive), (50, 12, 0, .notPositive), (50, 12, -4, .notPositive),
  ])
  func refusesBatchesThatCannotBeCut(samples: Int, batch: Int, shards: Int, code: DataOrderError.Code) {
    let error = #expect(throws: DataOrderError.self) {
      try DataOrder(kind: .training(seed: 1), sampleCount: samples, batchSize: batch, shardCount: shards)
    }
    #expect(error?.code == code)
  }

  @Test func errorNamesABatchThatWouldDo() {
    let error = #expect(throws: DataOrderError.self) {
      try DataOrder(kind: .evaluation, sampleCount: 50, batchSize: 10, shardCount: 4)
    }
    #expect(
      error?.description
        == "a batch of 10 cannot be cut into 4 equal shards; make the batch a multiple of 4, such as 12")
  }

  @Test(arguments: [
    (8, 3, [0..<3, 3..<6, 6..<8]), (8, 1, [0..<8]), (8, 4, [0..<2, 2..<4, 4..<6, 6..<8]),
    (7, 5, [0..<2, 2..<4, 4..<5, 5..<6, 6..<7]), (2, 3, [0..<1, 1..<2, 2..<2]),
  ])
  func ranksHoldContiguousShards(shardCount: Int, rankCount: Int, expected: [Range<Int>]) {
    #expect((0..<rankCount).map { shards(of: $0, rankCount: rankCount, shardCount: shardCount) } == expected)
  }
}
