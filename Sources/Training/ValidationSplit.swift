import Datasets
import Jobs
import Randomness

extension JobData {
  /// Parts the samples that `data.validation_fraction` keeps, drawn by the job's seed, from those that are trained on;
  /// both in the order of the file.
  /// - Throws: `InvalidJob` at that key if one of the two would be empty.
  static func split(
    _ samples: ImageDataset, _ file: JobFile
  ) throws -> (training: ImageDataset, validation: ImageDataset?) {
    guard let fraction = file.job.data.validationFraction else { return (samples, nil) }
    let count = Int((fraction * Double(samples.count)).rounded())
    guard count > 0, count < samples.count else {
      throw InvalidJob([
        file.problem(
          at: "data.validation_fraction",
          "\(fraction) of \(samples.count) samples leaves \(samples.count - count) to train on and \(count) to validate on; "
            + "each takes at least one")
      ])
    }
    let order = seededPermutation(
      count: samples.count, seed: file.job.seed, purpose: .dataOrder, stream: .max)
    return (
      try samples.extracting(order.dropFirst(count).sorted()), try samples.extracting(order.prefix(count).sorted())
    )
  }
}

extension ImageDataset {
  /// The samples at `places`, copied.
  fileprivate func extracting(_ places: [UInt32]) throws -> ImageDataset {
    var pixels: [UInt8] = []
    pixels.reserveCapacity(places.count * sampleElementCount)
    for place in places {
      let start = Int(place) * sampleElementCount
      pixels += self.pixels[start..<start + sampleElementCount]
    }
    return try ImageDataset(
      pixels: pixels, labels: places.map { labels[Int($0)] }, sampleShape: sampleShape, classCount: classCount)
  }
}
