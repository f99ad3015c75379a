import Datasets
import TestSupport
import Testing

@Suite struct ImageDatasetTests {
  private static func read(_ images: TemporaryFile, _ labels: TemporaryFile, classCount: Int) throws -> ImageDataset {
    try withExtendedLifetime((images, labels)) {
      try ImageDataset(idxImages: images.path, idxLabels: labels.path, classNames: names(classCount))
    }
  }

  @Test func readsImagesWithTheirLabels() throws {
    let pixels = noise(3 * 2 * 5)
    let images = try TemporaryFile(try gzip(idx([3, 2, 5], pixels)))
    let labels = try TemporaryFile(idx([3], [4, 0, 2]))
    let dataset = try Self.read(images, labels, classCount: 5)
    #expect(dataset.count == 3 && dataset.sampleShape == [1, 2, 5] && dataset.sampleElementCount == 10)
    #expect(dataset.pixels == pixels && dataset.labels == [4, 0, 2])
  }

  @Test func namesTheFirstLabelOutsideTheClasses() throws {
    let images = try TemporaryFile(idx([3, 2, 5], noise(30)))
    let labels = try TemporaryFile(idx([3], [3, 9, 4]))
    let error = #expect(throws: DatasetError.self) {
      try Self.read(images, labels, classCount: 4)
    }
    #expect(error?.code == .labelOutsideClasses)
    #expect(
      error?.description == "\(labels.path): sample 1 has label 9, but 4 classes have labels 0 to 3; "
        + "correct the label, or give the model 10 classes or more")
  }

  @Test func refusesImagesAndLabelsOfDifferentCounts() throws {
    let images = try TemporaryFile(idx([3, 2, 5], noise(30)))
    let labels = try TemporaryFile(idx([4], [3, 1, 0, 2]))
    let error = #expect(throws: DatasetError.self) {
      try Self.read(images, labels, classCount: 4)
    }
    #expect(error?.code == .countMismatch)
    #expect(error?.problem == "3 images, but 4 labels in \(labels.path)")
  }

  @Test func refusesNoSamples() {
    let error = #expect(throws: DatasetError.self) {
      try ImageDataset(pixels: [], labels: [], sampleShape: [1, 2, 3], classNames: names(4))
    }
    #expect(error?.code == .emptyData)
  }
}

@Suite struct NormalisationTests {
  /// Two samples of two channels of 1 × 2: channel 0 has 0, 51, 102, 255 (of 255: 0, 0.2, 0.4, 1: mean 0.4, variance
  /// 0.14), channel 1 has 51, 51, 51, 153 (mean 0.3, variance 0.03).
  static let pixels: [UInt8] = [0, 51, 51, 51, 102, 255, 51, 153]

  @Test func measuresEachChannelOverAllSamples() throws {
    let dataset = try ImageDataset(pixels: Self.pixels, labels: [0, 1], sampleShape: [2, 1, 2], classNames: names(2))
    let normalisation = try Normalisation(of: dataset, samples: Array(0..<UInt32(dataset.count)))
    expectClose(normalisation.means, [0.4, 0.3], relative: 1e-15)
    expectClose(normalisation.deviations, [0.3741657386773941, 0.17320508075688773], relative: 1e-15)
  }

  @Test func refusesAConstantChannel() throws {
    let dataset = try ImageDataset(
      pixels: [0, 7, 9, 7], labels: [0, 1], sampleShape: [2, 1, 1], classNames: names(2))
    let error = #expect(throws: DatasetError.self) {
      try Normalisation(of: dataset, samples: Array(0..<UInt32(dataset.count)))
    }
    #expect(error?.code == .constantPixels && error?.problem == "every pixel of channel 1 is 7")
  }

  @Test func loadsNormalisedSamplesInTheOrderAskedFor() throws {
    let dataset = try ImageDataset(pixels: Self.pixels, labels: [3, 1], sampleShape: [2, 1, 2], classNames: names(4))
    let source = ImageSource(dataset, Normalisation(means: [0.4, 0.3], deviations: [0.5, 0.25]))
    let buffer = try source.samples([1, 0, 1])
    let first = [-0.8, -0.4, -0.4, -0.4]
    let second = [0, 1.2, -0.4, 1.2]
    expectClose(buffer.values(0), second + first + second, relative: 1e-6, absolute: 1e-7)
    #expect(buffer.values(1) == [1, 3, 1])
  }
}

/// Debian's package dataset-fashion-mnist, which scripts/setup installs.
@Suite struct FashionMNISTTests {
  @Test(arguments: [("train", 60_000), ("t10k", 10_000)])
  func hasThePublishedCountsAndMoments(split: String, count: Int) throws {
    let folder = "/usr/share/datasets/fashion-mnist"
    let dataset = try ImageDataset(
      idxImages: "\(folder)/\(split)-images-idx3-ubyte.gz", idxLabels: "\(folder)/\(split)-labels-idx1-ubyte.gz",
      classNames: names(10))
    #expect(dataset.count == count && dataset.sampleShape == [1, 28, 28])
    var perClass = [Int](repeating: 0, count: 10)
    for label in dataset.labels { perClass[Int(label)] += 1 }
    #expect(perClass == [Int](repeating: count / 10, count: 10))
    guard split == "train" else { return }
    let normalisation = try Normalisation(of: dataset, samples: Array(0..<UInt32(dataset.count)))
    expectClose(normalisation.means, [0.2860], relative: 0, absolute: 5e-5)
    expectClose(normalisation.deviations, [0.3530], relative: 0, absolute: 5e-5)
  }
}

private func names(_ count: Int) -> [String] { (0..<count).map(String.init) }
