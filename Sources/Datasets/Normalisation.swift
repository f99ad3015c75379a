/// Mean and deviation of each channel, of pixels as fractions of 255; what `(pixel / 255 − mean) / deviation` needs.
///
/// Measured over the training set and kept with the model: evaluation and prediction use the same one.
package struct Normalisation: Hashable, Codable, Sendable {
  /// One of each per channel.
  package let means: [Double]
  package let deviations: [Double]

  package init(means: [Double], deviations: [Double]) {
    precondition(means.count == deviations.count && !means.isEmpty, "one mean and one deviation per channel")
    precondition(deviations.allSatisfy { $0 > 0 }, "deviations are positive")
    self.means = means
    self.deviations = deviations
  }

  /// Pixels as fractions of 255.
  package static func identity(channels: Int) -> Normalisation {
    Normalisation(means: Array(repeating: 0, count: channels), deviations: Array(repeating: 1, count: channels))
  }

  /// Measures `samples` of `dataset`, with exact integer sums, so in any order and on any machine the same bits. The
  /// deviation is the population's (divided by n, not n − 1).
  ///
  /// - Throws: `DatasetError` with code `.constantPixels` if a channel has one value only: it has no deviation.
  package init(of dataset: ImageDataset, samples: [UInt32]) throws(DatasetError) {
    let channelCount = dataset.sampleShape[0]
    let planeSize = dataset.sampleElementCount / channelCount
    var means: [Double] = []
    var deviations: [Double] = []
    for channel in 0..<channelCount {
      var (sum, squares) = (UInt64(0), UInt64(0))
      let pixels = dataset.pixels.span
      for sample in samples {
        let start = (Int(sample) * channelCount + channel) * planeSize
        let plane = pixels.extracting(start..<start + planeSize)
        for index in plane.indices {
          let pixel = UInt64(unsafe plane[unchecked: index])
          sum += pixel
          squares += pixel * pixel
        }
      }
      let count = UInt64(samples.count * planeSize)
      let spread = UInt128(count) * UInt128(squares) - UInt128(sum) * UInt128(sum)
      guard spread > 0 else {
        throw DatasetError(
          .constantPixels, path: "images", "every pixel of channel \(channel) is \(sum / count)",
          remedy: "give images with something on them, or write 'normalize: none'")
      }
      means.append(Double(sum) / (255 * Double(count)))
      deviations.append(Double(spread).squareRoot() / (255 * Double(count)))
    }
    self.init(means: means, deviations: deviations)
  }

  /// The normalised value of each of the 256 pixel values, channel after channel.
  package var table: [Float] {
    zip(means, deviations).flatMap { mean, deviation in
      (0..<256).map { Float((Double($0) / 255 - mean) / deviation) }
    }
  }
}
