/// Why a data set was refused: what is wrong, in which file, where, and what to do about it.
package struct DatasetError: Error, Hashable, CustomStringConvertible {
  package enum Code: String, Sendable {
    case missingFile, unreadableFile
    case truncatedGzip, corruptGzip
    case wrongMagic, unsupportedElementType, wrongDimensionCount
    case truncatedData, trailingData, emptyData
    case countMismatch, labelOutsideClasses, constantPixels
    case otherEncoding, otherSize
    case notText, badQuotes, unequalRows
    case unknownColumn, missingValue, notANumber, notALabel, unknownCategory, constantColumn, tooFewRows, noHeader
    case fortranOrder, unsupportedFormat, wrongShape
    case badImage, noClasses, sequenceTooLong
    case onlyPlanned
  }

  package let code: Code
  package let path: String
  /// Bytes from the start: of the file itself for gzip errors, of the inflated data for all others.
  package let offset: Int?
  /// In a text, from 1.
  package let line: Int?
  package let column: Int?
  /// The key of a job's data section that names what is wrong; nil if it is the file's content.
  package let key: String?
  package let problem: String
  package let remedy: String

  init(
    _ code: Code, path: String, offset: Int? = nil, line: Int? = nil, column: Int? = nil, key: String? = nil,
    _ problem: String, remedy: String
  ) {
    self.code = code
    self.path = path
    self.offset = offset
    self.line = line
    self.column = column
    self.key = key
    self.problem = problem
    self.remedy = remedy
  }

  /// A checkpoint or a training set of another kind than the file.
  static func otherEncoding(path: String) -> DatasetError {
    DatasetError(
      .otherEncoding, path: path, "the data are of another kind or other classes than those that were trained on",
      remedy: "use the job that the run was trained with")
  }

  /// Data of a job that is planned before there are any.
  package static var onlyPlanned: DatasetError {
    DatasetError(
      .onlyPlanned, path: "data", key: "format",
      "the samples are planned, and there are none to compute with ('apus plan' and 'apus describe' work)",
      remedy: "give the format and the files of your data")
  }

  package var description: String {
    var place = offset.map { "\(path), byte \($0)" } ?? path
    if let line { place += ":\(line)" + (column.map { ":\($0)" } ?? "") }
    return "\(place): \(problem); \(remedy)"
  }
}
