import Foundation

/// A folder with a folder for each class, whose name is the class's.
struct FolderOfClasses {
  struct File: Hashable {
    let path: String
    let label: Int32
  }

  /// Sorted.
  let classNames: [String]
  /// Class after class, sorted by name within each.
  let files: [File]

  static func isFolder(_ path: String) -> Bool {
    (try? URL(fileURLWithPath: path).resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true
  }

  /// - Parameter extensions: of files that count, in lower case; another one is refused. Hidden files are passed over.
  /// - Throws: `DatasetError`.
  init(path: String, extensions: [String]) throws(DatasetError) {
    let folders = try Self.names(in: path).filter { Self.isFolder(path + "/" + $0) }
    guard folders.count > 1 else {
      throw DatasetError(
        .noClasses, path: path, "\(folders.count) folders in it, one for each class is needed",
        remedy: "put the files of each class into a folder with the class's name")
    }
    var files: [File] = []
    for (label, folder) in folders.enumerated() {
      let names = try Self.names(in: path + "/" + folder)
      guard !names.isEmpty else {
        throw DatasetError(
          .emptyData, path: path + "/" + folder, "the class has no files", remedy: "add files, or remove the folder")
      }
      for name in names {
        let file = path + "/" + folder + "/" + name
        guard extensions.contains((name as NSString).pathExtension.lowercased()) else {
          throw DatasetError(
            .unsupportedFormat, path: file, "the file is none of .\(extensions.joined(separator: ", ."))",
            remedy: "convert it, or take it out of the folder")
        }
        files.append(File(path: file, label: Int32(label)))
      }
    }
    classNames = folders
    self.files = files
  }

  /// The files with one of `extensions` that lie in a folder, sorted by name.
  /// - Throws: `DatasetError`.
  static func files(in path: String, extensions: [String]) throws(DatasetError) -> [String] {
    let files = try names(in: path).filter { extensions.contains(($0 as NSString).pathExtension.lowercased()) }
    guard !files.isEmpty else {
      throw DatasetError(
        .emptyData, path: path, "the folder has no files .\(extensions.joined(separator: ", ."))",
        remedy: "give a folder with such files, or one of them")
    }
    return files.map { path + "/" + $0 }
  }

  private static func names(in path: String) throws(DatasetError) -> [String] {
    guard isFolder(path) else {
      throw DatasetError(.missingFile, path: path, "there is no such folder", remedy: "give the path of a folder")
    }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path).filter { !$0.hasPrefix(".") }.sorted()
    } catch {
      throw DatasetError(
        .unreadableFile, path: path, "the folder cannot be read", remedy: "make it readable for this user")
    }
  }
}
