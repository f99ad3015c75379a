import Foundation
import Models

/// A file as it was read, with the place of each value, so that what goes wrong later still finds its line.
struct LocatedText: Hashable, Sendable {
  let source: SourceText
  /// Of each value, of its key if the value has parts; by path, `data.train.images`.
  let places: [String: SourcePlace]

  /// - Parameter key: the path of a key. One that the file leaves out is reported at the nearest key around it.
  func problem(at key: String, _ message: String) -> JobProblem {
    var path = key
    while places[path] == nil, let dot = path.lastIndex(of: ".") { path = String(path[..<dot]) }
    return source.problem(places[path] ?? SourcePlace(line: 1, column: 1), message)
  }
}

extension SourceText {
  /// The text of the file at `path`.
  ///
  /// - Parameters:
  ///   - kind: what it should be, such as "a job file".
  ///   - example: a path of such a file.
  /// - Throws: `InvalidJob` if it is no text of at most a mebibyte.
  static func read(path: String, kind: String, example: String) throws(InvalidJob) -> String {
    func refuse(_ message: String) -> InvalidJob {
      InvalidJob([JobProblem(file: path, place: nil, message: message, sourceLine: nil)])
    }
    guard FileManager.default.fileExists(atPath: path) else {
      throw refuse("there is no such file; \(advice(forMissing: path, kind: kind, example: example))")
    }
    let values = try? URL(fileURLWithPath: path).resourceValues(forKeys: [.isRegularFileKey])
    guard values?.isRegularFile == true else { throw refuse("this is no file; give the path of \(kind)") }
    guard let handle = FileHandle(forReadingAtPath: path),
      let bytes = try? handle.read(upToCount: Limits.fileBytes + 1)
    else {
      throw refuse("the file cannot be read or is empty; check its permissions and content")
    }
    guard bytes.count <= Limits.fileBytes else {
      throw refuse("the file has more than \(Limits.fileBytes) bytes: it is not \(kind)")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw refuse("the file is not UTF-8 text; save it in that encoding")
    }
    return text
  }

  /// The file beside `path` that may have been meant, or what to give instead.
  private static func advice(forMissing path: String, kind: String, example: String) -> String {
    let url = URL(fileURLWithPath: path)
    let files = (try? FileManager.default.contentsOfDirectory(atPath: url.deletingLastPathComponent().path)) ?? []
    let others = files.sorted().map { URL(fileURLWithPath: $0) }.filter { ["yaml", "yml"].contains($0.pathExtension) }
    // Without endings, which would make any two short names near.
    let stems = others.map { $0.deletingPathExtension().lastPathComponent }
    guard let stem = NearMiss.nearest(to: url.deletingPathExtension().lastPathComponent, among: stems),
      let meant = stems.firstIndex(of: stem).map({ others[$0].lastPathComponent })
    else { return "give the path of \(kind), such as \(example)" }
    let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
    return "did you mean '\(folder)\(meant)'?"
  }
}
