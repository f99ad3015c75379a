import Datasets
import Jobs

extension DataSource {
  /// Reads the samples to train on.
  func training() throws(DatasetError) -> any SampleCollection {
    switch self {
    case .idx(let train, _, let classes): try Self.images(train, classes)
    case .csv(let train, _, let table): try Table(path: train, table)
    case .npy(let train, _, let targets): try ArrayDataset(train, targets)
    case .cifar10(let folder): try CIFAR.ten.read(CIFAR.ten.trainingFiles, in: folder)
    case .cifar100(let folder, let labels):
      try CIFAR.hundred(labels).read(CIFAR.hundred(labels).trainingFiles, in: folder)
    case .imageFolder(let train, _, let images): try ImageDataset(folder: train, images)
    case .text(let train, _, let text): try TextDataset(path: train, text)
    case .pairs(let train, _, let pairs): try PairsDataset(path: train, pairs)
    }
  }

  /// Reads the samples to test with; nil if the job names no files of them.
  func test() throws(DatasetError) -> (any SampleCollection)? {
    switch self {
    case .idx(_, let test?, let classes): try Self.images(test, classes)
    case .csv(_, let test?, let table): try Table(path: test, table)
    case .npy(_, let test?, let targets): try ArrayDataset(test, targets)
    case .cifar10(let folder): try CIFAR.ten.read(CIFAR.ten.testFiles, in: folder)
    case .cifar100(let folder, let labels):
      try CIFAR.hundred(labels).read(CIFAR.hundred(labels).testFiles, in: folder)
    case .imageFolder(_, let test?, let images): try ImageDataset(folder: test, images)
    case .text(_, let test?, let text): try TextDataset(path: test, text)
    case .pairs(_, let test?, let pairs): try PairsDataset(path: test, pairs)
    case .idx, .csv, .npy, .imageFolder, .text, .pairs: nil
    }
  }

  private static func images(_ files: ImageFiles, _ classes: Classes) throws(DatasetError) -> ImageDataset {
    try ImageDataset(idxImages: files.images, idxLabels: files.labels, classNames: classes.names)
  }
}
