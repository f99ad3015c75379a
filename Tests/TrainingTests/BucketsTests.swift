import TestSupport
import Testing
import Training
import Units

@Suite("Buckets of gradients")
struct BucketsTests {
  /// Gradients of these sizes in floats, one behind the other, written by these steps.
  private func buckets(_ sizes: [Int], steps: [Int?], end: Int? = nil, bytes: Int) -> Buckets {
    var start = 0
    var gradients: [Buckets.Gradient] = []
    for (size, step) in zip(sizes, steps) {
      gradients.append(Buckets.Gradient(start: start, step: step))
      start += size
    }
    return Buckets(gradients, end: end ?? start, byteCount: Bytes(bytes))
  }

  @Test("Each ends where it is nearest to the size; together they are the whole slot, with what lies behind")
  func cut() {
    let buckets = buckets([100, 20, 300, 10, 40, 70], steps: [3, 4, 7, 8, 9, 12], end: 556, bytes: 480)
    // 120 is nearest to 120 floats; 300 alone is nearer than 310; 10 + 40 + 86 is nearer than 50.
    #expect(buckets.ranges == [0..<120, 120..<420, 420..<556])
    #expect(buckets.readySteps == [4, 7, 12])
  }

  @Test("A bucket is ready no earlier than those before it, whatever the order in which its gradients are written")
  func ready() {
    let buckets = buckets([50, 50, 50, 50], steps: [9, 5, nil, 6], bytes: 200)
    #expect(buckets.ranges == [0..<50, 50..<100, 100..<150, 150..<200])
    #expect(buckets.readySteps == [9, 9, 9, 9])
  }

  @Test("One bucket for a size that nothing reaches, one a gradient for the smallest")
  func extremes() {
    #expect(buckets([7, 8, 9], steps: [1, 2, 3], bytes: 1 << 30).ranges == [0..<24])
    #expect(buckets([7, 8, 9], steps: [1, 2, 3], bytes: 4).ranges == [0..<7, 7..<15, 15..<24])
    #expect(buckets([], steps: [], end: 16, bytes: 100).ranges == [0..<16])
  }

  /// Eight gradients of 1 MB, each there 10 ms after the one before it, behind a forward of four steps.
  func choice(fixed: Double, perMegabyte: Double) -> BucketChoice {
    let gradients = (0..<8).map { Buckets.Gradient(start: 250_000 * $0, step: 4 + $0) }
    return BucketChoice(
      gradients, end: 2_000_016, stepTimes: Array(repeating: Seconds(0.01), count: 12), lossStep: 3
    ) { Seconds(fixed + perMegabyte * Double($0.count) / 1e6) }
  }

  @Test("Behind a link with no latency a gradient a bucket is best: only the last one's time is exposed")
  func smallest() {
    let choice = choice(fixed: 0, perMegabyte: 0.005)
    // 80 ms of backward, and the last gradient's 5 ms.
    expectClose(choice.candidates[0].seconds.count, 0.085, relative: 1e-4)
    #expect(choice.chosen == Bytes(1_000_000))
    // One bucket for all: 80 and 40 ms.
    expectClose(choice.candidates[7].seconds.count, 0.12, relative: 1e-4)
  }

  @Test(
    "Latency asks for larger buckets, up to one for all",
    arguments: [(0.004, 1_000_000), (0.02, 4_000_000), (0.5, 25_000_000)])
  func latency(fixed: Double, bucket: Int) {
    #expect(choice(fixed: fixed, perMegabyte: 0.005).chosen == Bytes(bucket))
  }
}
