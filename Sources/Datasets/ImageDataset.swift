import ModelGraph

/// Images of one size with one label each, whole in memory, checked at birth.
package struct ImageDataset: SampleCollection {
  /// N samples × C channels × H rows × W columns, last fastest.
  package let pixels: [UInt8]
  /// N labels, each less than the number of classes; −1 where they are to be predicted.
  package let labels: [Int32]
  /// [C, H, W].
  package let sampleShape: [Int]
  package let classNames: [String]
  private let imagesPath: String

  package var count: Int { labels.count }
  package var sampleElementCount: Int { sampleShape.reduce(1, *) }

  /// - Parameters:
  ///   - pixels: N × C × H × W values.
  ///   - labels: N values; N may not be 0.
  ///   - sampleShape: [C, H, W], each at least 1.
  ///   - imagesPath: file the pixels are from, for messages.
  ///   - labelsPath: file the labels are from, for messages.
  /// - Throws: `DatasetError` with code `.emptyData`, `.countMismatch` or `.labelOutsideClasses` (the first sample that
  ///   has such a label).
  package init(
    pixels: [UInt8], labels: [Int32], sampleShape: [Int], classNames: [String], imagesPath: String = "images",
    labelsPath: String = "labels"
  ) throws(DatasetError) {
    precondition(sampleShape.count == 3 && sampleShape.allSatisfy { $0 > 0 }, "a sample's shape is [C, H, W]")
    let classCount = classNames.count
    precondition(classCount > 0, "there is at least one class")
    guard !labels.isEmpty, !pixels.isEmpty else {
      let path = labels.isEmpty ? labelsPath : imagesPath
      throw DatasetError(.emptyData, path: path, "there is no sample", remedy: "give a file with at least one sample")
    }
    let imageCount = pixels.count / sampleShape.reduce(1, *)
    guard pixels.count == labels.count * sampleShape.reduce(1, *) else {
      throw DatasetError(
        .countMismatch, path: imagesPath,
        "\(imageCount) images, but \(labels.count) labels in \(labelsPath)",
        remedy: "give the images and labels of the same split")
    }
    if let sample = labels.firstIndex(where: { Int($0) >= classCount || $0 < 0 }) {
      throw DatasetError(
        .labelOutsideClasses, path: labelsPath,
        "sample \(sample) has label \(labels[sample]), but \(classCount) classes have labels 0 to \(classCount - 1)",
        remedy: "correct the label, or give the model \(Int(labels[sample]) + 1) classes or more")
    }
    self.pixels = pixels
    self.labels = labels
    self.sampleShape = sampleShape
    self.classNames = classNames
    self.imagesPath = imagesPath
  }

  /// Images to be predicted: without classes of their own.
  /// - Parameters as for the others.
  package init(toPredict pixels: [UInt8], sampleShape: [Int], imagesPath: String) throws(DatasetError) {
    precondition(sampleShape.count == 3 && sampleShape.allSatisfy { $0 > 0 }, "a sample's shape is [C, H, W]")
    guard !pixels.isEmpty else {
      throw DatasetError(.emptyData, path: imagesPath, "there is no sample", remedy: "give at least one image")
    }
    self.pixels = pixels
    labels = Array(repeating: -1, count: pixels.count / sampleShape.reduce(1, *))
    self.sampleShape = sampleShape
    classNames = []
    self.imagesPath = imagesPath
  }

  /// Reads grey images (N × H × W) from an IDX file, plain or gzip, to be predicted.
  /// - Throws: `DatasetError`.
  package init(toPredict idxImages: String) throws(DatasetError) {
    let images = try IDX(path: idxImages, dimensionCount: 3)
    try self.init(
      toPredict: images.elements, sampleShape: [1] + images.dimensions.dropFirst(), imagesPath: idxImages)
  }

  /// Reads grey images (N × H × W) and their labels (N) from two IDX files, plain or gzip.
  ///
  /// - Throws: `DatasetError`.
  package init(idxImages: String, idxLabels: String, classNames: [String]) throws(DatasetError) {
    let images = try IDX(path: idxImages, dimensionCount: 3)
    let labels = try IDX(path: idxLabels, dimensionCount: 1)
    try self.init(
      pixels: images.elements, labels: labels.elements.map(Int32.init),
      sampleShape: [1] + images.dimensions.dropFirst(),
      classNames: classNames, imagesPath: idxImages, labelsPath: idxLabels)
  }
}

extension ImageDataset {
  package var timeGap: Int? { nil }

  package var fingerprint: UInt64 {
    var fingerprint = DataFingerprint()
    for size in sampleShape { fingerprint.add(UInt64(size)) }
    fingerprint.add(labels)
    fingerprint.add(pixels)
    return fingerprint.value
  }

  package func encoding(of samples: [UInt32], normalises: Bool) throws(DatasetError) -> DataEncoding {
    .images(
      ImageEncoding(
        normalisation: normalises
          ? try Normalisation(of: self, samples: samples) : .identity(channels: sampleShape[0]),
        sampleShape: sampleShape, classNames: classNames))
  }

  /// - Throws: `DatasetError` with code `.otherEncoding` or, for images of another size, `.otherSize`.
  package func source(
    _ encoding: DataEncoding, augmentation: SeededAugmentation?
  ) throws(DatasetError) -> any SampleSource {
    guard case .images(let images) = encoding, classNames.isEmpty || images.classNames == classNames
    else {
      throw DatasetError.otherEncoding(path: imagesPath)
    }
    guard images.sampleShape == sampleShape else {
      throw DatasetError(
        .otherSize, path: imagesPath,
        "these images are \(Shape(sampleShape)), the training images \(Shape(images.sampleShape))",
        remedy: "give a test set of the same size")
    }
    return ImageSource(self, images.normalisation, augmentation: augmentation)
  }
}

/// What makes numbers of pixels.
package struct ImageEncoding: Hashable, Codable, Sendable {
  package let normalisation: Normalisation
  /// [C, H, W].
  package let sampleShape: [Int]
  package let classNames: [String]
}
