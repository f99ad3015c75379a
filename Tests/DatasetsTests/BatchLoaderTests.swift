import Datasets
import ModelGraph
import Synchronization
import Testing
import Units

/// Sample s is the two floats 10 s and 10 s + 1 with label −s; throws when asked for `poison`.
private final class Counting: SampleSource {
  struct Poisoned: Error, Equatable { let sample: UInt32 }
  let count: Int
  let fields = [SampleField("input", [2]), SampleField("labels", [], .int32)]
  let poison: UInt32?
  let loads = Atomic(0)

  init(count: Int, poison: UInt32? = nil) {
    self.count = count
    self.poison = poison
  }

  func load(_ samples: Span<UInt32>, epoch: Int, into buffer: SampleBuffer) throws {
    loads.add(1, ordering: .relaxed)
    for place in samples.indices {
      let sample = samples[place]
      if sample == poison { throw Poisoned(sample: sample) }
      buffer.withFloats(0, place..<place + 1) { input in
        input[0] = Float(sample) * 10
        input[1] = Float(sample) * 10 + 1
      }
      buffer.withIntegers(1, place..<place + 1) { $0[0] = -Int32(sample) }
    }
  }
}

@Suite(.timeLimit(.minutes(1))) struct BatchLoaderTests {
  /// Everything a loader gives until its end.
  private func drain(_ loader: BatchLoader) throws -> [(step: LoadedStep, images: [Double], labels: [Double])] {
    var all: [(step: LoadedStep, images: [Double], labels: [Double])] = []
    while let next = try loader.withNext({ step, buffer in
      (step, buffer.values(0), buffer.values(1))
    }) { all.append(next) }
    return all
  }

  @Test(arguments: [1, 2, 5]) func givesEachStepsShardsAcrossEpochs(depth: Int) throws {
    let order = try DataOrder(kind: .training(seed: 3), sampleCount: 26, batchSize: 12, shardCount: 4)
    let loader = try BatchLoader(source: Counting(count: 26), order: order, shards: 1..<3, to: 5, depth: depth)
    let given = try drain(loader)
    #expect(given.map(\.step.epoch) == [0, 0, 1, 1, 2])
    #expect(given.map(\.step.step) == [0, 1, 0, 1, 0])
    for (globalStep, batch) in given.enumerated() {
      let samples = order.samples(epoch: globalStep / 2)[(globalStep % 2) * 12 + 3..<(globalStep % 2) * 12 + 9]
      #expect(batch.step.globalStep == globalStep)
      #expect(batch.step.validCount == 6)
      #expect(batch.step.waited >= Seconds(0))
      #expect(batch.labels == samples.map { -Double($0) })
      let images: [Double] = samples.flatMap { (sample: UInt32) -> [Double] in
        [Double(sample) * 10, Double(sample) * 10 + 1]
      }
      #expect(batch.images == images)
    }
    let step = given[0].step
    #expect(step.places(ofShard: 2) == 3..<6)
  }

  @Test func startsAnywhereWithWhatTheRunWouldHaveHad() throws {
    let order = try DataOrder(kind: .training(seed: 3), sampleCount: 26, batchSize: 12, shardCount: 4)
    let source = Counting(count: 26)
    let whole = try drain(try BatchLoader(source: source, order: order, shards: 0..<4, to: 7))
    let resumed = try drain(try BatchLoader(source: source, order: order, shards: 0..<4, from: 3, to: 7))
    #expect(resumed.map(\.labels) == whole.dropFirst(3).map(\.labels))
    #expect(resumed.map(\.step.globalStep) == [3, 4, 5, 6])
  }

  @Test func evaluationPadsTheLastBatchWithZeros() throws {
    let order = try DataOrder(kind: .evaluation, sampleCount: 17, batchSize: 12, shardCount: 4)
    let loader = try BatchLoader(source: Counting(count: 17), order: order, shards: 1..<3, to: 2, depth: 1)
    let given = try drain(loader)
    #expect(given[0].labels == [-3, -4, -5, -6, -7, -8] && given[0].step.validCount == 6)
    #expect(given[1].labels == [-15, -16, 0, 0, 0, 0])
    #expect(given[1].images == [150, 151, 160, 161, 0, 0, 0, 0, 0, 0, 0, 0])
    #expect(given[1].step.validCount == 2)
    #expect([1, 2].map { given[1].step.validCount(ofShard: $0) } == [2, 0])
  }

  @Test func errorOfTheThreadReachesTheConsumerAfterWhatWasWhole() throws {
    let order = try DataOrder(kind: .evaluation, sampleCount: 20, batchSize: 4, shardCount: 2)
    let loader = try BatchLoader(source: Counting(count: 20, poison: 13), order: order, shards: 0..<2)
    for expected in 0..<3 { #expect(try loader.withNext { step, _ in step.step } == expected) }
    for _ in 0..<2 {
      #expect(throws: Counting.Poisoned(sample: 13)) { try loader.withNext { _, _ in } }
    }
  }

  @Test func errorOfTheBodyReleasesItsBuffer() throws {
    struct Stop: Error {}
    let order = try DataOrder(kind: .evaluation, sampleCount: 20, batchSize: 4, shardCount: 2)
    let loader = try BatchLoader(source: Counting(count: 20), order: order, shards: 0..<2, to: 4, depth: 1)
    for _ in 0..<4 { #expect(throws: Stop.self) { try loader.withNext { _, _ in throw Stop() } } }
    #expect(try loader.withNext { _, _ in } == nil)
  }

  @Test func closingEndsAThreadThatWaitsForRoomAndTheNextCallSaysSo() throws {
    let order = try DataOrder(kind: .training(seed: 1), sampleCount: 20, batchSize: 4, shardCount: 2)
    let loader = try BatchLoader(source: Counting(count: 20), order: order, shards: 0..<2)
    _ = try loader.withNext { _, _ in }
    loader.close()
    loader.close()
    let error = #expect(throws: BatchLoaderError.self) { try loader.withNext { _, _ in } }
    #expect(error?.code == .closed)
  }

  @Test func releasingTheLoaderJoinsItsThreadAndFreesItsSource() throws {
    let order = try DataOrder(kind: .training(seed: 1), sampleCount: 20, batchSize: 4, shardCount: 2)
    for steps in 0..<50 {
      weak var source: Counting?
      do {
        let counting = Counting(count: 20)
        source = counting
        let loader = try BatchLoader(source: counting, order: order, shards: 0..<2)
        for _ in 0..<steps % 4 { _ = try loader.withNext { _, _ in } }
      }
      #expect(source == nil)
    }
  }

  @Test func loadsNoFurtherAheadThanItsDepth() throws {
    let order = try DataOrder(kind: .training(seed: 1), sampleCount: 20, batchSize: 4, shardCount: 2)
    let source = Counting(count: 20)
    let loader = try BatchLoader(source: source, order: order, shards: 0..<2, depth: 2)
    for step in 0..<200 {
      try loader.withNext { _, _ in #expect(source.loads.load(ordering: .relaxed) <= step + 2) }
    }
  }

  @Test func rankWithoutShardsGetsEmptySteps() throws {
    let order = try DataOrder(kind: .training(seed: 1), sampleCount: 20, batchSize: 4, shardCount: 2)
    let given = try drain(try BatchLoader(source: Counting(count: 20), order: order, shards: 2..<2, to: 3))
    #expect(given.map(\.images) == [[], [], []])
    #expect(given.map(\.labels) == [[], [], []])
  }
}
