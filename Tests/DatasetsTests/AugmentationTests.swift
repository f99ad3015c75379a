import Datasets
import Testing

@Suite struct AugmentationTests {
  /// 40 samples of 1 × 3 × 5, pixel p of sample s is s + 10 p + 1; black is 0.
  private static func dataset() throws -> ImageDataset {
    let pixels = (0..<40).flatMap { sample in (0..<15).map { UInt8(sample + 10 * $0 + 1) } }
    return try ImageDataset(
      pixels: pixels, labels: [Int32](repeating: 0, count: 40), sampleShape: [1, 3, 5], classNames: ["a", "b"])
  }

  private static func images(
    _ augmentation: Augmentation?, seed: UInt64 = 7, epoch: Int = 0, _ samples: [UInt32] = Array(0..<40)
  ) throws -> [[Int]] {
    // (pixel / 255 − 0) / (1 / 255): the pixels themselves.
    let source = ImageSource(
      try dataset(), Normalisation(means: [0], deviations: [1 / 255.0]),
      augmentation: augmentation.map { SeededAugmentation($0, seed: seed) })
    let values = try source.samples(samples, epoch: epoch).values(0).map { Int($0.rounded()) }
    return samples.indices.map { Array(values[$0 * 15..<($0 + 1) * 15]) }
  }

  /// The image moved by rows and columns, then mirrored: the plain way.
  private static func moved(_ image: [Int], _ rows: Int, _ columns: Int, mirrored: Bool) -> [Int] {
    (0..<15).map { place in
      let (y, x) = (place / 5, mirrored ? 4 - place % 5 : place % 5)
      let (fromY, fromX) = (y + rows, x + columns)
      return (0..<3).contains(fromY) && (0..<5).contains(fromX) ? image[fromY * 5 + fromX] : 0
    }
  }

  @Test func halfOfTheImagesAreMirrored() throws {
    let plain = try Self.images(nil)
    let flipped = try Self.images(Augmentation(flip: 0.5))
    var count = 0
    for (image, other) in zip(plain, flipped) where other != image {
      #expect(other == Self.moved(image, 0, 0, mirrored: true))
      count += 1
    }
    #expect((10...30).contains(count))
    #expect(try Self.images(Augmentation(flip: 1)) == plain.map { Self.moved($0, 0, 0, mirrored: true) })
    #expect(try Self.images(Augmentation(flip: 0)) == plain)
  }

  @Test(arguments: [
    (Augmentation(flip: 0.5, cropPadding: 2), 2), (Augmentation(shift: 1), 1),
    (Augmentation(flip: 0.5, cropPadding: 1, shift: 2), 3),
  ])
  func everyImageIsMovedWithinReachAndEveryMoveOccurs(augmentation: Augmentation, reach: Int) throws {
    let plain = try Self.images(nil)
    var moves: Set<[Int]> = []
    for epoch in 0..<30 {
      for (image, other) in zip(plain, try Self.images(augmentation, epoch: epoch)) {
        let found = (-reach...reach).flatMap { rows in (-reach...reach).map { [rows, $0] } }.first { move in
          [false, true].contains { other == Self.moved(image, move[0], move[1], mirrored: $0) }
        }
        moves.insert(try #require(found))
      }
    }
    // What is moved out of sight altogether looks alike: count the visible moves.
    let visible = (2 * min(reach, 2) + 1) * (2 * min(reach, 4) + 1)
    #expect(moves.count >= visible)
  }

  @Test func drawsDependOnSeedEpochAndSampleAlone() throws {
    let augmentation = Augmentation(flip: 0.5, cropPadding: 2, shift: 1)
    let all = try Self.images(augmentation, epoch: 3)
    #expect(try Self.images(augmentation, epoch: 3, [31, 4, 17]) == [all[31], all[4], all[17]])
    #expect(try Self.images(augmentation, epoch: 4) != all)
    #expect(try Self.images(augmentation, seed: 8, epoch: 3) != all)
  }
}
