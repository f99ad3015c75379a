import CostModel
import TestSupport
import Testing
import Units

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
