import Randomness

/// How training images are varied, each anew in each epoch: what a job's `data.augment` says.
package struct Augmentation: Hashable, Codable, Sendable {
  /// The probability that an image is mirrored left to right.
  package var flip: Double
  /// Black pixels added on each side before a piece of the image's own size is cut out anywhere; 0 for none.
  package var cropPadding: Int
  /// How many pixels an image may be moved in each direction; 0 for none.
  package var shift: Int

  package init(flip: Double = 0, cropPadding: Int = 0, shift: Int = 0) {
    precondition((0...1).contains(flip) && cropPadding >= 0 && shift >= 0)
    self.flip = flip
    self.cropPadding = cropPadding
    self.shift = shift
  }
}

/// How one image is looked at: pixel (y, x) of the result is (y + rows, x + columns) of the image, then mirrored.
struct ImageView: Hashable {
  var rows = 0
  var columns = 0
  var isMirrored = false

  static let identity = ImageView()
}

/// An augmentation whose draws depend on (seed, epoch, sample) alone, so that any number of ranks sees the same images.
package struct SeededAugmentation: Hashable, Sendable {
  package let augmentation: Augmentation
  private let generator: Philox

  package init(_ augmentation: Augmentation, seed: UInt64) {
    self.augmentation = augmentation
    generator = Philox(seed: seed)
  }

  func view(sample: UInt32, epoch: Int) -> ImageView {
    func words(_ block: UInt32) -> SIMD4<UInt32> {
      generator.block(
        SIMD4(block, sample, UInt32(truncatingIfNeeded: epoch), RandomPurpose.augmentation.rawValue))
    }
    let first = words(0)
    var view = ImageView()
    view.isMirrored = Double(first.x >> 8) * 0x1p-24 < augmentation.flip
    view.rows = Self.offset(first.y, within: augmentation.cropPadding)
    view.columns = Self.offset(first.z, within: augmentation.cropPadding)
    guard augmentation.shift > 0 else { return view }
    let second = words(1)
    view.rows += Self.offset(second.x, within: augmentation.shift)
    view.columns += Self.offset(second.y, within: augmentation.shift)
    return view
  }

  /// A whole number of −reach ... reach from 32 random bits; its bias is below 2⁻²⁰ for any image.
  private static func offset(_ word: UInt32, within reach: Int) -> Int {
    Int((UInt64(word) * UInt64(2 * reach + 1)) >> 32) - reach
  }
}
