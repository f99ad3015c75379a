import Foundation
import ImageDecoding
import Testing

/// Files that `scripts/golden` has Pillow write, with the pixels that Pillow reads.
@Suite struct DecodedImageTests {
  private struct Expected: Codable {
    let height: Int
    let width: Int
    let pixels: [Int]
  }

  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

  private static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appending(path: name)))
  }

  private static func expected(_ name: String) throws -> Expected {
    let all = try JSONDecoder().decode(
      [String: Expected].self, from: Data(contentsOf: folder.appending(path: "images.json")))
    return try #require(all[name])
  }

  private static func expectNear(_ image: DecodedImage, _ expected: Expected, within bound: Int) {
    #expect(image.height == expected.height && image.width == expected.width)
    #expect(image.pixels.count == expected.pixels.count)
    let worst = zip(image.pixels, expected.pixels).map { abs(Int($0) - $1) }.max()
    #expect(worst ?? .max <= bound, "the worst pixel is \(worst ?? -1) away")
  }

  // libjpeg leaves how it rounds to its version.
  @Test(arguments: [
    ("colour.png", 3, 0), ("palette.png", 3, 0), ("grey.png", 1, 0), ("colour.jpg", 3, 2), ("grey.jpg", 1, 2),
  ])
  func givesThePixelsThatPillowReads(name: String, channels: Int, bound: Int) throws {
    let image = try DecodedImage(decoding: Self.bytes(name), channels: channels)
    #expect(image.channels == channels)
    Self.expectNear(image, try Self.expected(name), within: bound)
  }

  @Test func greyIsDecodedAsEqualColours() throws {
    let grey = try DecodedImage(decoding: Self.bytes("grey.png"), channels: 1)
    let colours = try DecodedImage(decoding: Self.bytes("grey.png"), channels: 3)
    #expect(colours.pixels == grey.pixels.flatMap { [$0, $0, $0] })
  }

  @Test(arguments: [(3, 4), (11, 9)])
  func resizesAsPyTorchInterpolates(height: Int, width: Int) throws {
    let image = try DecodedImage(decoding: Self.bytes("colour.png"), channels: 3)
    // PyTorch rounds halves to even.
    Self.expectNear(
      image.resized(height: height, width: width), try Self.expected("colour.png \(height)x\(width)"), within: 1)
  }

  @Test(arguments: ["colour.png", "colour.jpg", "grey.png", "grey.jpg"])
  func aCutImageIsRefused(name: String) throws {
    let bytes = try Self.bytes(name)
    for count in [bytes.count * 2 / 3, bytes.count / 3, 8] {
      let error = #expect(throws: ImageDecodingError.self, "\(count) of \(bytes.count) bytes") {
        try DecodedImage(decoding: Array(bytes.prefix(count)), channels: 3)
      }
      #expect(error?.reason.isEmpty == false)
    }
  }

  @Test func whatIsNoImageIsRefused() {
    let error = #expect(throws: ImageDecodingError.self) { try DecodedImage(decoding: [1, 2, 3], channels: 3) }
    #expect(error?.reason == "the file begins neither as a PNG nor as a JPEG")
  }
}
