import ImageDecoding

/// What a job says of its folders of images.
package struct ImageFolderSpecification: Hashable, Codable, Sendable {
  /// What becomes of images of another size.
  package enum Resize: String, Hashable, Codable, Sendable, CaseIterable { case bilinear, refuse }

  package var height: Int
  package var width: Int
  /// 1 (grey) or 3.
  package var channels: Int
  package var resize: Resize

  package init(height: Int, width: Int, channels: Int = 3, resize: Resize = .bilinear) {
    precondition(height > 0 && width > 0 && (channels == 1 || channels == 3))
    self.height = height
    self.width = width
    self.channels = channels
    self.resize = resize
  }
}

private let extensions = ["png", "jpg", "jpeg"]

extension ImageFolderSpecification {
  fileprivate var sampleShape: [Int] { [channels, height, width] }
}

extension ImageDataset {
  /// Reads PNG and JPEG files from a folder with a folder for each class. They are decoded and brought to size here,
  /// once, and kept as bytes.
  ///
  /// - Throws: `DatasetError` naming the file.
  package init(folder path: String, _ specification: ImageFolderSpecification) throws(DatasetError) {
    let folder = try FolderOfClasses(path: path, extensions: extensions)
    let pixels = try Self.pixels(of: folder.files.map(\.path), specification)
    try self.init(
      pixels: pixels, labels: folder.files.map(\.label), sampleShape: specification.sampleShape,
      classNames: folder.classNames, imagesPath: path, labelsPath: path)
  }

  /// Reads images to be predicted: one file, or all PNG and JPEG files that lie in a folder, in the order of their names.
  /// - Throws: `DatasetError` naming the file.
  package init(toPredict path: String, _ specification: ImageFolderSpecification) throws(DatasetError) {
    let paths = FolderOfClasses.isFolder(path) ? try FolderOfClasses.files(in: path, extensions: extensions) : [path]
    try self.init(
      toPredict: Self.pixels(of: paths, specification), sampleShape: specification.sampleShape, imagesPath: path)
  }

  /// Decodes images and brings them to size.
  private static func pixels(
    of paths: [String], _ specification: ImageFolderSpecification
  ) throws(DatasetError) -> [UInt8] {
    let (height, width, channels) = (specification.height, specification.width, specification.channels)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(paths.count * height * width * channels)
    for path in paths {
      let image = try decoded(path, channels: channels)
      guard specification.resize == .bilinear || (image.height, image.width) == (height, width) else {
        throw DatasetError(
          .otherSize, path: path, "the image is \(image.height) × \(image.width), not \(height) × \(width)",
          remedy: "write 'resize: bilinear', or bring the files to one size")
      }
      let resized = image.resized(height: height, width: width)
      for channel in 0..<channels {
        for place in 0..<height * width { pixels.append(resized.pixels[place * channels + channel]) }
      }
    }
    return pixels
  }

  private static func decoded(_ path: String, channels: Int) throws(DatasetError) -> DecodedImage {
    var file = try InflatingFile(path: path)
    var bytes: [UInt8] = []
    try file.append(.max, to: &bytes)
    do throws(ImageDecodingError) {
      return try DecodedImage(decoding: bytes, channels: channels)
    } catch {
      throw DatasetError(
        .badImage, path: path, "the image cannot be decoded: \(error.reason)",
        remedy: "save it again as PNG or JPEG, or take it out of the folder")
    }
  }
}
