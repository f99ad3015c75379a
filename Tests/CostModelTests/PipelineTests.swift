import CostModel
import TestSupport
import Testing
import Units

@Suite("A pipeline's time") struct PipelineTests {
  let stage = Seconds(milliseconds: 30)

  @Test("of one stage is the micro-batches'")
  func oneStage() {
    let time = PipelineTime(stage: stage, transfer: Seconds(7), stages: 1, microBatches: 11)
    #expect(time.bubble == .zero && time.transfers == .zero)
    expectClose([time.total.count], [0.33], relative: 1e-15)
  }

  @Test("has a bubble of (p − 1)/m, and (p − 1)/(v·m) interleaved", arguments: [(1, 3.0), (2, 1.5), (4, 0.75)])
  func bubble(v: Int, stages: Double) {
    let time = PipelineTime(stage: stage, stages: 4, virtualStages: v, microBatches: 8)
    expectClose([time.bubble.count], [0.03 * stages], relative: 1e-14)
    expectClose([time.bubble / time.work], [3 / (Double(v) * 8)], relative: 1e-14)
  }

  @Test("loses its bubble with many micro-batches")
  func manyMicroBatches() {
    let time = PipelineTime(stage: stage, stages: 16, microBatches: 1_500_000)
    #expect(time.bubble / time.work <= 1.0001e-5)
  }

  @Test("of an interleaved schedule waits where micro-batches are no multiple of the stages")
  func remainder() {
    let time = PipelineTime(stage: stage, stages: 4, virtualStages: 3, microBatches: 6)
    expectClose([time.bubble.count], [0.03 * (3 + 2 * 2) / 3], relative: 1e-14)
  }

  @Test("crosses v·p − 1 boundaries there and back, exposed")
  func transfers() {
    let time = PipelineTime(
      stage: stage, transfer: Seconds(milliseconds: 2), stages: 4, virtualStages: 3, microBatches: 8)
    expectClose([time.transfers.count], [0.002 * 22], relative: 1e-14)
  }

  @Test("of unequal stages is their sum and the slowest again for the other micro-batches")
  func unbalanced() {
    let stages = [3.0, 7, 4].map { Seconds($0) }
    let time = PipelineTime.unbalanced(stages: stages, transfers: [Seconds(0.5), Seconds(0.25)], microBatches: 5)
    #expect(time.total == Seconds(14 + 4 * 7 + 1.5))
    let equal = PipelineTime.unbalanced(stages: [stage, stage, stage], microBatches: 9)
    expectClose(
      [equal.total.count], [PipelineTime(stage: stage, stages: 3, microBatches: 9).total.count], relative: 1e-14)
  }
}

@Suite("Buckets of gradients") struct BucketTimelineTests {
  /// 10 ms and 30 MB a layer, but for the last: 5 MB.
  private let layers = [30.0, 30, 30, 5].map { (time: Seconds(milliseconds: 10), gradient: Bytes(megabytes: $0)) }
  private func timeline(
    _ bucket: Double, bandwidth: Double, slowdown: Double = 1, latency: Double = 0
  ) -> BucketTimeline {
    BucketTimeline(layers: layers, bucketBytes: Bytes(megabytes: bucket), slowdown: slowdown) {
      Seconds(latency + Double($0.count) / bandwidth)
    }
  }

  @Test("leave one after the other as they are ready")
  func order() {
    // 30 MB take 6 ms: each is done before the next is ready; the last 5 MB take 1 ms after backward.
    let timeline = timeline(25, bandwidth: 5e9)
    expectClose(timeline.buckets.map(\.start.count), [0.010, 0.020, 0.030, 0.040], relative: 1e-12)
    expectClose([timeline.backward.count, timeline.exposed.count], [0.040, 0.001], relative: 1e-12)
    expectClose([timeline.hiddenShare], [18.0 / 19], relative: 1e-12)
  }

  @Test("wait for each other on a slow link")
  func slowLink() {
    // 30 MB take 30 ms: 10 → 40 → 70 → 100, and 5 ms for the last.
    let timeline = timeline(25, bandwidth: 1e9)
    expectClose([timeline.exposed.count], [0.065], relative: 1e-12)
  }

  @Test("fill up over layers, and the rest goes last")
  func filling() {
    let timeline = timeline(50, bandwidth: 5e9)
    #expect(timeline.buckets.map(\.bytes) == [Bytes(megabytes: 60), Bytes(megabytes: 35)])
  }

  @Test("slow the layers down that run beside them")
  func contention() {
    // The first bucket (10 → 16 ms) slows the second layer: 6 ms of it do the work of 4, so it ends at 16 + 6 = 22.
    let timeline = timeline(25, bandwidth: 5e9, slowdown: 1.5)
    expectClose([timeline.buckets[1].ready.count], [0.022], relative: 1e-12)
    #expect(timeline.backward > Seconds(milliseconds: 40))
  }

