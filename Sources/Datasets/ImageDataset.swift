/// Images of one size with one label each, whole in memory, checked at birth.
package struct ImageDataset: Sendable {
  /// N samples × C channels × H rows × W columns, last fastest.
  package let pixels: [UInt8]
  /// N labels, each less than `classCount`.
  package let labels: [UInt8]
  /// [C, H, W].
  package let sampleShape: [Int]
  package let classCount: Int

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
    pixels: [UInt8], labels: [UInt8], sampleShape: [Int], classCount: Int, imagesPath: String = "images",
    labelsPath: String = "labels"
  ) throws(DatasetError) {
    precondition(sampleShape.count == 3 && sampleShape.allSatisfy { $0 > 0 }, "a sample's shape is [C, H, W]")
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
    if let sample = labels.firstIndex(where: { Int($0) >= classCount }) {
      throw DatasetError(
        .labelOutsideClasses, path: labelsPath,
        "sample \(sample) has label \(labels[sample]), but \(classCount) classes have labels 0 to \(classCount - 1)",
        remedy: "correct the label, or give the model \(Int(labels[sample]) + 1) classes or more")
    }
    self.pixels = pixels
    self.labels = labels
    self.sampleShape = sampleShape
    self.classCount = classCount
  }

  /// Reads grey images (N × H × W) and their labels (N) from two IDX files, plain or gzip.
  ///
  /// - Throws: `DatasetError`.
  package init(idxImages: String, idxLabels: String, classCount: Int) throws(DatasetError) {
    let images = try IDX(path: idxImages, dimensionCount: 3)
    let labels = try IDX(path: idxLabels, dimensionCount: 1)
    try self.init(
      pixels: images.elements, labels: labels.elements, sampleShape: [1] + images.dimensions.dropFirst(),
      classCount: classCount, imagesPath: idxImages, labelsPath: idxLabels)
  }
}
