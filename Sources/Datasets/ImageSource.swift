package import ModelGraph

/// The images of a data set as numbers: a look-up in a table of 256 normalised values per channel, each image moved
/// and mirrored as its augmentation says.
package struct ImageSource: SampleSource {
  package let dataset: ImageDataset
  package let fields: [SampleField]
  private let table: [Float]
  private let augmentation: SeededAugmentation?

  /// `normalisation` has as many channels as the samples of `dataset`.
  package init(
    _ dataset: ImageDataset, _ normalisation: Normalisation, augmentation: SeededAugmentation? = nil
  ) {
    precondition(normalisation.means.count == dataset.sampleShape[0], "one mean per channel")
    self.dataset = dataset
    self.augmentation = augmentation
    fields = [
      SampleField(SampleShape.inputName, Shape(dataset.sampleShape)),
      SampleTarget.classes(ClassTarget(names: dataset.classNames)).field,
    ]
    table = normalisation.table
  }

  package var count: Int { dataset.count }

  package func load(_ samples: Span<UInt32>, epoch: Int, into buffer: SampleBuffer) {
    precondition(buffer.fields == fields, "a buffer of other fields")
    buffer.withIntegers(1, 0..<samples.count) { labels in
      for place in samples.indices { labels[place] = dataset.labels[Int(samples[place])] }
    }
    for place in samples.indices {
      let sample = samples[place]
      buffer.withFloats(0, place..<place + 1) { image in
        if let view = augmentation?.view(sample: sample, epoch: epoch), view != .identity {
          write(Int(sample), seen: view, to: &image)
        } else {
          write(Int(sample), to: &image)
        }
      }
    }
  }

  private func write(_ sample: Int, to image: inout MutableSpan<Float>) {
    let channelCount = dataset.sampleShape[0]
    let planeSize = image.count / channelCount
    let pixels = dataset.pixels.span
    let table = table.span
    for channel in 0..<channelCount {
      let from = sample * image.count + channel * planeSize
      let plane = pixels.extracting(from..<from + planeSize)
      let values = table.extracting(channel * 256..<channel * 256 + 256)
      let to = channel * planeSize
      // In bounds: an image has channels × planeSize elements, and a byte indexes 256 values.
      for index in 0..<planeSize {
        unsafe image[unchecked: to + index] = values[unchecked: Int(plane[unchecked: index])]
      }
    }
  }

  /// What the view leaves empty is black.
  private func write(_ sample: Int, seen view: ImageView, to image: inout MutableSpan<Float>) {
    let (channels, rows, columns) = (dataset.sampleShape[0], dataset.sampleShape[1], dataset.sampleShape[2])
    let pixels = dataset.pixels.span
    // Columns x of the result whose source x + view.columns lies within the image.
    let inside = max(0, -view.columns)..<max(max(0, -view.columns), min(columns, columns - view.columns))
    for channel in 0..<channels {
      let values = table.span.extracting(channel * 256..<channel * 256 + 256)
      for row in 0..<rows {
        let to = (channel * rows + row) * columns
        for column in 0..<columns { image[to + column] = values[0] }
        guard (0..<rows).contains(row + view.rows) else { continue }
        let from = ((sample * channels + channel) * rows + row + view.rows) * columns + view.columns
        for column in inside {
          image[to + (view.isMirrored ? columns - 1 - column : column)] = values[Int(pixels[from + column])]
        }
      }
    }
  }
}
