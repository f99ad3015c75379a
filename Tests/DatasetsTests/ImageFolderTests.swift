import Datasets
import Foundation
import TestSupport
import Testing

@Suite struct ImageFolderTests {
  private static func image(_ name: String) throws -> [UInt8] {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return [UInt8](try Data(contentsOf: tests.appending(path: "ImageDecodingTests/Golden/" + name)))
  }

  private static func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.write(image("colour.png"), "cats/b.png")
    try folder.write(image("colour.jpg"), "cats/a.JPG")
    try folder.write(image("colour.png"), "ants/x.png")
    try folder.write("hidden", "cats/.DS_Store")
    return folder
  }

  @Test func classesAreFoldersAndPlanesLieOneAfterAnother() throws {
    let folder = try Self.folder()
    let dataset = try ImageDataset(folder: folder.path, ImageFolderSpecification(height: 7, width: 5))
    #expect(dataset.classNames == ["ants", "cats"] && dataset.labels == [0, 1, 1])
    #expect(dataset.sampleShape == [3, 7, 5])
    // The image of scripts/golden: red 40 y, green 50 x, blue 255 − 20 (x + y).
    let (y, x) = (3, 2)
    let colours: [UInt8] = (0..<3).map { dataset.pixels[$0 * 35 + y * 5 + x] }
    #expect(colours == [120, 100, 155])
    // The PNG comes after the JPEG, whose size it was brought to.
    #expect(dataset.pixels[2 * 105 + y * 5 + x] == 120)
  }

  @Test func oneImageOrAFolderOfThemIsReadToBePredicted() throws {
    let specification = ImageFolderSpecification(height: 7, width: 5)
    let folder = try Self.folder()
    let all = try ImageDataset(folder: folder.path, specification)
    let encoding = try all.encoding(of: [0, 1, 2], normalises: false)
    let known = try all.source(encoding, augmentation: nil).samples([0, 1, 2])
    let one = try ImageDataset(toPredict: folder.path + "/cats/b.png", specification)
      .source(encoding, augmentation: nil).samples([0])
    #expect(one.values(0) == known.values(0, 2..<3) && one.values(1) == [-1])
    let cats = try ImageDataset(toPredict: folder.path + "/cats", specification)
    #expect(cats.pixels == Array(all.pixels[105...]) && cats.labels == [-1, -1])
    let error = #expect(throws: DatasetError.self) { try ImageDataset(toPredict: folder.path, specification) }
    #expect(error?.code == .emptyData && error?.problem == "the folder has no files .png, .jpg, .jpeg")
  }

  @Test func unequalSizesAreRefusedWhereTheJobSaysSo() throws {
    let folder = try Self.folder()
    let error = #expect(throws: DatasetError.self) {
      try ImageDataset(folder: folder.path, ImageFolderSpecification(height: 7, width: 5, resize: .refuse))
    }
    #expect(error?.code == .otherSize && error?.path == folder.path + "/cats/a.JPG")
    #expect(error?.problem == "the image is 24 × 16, not 7 × 5")
  }

  @Test func badFoldersAreRefusedWithTheFile() throws {
    let specification = ImageFolderSpecification(height: 7, width: 5)
    let folder = try Self.folder()
    try folder.write("no image", "cats/c.png")
    let damaged = #expect(throws: DatasetError.self) { try ImageDataset(folder: folder.path, specification) }
    #expect(damaged?.code == .badImage && damaged?.path == folder.path + "/cats/c.png")
    try folder.write(Array(Self.image("colour.jpg").prefix(300)), "cats/c.png")
    let cut = #expect(throws: DatasetError.self) { try ImageDataset(folder: folder.path, specification) }
    #expect(cut?.code == .badImage)
    let notes = try Self.folder()
    try notes.write("text", "cats/notes.txt")
    let other = #expect(throws: DatasetError.self) { try ImageDataset(folder: notes.path, specification) }
    #expect(other?.code == .unsupportedFormat && other?.path == notes.path + "/cats/notes.txt")
    let single = try TemporaryFolder()
    try single.write(Self.image("colour.png"), "cats/b.png")
    let classes = #expect(throws: DatasetError.self) { try ImageDataset(folder: single.path, specification) }
    #expect(classes?.code == .noClasses)
    let missing = #expect(throws: DatasetError.self) { try ImageDataset(folder: "/nowhere", specification) }
    #expect(missing?.description == "/nowhere: there is no such folder; give the path of a folder")
  }
}
