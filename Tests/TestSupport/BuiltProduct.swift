package import Foundation

/// The executables of this package, as the build that made the running tests made them.
package enum BuiltProduct {
  package struct NotBuilt: Error, CustomStringConvertible {
    package let name: String
    package let searched: [String]
    package var description: String {
      "no executable '\(name)' in \(searched.joined(separator: " or ")); "
        + "run `swift build -c release --build-tests` first"
    }
  }

  /// The path of executable `name`: beside the test bundle that runs, or else in the package's `.build/release`.
  ///
  /// - Throws: `NotBuilt`, with the folders searched.
  package static func url(_ name: String) throws -> URL {
    let folders = [folderOfTests, packageRoot.appending(path: ".build/release")]
    for folder in folders {
      let candidate = folder.appending(path: name)
      if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
    }
    throw NotBuilt(name: name, searched: folders.map(\.path))
  }

  /// The folder of the package, found from the place of this source file.
  package static let packageRoot = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The running program is the test bundle itself on Linux; its own link survives any working directory.
  private static let folderOfTests: URL = {
    let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return URL(filePath: link ?? CommandLine.arguments[0]).deletingLastPathComponent()
  }()
}
