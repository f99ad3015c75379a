import CJPEG
import CPNG

/// The pixels of a PNG or JPEG file.
package struct DecodedImage: Hashable, Sendable {
  package let height: Int
  package let width: Int
  /// 1 (grey) or 3 (red, green, blue).
  package let channels: Int
  /// Height × width × channels, last fastest.
  package let pixels: [UInt8]

  /// More pixels than this are taken for a damaged header.
  private static let largest = 1 << 28

  /// - Throws: `ImageDecodingError`.
  package init(decoding bytes: [UInt8], channels: Int) throws(ImageDecodingError) {
    precondition(channels == 1 || channels == 3, "an image is decoded as grey or as red, green and blue")
    if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47]) {
      (height, width, pixels) = try Self.png(bytes, channels)
    } else if bytes.starts(with: [0xff, 0xd8]) {
      (height, width, pixels) = try Self.jpeg(bytes, channels)
    } else {
      throw ImageDecodingError(reason: "the file begins neither as a PNG nor as a JPEG")
    }
    self.channels = channels
  }

  private static func count(_ height: Int, _ width: Int, _ channels: Int) throws(ImageDecodingError) -> Int {
    let (area, overflow) = height.multipliedReportingOverflow(by: width)
    guard !overflow, area > 0, area <= largest else {
      throw ImageDecodingError(reason: "the image claims to be \(height) × \(width)")
    }
    return area * channels
  }

  private static func png(
    _ bytes: [UInt8], _ channels: Int
  ) throws(ImageDecodingError) -> (Int, Int, [UInt8]) {
    var image = unsafe png_image()
    defer { unsafe png_image_free(&image) }
    func failure() -> ImageDecodingError {
      let text = unsafe withUnsafeBytes(of: image.message) { message in
        unsafe String(decoding: message.prefix { $0 != 0 }, as: UTF8.self)
      }
      return ImageDecodingError(reason: text.isEmpty ? "libpng cannot read it" : text)
    }
    // libpng reads on from the bytes until it has finished.
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
    defer { unsafe copy.deallocate() }
    _ = unsafe copy.initialize(from: bytes)
    guard unsafe cpng_begin(&image, copy.baseAddress, copy.count) != 0 else { throw failure() }
    let (height, width) = unsafe (Int(image.height), Int(image.width))
    var pixels = [UInt8](repeating: 0, count: try count(height, width, channels))
    let isRead = unsafe pixels.withUnsafeMutableBytes { unsafe cpng_finish(&image, Int32(channels), $0.baseAddress) }
    guard isRead != 0 else { throw failure() }
    return (height, width, pixels)
  }

  private static func jpeg(
    _ bytes: [UInt8], _ channels: Int
  ) throws(ImageDecodingError) -> (Int, Int, [UInt8]) {
    var (width, height) = (Int32(0), Int32(0))
    var message = [CChar](repeating: 0, count: 256)
    func decode(into pixels: UnsafeMutablePointer<UInt8>?) throws(ImageDecodingError) {
      let isRead = unsafe bytes.withUnsafeBufferPointer { input in
        unsafe cjpeg_decode(
          input.baseAddress, UInt(input.count), Int32(channels), pixels, &width, &height, &message)
      }
      guard isRead == 0 else { return }
      let text = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      throw ImageDecodingError(reason: String(decoding: text, as: UTF8.self))
    }
    try decode(into: nil)
    let size = try count(Int(height), Int(width), channels)
    let pixels = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
    defer { unsafe pixels.deallocate() }
    unsafe pixels.initialize(repeating: 0, count: size)
    try unsafe decode(into: pixels)
    return (Int(height), Int(width), unsafe Array(UnsafeBufferPointer(start: pixels, count: size)))
  }
}

/// Why bytes are no image.
package struct ImageDecodingError: Error, Hashable, CustomStringConvertible {
  package let reason: String

  package var description: String { reason }
}

extension DecodedImage {
  /// The image at another size, each pixel a mean of the four nearest, weighted by their distance; pixel centres at
  /// halves, edges repeated (PyTorch's `interpolate(mode='bilinear', align_corners=False)`).
  package func resized(height: Int, width: Int) -> DecodedImage {
    precondition(height > 0 && width > 0)
    guard height != self.height || width != self.width else { return self }
    let rows = Self.taps(height, of: self.height)
    let columns = Self.taps(width, of: self.width)
    var result: [UInt8] = []
    result.reserveCapacity(height * width * channels)
    for row in rows {
      for column in columns {
        for channel in 0..<channels {
          func pixel(_ y: Int, _ x: Int) -> Double { Double(pixels[(y * self.width + x) * channels + channel]) }
          let upper =
            pixel(row.first, column.first) * (1 - column.share) + pixel(row.first, column.second) * column.share
          let lower =
            pixel(row.second, column.first) * (1 - column.share) + pixel(row.second, column.second) * column.share
          result.append(UInt8((upper * (1 - row.share) + lower * row.share).rounded()))
        }
      }
    }
    return DecodedImage(height: height, width: width, channels: channels, pixels: result)
  }

  private init(height: Int, width: Int, channels: Int, pixels: [UInt8]) {
    self.height = height
    self.width = width
    self.channels = channels
    self.pixels = pixels
  }

  /// The two source places of each of `count` places, and the second's share.
  private static func taps(_ count: Int, of sourceCount: Int) -> [(first: Int, second: Int, share: Double)] {
    (0..<count).map { index in
      let place = max(0, (Double(index) + 0.5) * Double(sourceCount) / Double(count) - 0.5)
      let first = min(Int(place), sourceCount - 1)
      return (first, min(first + 1, sourceCount - 1), place - Double(first))
    }
  }
}
