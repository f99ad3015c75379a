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

  @Test(
    "By default a sixteenth of the gradients, from 1 MB to 25 MB; 25 MB where nothing runs beside them",
    arguments: [(246_824, 1_000_000), (46_758_048, 2_922_378), (102_228_128, 6_389_258), (1_400_000_000, 25_000_000)])
  func size(gradients: Int, bucket: Int) {
    #expect(Buckets.byteCount(gradients: Bytes(gradients), isOverlapped: true) == Bytes(bucket))
    #expect(Buckets.byteCount(gradients: Bytes(gradients), isOverlapped: false) == Bytes(25_000_000))
  }
}
