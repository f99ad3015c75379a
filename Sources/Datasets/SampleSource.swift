/// Where a loader gets samples from.
package protocol SampleSource: Sendable {
  var count: Int { get }
  /// Floats of one sample.
  var sampleElementCount: Int { get }
  /// Writes `samples` one after another: `images` has room for samples × `sampleElementCount`, `labels` for samples.
  func load(
    _ samples: Span<UInt32>, images: inout MutableSpan<Float>, labels: inout MutableSpan<Int32>) throws
}

/// The normalised images of a data set: a look-up in a table of 256 values per channel.
package struct NormalisedImages: SampleSource {
  package let dataset: ImageDataset
  private let table: [Float]

  /// `normalisation` has as many channels as the samples of `dataset`.
  package init(_ dataset: ImageDataset, _ normalisation: Normalisation) {
    precondition(normalisation.means.count == dataset.sampleShape[0], "one mean per channel")
    self.dataset = dataset
    table = normalisation.table
  }

  package var count: Int { dataset.count }
  package var sampleElementCount: Int { dataset.sampleElementCount }

  package func load(
    _ samples: Span<UInt32>, images: inout MutableSpan<Float>, labels: inout MutableSpan<Int32>
  ) {
    let elementCount = sampleElementCount
    let channelCount = dataset.sampleShape[0]
    let planeSize = elementCount / channelCount
    precondition(images.count == samples.count * elementCount && labels.count == samples.count)
    let pixels = dataset.pixels.span
    let table = table.span
    for place in samples.indices {
      let sample = Int(samples[place])
      labels[place] = Int32(dataset.labels[sample])
      for channel in 0..<channelCount {
        let from = sample * elementCount + channel * planeSize
        let plane = pixels.extracting(from..<from + planeSize)
        let values = table.extracting(channel * 256..<channel * 256 + 256)
        let to = place * elementCount + channel * planeSize
        // In bounds: `to` + planeSize ≤ images.count by the precondition, and a byte indexes 256 values.
        for index in 0..<planeSize {
          unsafe images[unchecked: to + index] = values[unchecked: Int(plane[unchecked: index])]
        }
      }
    }
  }
}