  @Test("of nothing expose nothing")
  func nothing() {
    let timeline = BucketTimeline(layers: [(Seconds(1), .zero)], bucketBytes: Bytes(1)) { _ in Seconds(1) }
    #expect(timeline.buckets.isEmpty && timeline.exposed == .zero && timeline.hiddenShare == 1)
  }

  @Test(
    "expose what the closed form says where layers are alike and nothing slows them down",
    arguments: [5.0, 40, 80, 95, 160, 400])
  func closedForm(reduction: Double) {
    // Eight layers of 10 ms and 25 MB, each a bucket, that takes an eighth of `reduction` ms.
    let layers = Array(repeating: (time: Seconds(milliseconds: 10), gradient: Bytes(megabytes: 25)), count: 8)
    let timeline = BucketTimeline(layers: layers, bucketBytes: Bytes(megabytes: 25)) { _ in
      Seconds(milliseconds: reduction / 8)
    }
    let exposed = BucketTimeline.exposed(reduction * 1e-3, beside: 0.08, buckets: 8, contention: 0)
    expectClose([exposed], [timeline.exposed.count], relative: 1e-12)
    // Where nothing is hidden it is the sum, and in between what backward slows down.
    expectClose(
      [BucketTimeline.exposed(reduction * 1e-3, beside: 0.08, buckets: 8, contention: 1)], [reduction * 1e-3],
      relative: 1e-12)
  }

  @Test("slow backward down in the closed form as in the timeline, where the link is not always busy")
  func closedFormOfContention() {
    let layers = Array(repeating: (time: Seconds(milliseconds: 10), gradient: Bytes(megabytes: 25)), count: 8)
    // κ = 1.25 is a share of 0.2: each of the first seven buckets of 6 ms costs backward 1.2 ms, the last is seen whole.
    let timeline = BucketTimeline(layers: layers, bucketBytes: Bytes(megabytes: 25), slowdown: 1.25) { _ in
      Seconds(milliseconds: 6)
    }
    let exposed = BucketTimeline.exposed(0.048, beside: 0.08, buckets: 8, contention: 0.2)
    expectClose([exposed], [timeline.total.count - 0.08], relative: 1e-12)
    expectClose([exposed], [0.0144], relative: 1e-12)
  }
}

@Suite("Bytes that a rank sends") struct CommunicationVolumeTests {
  private func volume(
    _ layout: ParallelLayout, _ model: TransformerDimensions = Known.gpt22B
  ) -> CommunicationVolume {
    CommunicationVolume(model, parameters: model.parameters(ofStage: 0, layout), layout: layout, globalBatch: 48)
  }

  @Test("are none for one rank")
  func alone() { #expect(volume(ParallelLayout(microBatch: 3)).total == 0) }

  @Test("of replicas are twice the gradients but a rank's own share, three times under ZeRO-3", arguments: 0...3)
  func data(stage: Int) {
    let layout = ParallelLayout(data: 6, zeroStage: stage)
    let bytes = 2 * Known.gpt22B.parameterCount * 5 / 6
    expectClose([volume(layout).data], [bytes * (stage == 3 ? 3 : 2)], relative: 1e-14)
    #expect(volume(layout).total == volume(layout).data)
  }

  @Test("of shared layers are four all-reduces a layer and micro-batch, six if recomputed")
  func tensor() {
    var layout = ParallelLayout(tensor: 4, data: 2, microBatch: 3)
    let x = 2.0 * 3 * 2048 * 6144
    expectClose([volume(layout).tensor], [8 * 48 * 4 * 2 * x * 3 / 4], relative: 1e-14)
    layout.recomputation = .full
    expectClose([volume(layout).tensor], [8 * 48 * 6 * 2 * x * 3 / 4], relative: 1e-14)
  }

  @Test("of shared sequences are keys and values round the ring, forward and twice backward")
  func context() {
    let layout = ParallelLayout(context: 4, microBatch: 2)
    let x = 2.0 * 2 * 4096 / 4 * 8192
    expectClose([volume(layout, Known.llama70B).context], [24 * 80 * 3 * 2 * x / 8 * 3], relative: 1e-14)
  }

  @Test("of stages cross v boundaries each way")
  func pipeline() {
    let layout = ParallelLayout(tensor: 2, pipeline: 4, virtualStages: 3)
    expectClose([volume(layout).pipeline], [48 * 2 * 2 * 2048.0 * 6144 * 3 / 2], relative: 1e-14)
  }

  @Test("of experts are four all-to-alls of the k rows of each token")
  func experts() {
    let layout = ParallelLayout(data: 8, expert: 8, microBatch: 2)
    let x = 2.0 * 2 * 4096 * 4096
    expectClose([volume(layout, Known.mixtral).expert], [3 * 32 * 4 * 2 * x * 7 / 8], relative: 1e-14)
  }
}
