/// The binary version of Krizhevsky's CIFAR-10 and CIFAR-100: records of label bytes and 3 × 32 × 32 pixels, the red
/// plane first.
///
/// Source: www.cs.toronto.edu/~kriz/cifar.html, "Binary version".
package enum CIFAR: Hashable, Sendable {
  case ten
  /// With its 100 fine labels, or the 20 coarse ones that group them.
  case hundred(Labels)

  package enum Labels: String, Hashable, Codable, Sendable, CaseIterable { case fine, coarse }

  package static let sampleShape = [3, 32, 32]
  private static let pixelCount = 3 * 32 * 32

  /// The files in the folder that the archive unpacks to.
  package var trainingFiles: [String] {
    switch self {
    case .ten: (1...5).map { "data_batch_\($0).bin" }
    case .hundred: ["train.bin"]
    }
  }

  package var testFiles: [String] {
    switch self {
    case .ten: ["test_batch.bin"]
    case .hundred: ["test.bin"]
    }
  }

  private var namesFile: String {
    switch self {
    case .ten: "batches.meta.txt"
    case .hundred(.fine): "fine_label_names.txt"
    case .hundred(.coarse): "coarse_label_names.txt"
    }
  }

  private var classCount: Int {
    switch self {
    case .ten: 10
    case .hundred(.fine): 100
    case .hundred(.coarse): 20
    }
  }

  private var labelCount: Int { self == .ten ? 1 : 2 }

  /// Which of a record's label bytes counts.
  private var labelPlace: Int { self == .hundred(.fine) ? 1 : 0 }

  /// Reads files of `folder`, plain or gzip.
  /// - Parameter namesFolder: where the names of the classes are; nil for the same folder.
  /// - Throws: `DatasetError` with the byte.
  package func read(
    _ files: [String], in folder: String, namesFolder: String? = nil
  ) throws(DatasetError) -> ImageDataset {
    var pixels: [UInt8] = []
    var labels: [Int32] = []
    let size = labelCount + Self.pixelCount
    for name in files {
      let path = folder + "/" + name
      var file = try InflatingFile(path: path)
      var record: [UInt8] = []
      var offset = 0
      while true {
        record.removeAll(keepingCapacity: true)
        try file.append(size, to: &record)
        if record.isEmpty { break }
        guard record.count == size else {
          throw DatasetError(
            .truncatedData, path: path, offset: offset + record.count,
            "a record is \(size) bytes (\(labelCount == 1 ? "label" : "two labels") and pixels), the last has "
              + "\(record.count)",
            remedy: "fetch the file again, in its binary version")
        }
        let label = record[labelPlace]
        guard label < classCount else {
          throw DatasetError(
            .labelOutsideClasses, path: path, offset: offset + labelPlace,
            "the label is \(label), and there are \(classCount) classes",
            remedy: "check that the file is of CIFAR-\(self == .ten ? "10" : "100") in its binary version")
        }
        labels.append(Int32(label))
        pixels.append(contentsOf: record[labelCount...])
        offset += size
      }
      guard offset > 0 else {
        throw DatasetError(.emptyData, path: path, "the file is empty", remedy: "fetch it again")
      }
    }
    return try ImageDataset(
      pixels: pixels, labels: labels, sampleShape: Self.sampleShape, classNames: names(in: namesFolder ?? folder),
      imagesPath: folder,
      labelsPath: folder)
  }

  /// The names beside the data; numbers where that file is not there.
  private func names(in folder: String) throws(DatasetError) -> [String] {
    let path = folder + "/" + namesFile
    do throws(DatasetError) {
      let names = try TextFile(path: path).text.split(whereSeparator: \.isNewline).map { String($0).trimmed }
        .filter { !$0.isEmpty }
      guard names.count == classCount else {
        throw DatasetError(
          .countMismatch, path: path, "\(names.count) names of \(classCount) classes", remedy: "fetch the file again")
      }
      return names
    } catch  where error.code == .missingFile {
      return (0..<classCount).map(String.init)
    }
  }
}
