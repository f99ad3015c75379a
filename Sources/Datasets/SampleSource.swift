package import ModelGraph

/// Where a loader gets samples from: named fields of one type each, the same for every sample.
package protocol SampleSource: Sendable {
  var count: Int { get }
  /// The model's inputs, then what it is to find: `labels` (int32) or `target` (float32).
  var fields: [SampleField] { get }
  /// Writes `samples` one after another to the first places of `buffer`, which has these fields.
  ///
  /// - Parameter epoch: what an augmentation depends on besides the sample; nothing else may.
  func load(_ samples: Span<UInt32>, epoch: Int, into buffer: SampleBuffer) throws
}

extension SampleSource {
  /// What the model is given of a sample.
  package var sampleShape: SampleShape {
    SampleShape(fields: fields.filter { !SampleTarget.fieldNames.contains($0.name) })
  }

  /// Loads `samples` into a buffer of their own.
  package func samples(_ samples: [UInt32], epoch: Int = 0) throws -> SampleBuffer {
    let buffer = SampleBuffer(fields: fields, capacity: samples.count)
    try load(samples.span, epoch: epoch, into: buffer)
    return buffer
  }
}

/// Some of the samples of another source, in an order of their own.
package struct SampleSubset: SampleSource {
  private let base: any SampleSource
  private let places: [UInt32]

  /// - Parameter places: which samples of `base`, each less than its count.
  package init(_ base: any SampleSource, places: [UInt32]) {
    precondition(places.allSatisfy { $0 < base.count }, "there are \(base.count) samples")
    self.base = base
    self.places = places
  }

  package var count: Int { places.count }
  package var fields: [SampleField] { base.fields }

  package func load(_ samples: Span<UInt32>, epoch: Int, into buffer: SampleBuffer) throws {
    try unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: samples.count) { own in
      for index in samples.indices {
        unsafe own.initializeElement(at: index, to: places[Int(samples[index])])
      }
      try unsafe base.load(own.span, epoch: epoch, into: buffer)
    }
  }
}
