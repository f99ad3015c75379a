/// Two IDX files: images and their labels. Paths are absolute.
package struct ImageFiles: Hashable, Codable, Sendable {
  package var images: String
  package var labels: String

  package init(images: String, labels: String) {
    self.images = images
    self.labels = labels
  }
}

/// What a job says of the classes.
package enum Classes: Hashable, Codable, Sendable {
  case count(Int)
  /// In the order of the labels 0, 1, 2 …
  case names([String])

  /// Numbers, where there are no names.
  package var names: [String] {
    switch self {
    case .count(let count): (0..<count).map(String.init)
    case .names(let names): names
    }
  }
}
