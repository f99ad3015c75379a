package import Datasets

/// Files of one format, with what the format needs to be told. Paths are absolute: a job file's own are relative to its
/// directory.
package enum DataSource: Hashable, Codable, Sendable {
  /// The files of MNIST and its relatives, also gzipped.
  case idx(train: ImageFiles, test: ImageFiles?, classes: Classes)
  case csv(train: String, test: String?, TableSpecification)
  case npy(train: ArrayFiles, test: ArrayFiles?, ArrayTargets)
  case cifar10(folder: String)
  case cifar100(folder: String, labels: CIFAR.Labels)
  case imageFolder(train: String, test: String?, ImageFolderSpecification)
  case text(train: String, test: String?, TextSpecification)
  case pairs(train: String, test: String?, PairsSpecification)
  /// No files: what they will be.
  case planned(PlannedData)

  package var format: DataFormat {
    switch self {
    case .idx: .idx
    case .csv: .csv
    case .npy: .npy
    case .cifar10: .cifar10
    case .cifar100: .cifar100
    case .imageFolder: .imageFolder
    case .text: .text
    case .pairs: .pairs
    case .planned: .planned
    }
  }

  /// Each path, under the key that names it in `data`.
  package var paths: [(key: String, path: String)] {
    switch self {
    case .idx(let train, let test, _):
      [("train.images", train.images), ("train.labels", train.labels)]
        + (test.map { [("test.images", $0.images), ("test.labels", $0.labels)] } ?? [])
    case .npy(let train, let test, _):
      [("train.inputs", train.inputs), ("train.targets", train.targets)]
        + (test.map { [("test.inputs", $0.inputs), ("test.targets", $0.targets)] } ?? [])
    case .cifar10(let folder), .cifar100(let folder, _): [("folder", folder)]
    case .csv(let train, let test, _), .imageFolder(let train, let test, _), .text(let train, let test, _),
      .pairs(let train, let test, _):
      [("train", train)] + (test.map { [("test", $0)] } ?? [])
    case .planned: []
    }
  }

  /// CIFAR's folder always has them.
  package var hasTestFiles: Bool { paths.contains { $0.key.hasPrefix("test") || $0.key == "folder" } }

  /// The same with empty paths: these may differ from host to host.
  package var withoutPaths: DataSource {
    switch self {
    case .idx(_, _, let classes): .idx(train: ImageFiles(images: "", labels: ""), test: nil, classes: classes)
    case .csv(_, _, let table): .csv(train: "", test: nil, table)
    case .npy(_, _, let targets): .npy(train: ArrayFiles(inputs: "", targets: ""), test: nil, targets)
    case .cifar10: .cifar10(folder: "")
    case .cifar100(_, let labels): .cifar100(folder: "", labels: labels)
    case .imageFolder(_, _, let folder): .imageFolder(train: "", test: nil, folder)
    case .text(_, _, let text): .text(train: "", test: nil, text)
    case .pairs(_, _, let pairs): .pairs(train: "", test: nil, pairs)
    case .planned: self
    }
  }

  /// The classes that the job names itself; nil if they come with the files.
  package var declaredClasses: Classes? {
    switch self {
    case .idx(_, _, let classes): classes
    case .npy(_, _, let targets): targets.classes
    case .csv, .cifar10, .cifar100, .imageFolder, .text, .pairs, .planned: nil
    }
  }
}

package enum DataFormat: String, Hashable, Codable, Sendable, CaseIterable {
  case idx, csv, npy, cifar10, cifar100
  case imageFolder = "image_folder"
  case text, pairs
  case planned

  /// Whether samples are images, which can be augmented.
  var isOfImages: Bool {
    switch self {
    case .idx, .cifar10, .cifar100, .imageFolder: true
    case .csv, .npy, .text, .pairs, .planned: false
    }
  }

  /// Whether samples are numbers, which can be normalised.
  var isOfNumbers: Bool { self != .text && self != .pairs && self != .planned }
}
