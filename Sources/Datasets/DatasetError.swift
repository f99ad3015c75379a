/// Why a data set was refused: what is wrong, in which file, where, and what to do about it.
package struct DatasetError: Error, Hashable, CustomStringConvertible {
  package enum Code: String, Sendable {
    case missingFile, unreadableFile
    case truncatedGzip, corruptGzip
    case wrongMagic, unsupportedElementType, wrongDimensionCount
    case truncatedData, trailingData, emptyData
    case countMismatch, labelOutsideClasses, constantPixels
  }

  package let code: Code
  package let path: String
  /// Bytes from the start: of the file itself for gzip errors, of the inflated data for all others.
  package let offset: Int?
  package let problem: String
  package let remedy: String

  init(_ code: Code, path: String, offset: Int? = nil, _ problem: String, remedy: String) {
    self.code = code
    self.path = path
    self.offset = offset
    self.problem = problem
    self.remedy = remedy
  }

  package var description: String {
    let place = offset.map { "\(path), byte \($0)" } ?? path
    return "\(place): \(problem); \(remedy)"
  }
}
