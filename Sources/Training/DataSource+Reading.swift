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
    case .planned: throw .onlyPlanned
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
    case .planned: throw .onlyPlanned
    }
  }

  /// Reads samples to be predicted from a file in this format, or a folder of images or texts; what they are may be
  /// missing.
  func samples(toPredict path: String) throws(DatasetError) -> any SampleCollection {
    switch self {
    case .idx: try ImageDataset(toPredict: path)
    case .csv(_, _, let table): try Table(path: path, table, isToPredict: true)
    case .npy: try ArrayDataset(toPredict: path)
    case .cifar10(let folder): try Self.cifar(.ten, path, namesFolder: folder)
    case .cifar100(let folder, let labels): try Self.cifar(.hundred(labels), path, namesFolder: folder)
    case .imageFolder(_, _, let images): try ImageDataset(toPredict: path, images)
    case .text(_, _, let text) where text.text != nil: try TextDataset(toPredict: path, text)
    case .text(_, _, let text): try TextDataset(path: path, text)
    case .pairs(_, _, let pairs): try PairsDataset(path: path, pairs, mayLackTargets: true)
    case .planned: throw .onlyPlanned
    }
  }

  private static func cifar(_ kind: CIFAR, _ path: String, namesFolder: String) throws(DatasetError) -> ImageDataset {
    let slash = path.lastIndex(of: "/")
    let name = slash.map { String(path[$0...].dropFirst()) } ?? path
    return try kind.read([name], in: slash.map { String(path[..<$0]) } ?? ".", namesFolder: namesFolder)
  }

  private static func images(_ files: ImageFiles, _ classes: Classes) throws(DatasetError) -> ImageDataset {
    try ImageDataset(idxImages: files.images, idxLabels: files.labels, classNames: classes.names)
  }
}
