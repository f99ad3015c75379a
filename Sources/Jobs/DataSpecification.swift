package import Datasets

/// The samples to train on and to test with: a job's section `data`.
package struct DataSpecification: Hashable, Codable, Sendable {
  package var source: DataSource
  /// The share of the samples that is kept to test with, where no test files are named; nil for none.
  package var testFraction: Double?
  /// The share of the training samples, drawn by the seed, that is kept to validate on; nil for none.
  package var validationFraction: Double?
  package var normalize: Normalization
  /// Of training images; nil for none.
  package var augment: Augmentation?

  package init(
    _ source: DataSource, testFraction: Double? = nil, validationFraction: Double? = nil,
    normalize: Normalization = Job.Defaults.normalization, augment: Augmentation? = nil
  ) {
    self.source = source
    self.testFraction = testFraction
    self.validationFraction = validationFraction
    self.normalize = normalize
    self.augment = augment
  }

  /// Whether a run is tested.
  package var hasTest: Bool { testFraction != nil || source.hasTestFiles }
}

package enum Normalization: String, Hashable, Codable, Sendable, CaseIterable {
  /// Every number minus the mean, divided by the standard deviation, of the training samples: a channel's of an image,
  /// a column's of a table.
  case training
  case none
}
