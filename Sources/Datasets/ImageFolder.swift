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

extension ImageDataset {
  /// Reads PNG and JPEG files from a folder with a folder for each class. They are decoded and brought to size here,
  /// once, and kept as bytes.
  ///
  /// - Throws: `DatasetError` naming the file.
  package init(folder path: String, _ specification: ImageFolderSpecification) throws(DatasetError) {
    let folder = try FolderOfClasses(path: path, extensions: ["png", "jpg", "jpeg"])
    let (height, width, channels) = (specification.height, specification.width, specification.channels)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(folder.files.count * height * width * channels)
    for file in folder.files {
      let image = try Self.decoded(file.path, channels: channels)
      guard specification.resize == .bilinear || (image.height, image.width) == (height, width) else {
        throw DatasetError(
          .otherSize, path: file.path, "the image is \(image.height) × \(image.width), not \(height) × \(width)",
          remedy: "write 'resize: bilinear', or bring the files to one size")
      }
      let resized = image.resized(height: height, width: width)
      for channel in 0..<channels {
        for place in 0..<height * width { pixels.append(resized.pixels[place * channels + channel]) }
      }
    }
    try self.init(
      pixels: pixels, labels: folder.files.map(\.label), sampleShape: [channels, height, width],
      classNames: folder.classNames, imagesPath: path, labelsPath: path)
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
