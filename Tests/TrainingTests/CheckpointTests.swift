import Foundation
import TestSupport
import Testing
import Training

@Suite("Checkpoints")
struct CheckpointTests {
  enum Damage: String, CaseIterable { case truncated, flipped, empty, headerOnly }

  @Test(
    "A damaged newest checkpoint is passed over with a warning, and the run still ends alike",
    arguments: Damage.allCases)
  func damagedNewest(damage: Damage) throws {
    let small = try SmallJob()
    let job = try small.job()
    _ = try train(job, run: small.path("whole"))
    _ = try train(job, run: small.path("run")) { _, asked in asked == 9 ? 15 : nil }
    #expect(small.checkpoints("run") == [8, 10])
    let name = small.checkpointName("run", 10)
    try small.write(damaged(small.bytes(name), damage), name)

    let resumed = try train(job, run: small.path("run"), ranks: 2, resume: true)
    #expect(resumed.warnings.count == 1)
    #expect(resumed.warnings[0].hasPrefix("passed over a damaged checkpoint: \(small.path(name)): "))
    #expect(try small.newestCheckpoint("run") == small.newestCheckpoint("whole"))
    #expect(try small.recordedSteps("run") == Array(1...12))
  }

  @Test("Damaged checkpoints that are newer never displace good ones")
  func damagedAreNotKept() throws {
    let small = try SmallJob()
    let job = try small.job(["keep: 2": "keep: 1"])
    _ = try train(job, run: small.path("run")) { _, asked in asked == 4 ? 15 : nil }
    try small.write([1, 2, 3], small.checkpointName("run", 11))
    try small.write([1, 2, 3], "run/checkpoints/step-00000006.safetensors.partial")
    try small.write([1, 2, 3], "run/report.json.partial")
    // Stops again before the step of the damaged one.
    _ = try train(job, run: small.path("run"), resume: true) { _, asked in asked == 1 ? 15 : nil }
    #expect(small.checkpoints("run") == [7])
    let files = try FileManager.default.subpathsOfDirectory(atPath: small.path("run"))
    #expect(!files.contains { $0.hasSuffix(".partial") }, "\(files)")
  }

  @Test("No whole checkpoint: refused, with each of them named")
  func allDamaged() throws {
    let small = try SmallJob()
    let job = try small.job()
    _ = try train(job, run: small.path("run"))
    for step in [8, 12] { try small.write([], small.checkpointName("run", step)) }
    let results = try trainEach(job, run: small.path("run"), ranks: 2, resume: true)
    let error = #expect(throws: TrainingError.self) { try results[0].get() }
    #expect(error?.code == .invalidInput)
    let lines = error?.message.split(separator: "\n").map(String.init) ?? []
    #expect(lines.count == 4)
    #expect(lines.first == "no checkpoint of \(small.path("run")) is whole:")
    #expect(lines.dropFirst().first?.hasPrefix(small.path(small.checkpointName("run", 12)) + ": ") == true)
    #expect(lines.last == "restore one, or train anew without --resume")
    let peer = #expect(throws: PeerFailed.self) { try results[1].get() }
    #expect(peer?.exitCode == 3)
  }

  @Test(
    "Another job's checkpoint is refused with the line that differs",
    arguments: [
      ("seed: 3", "seed: 4", "'seed: 3' then, 'seed: 4' now"),
      ("outputs: 9", "outputs: 8", "outputs: 9"),
      ("name: adam,", "name: adamw,", "optimizer: {name: adam,"),
      ("shards: 6", "shards: 4", "'shards: 6' then, 'shards: 4' now"),
    ])
  func anotherJob(old: String, new: String, named: String) throws {
    let small = try SmallJob()
    _ = try train(try small.job(), run: small.path("run"))
    let job = try small.job([old: new], named: "other.yaml")
    let before = try small.bytes("run/job.yaml")
    let error = #expect(throws: TrainingError.self) { try train(job, run: small.path("run"), resume: true) }
    #expect(error?.code == .invalidInput)
    #expect(
      error?.message.hasPrefix("\(small.path(small.checkpointName("run", 12))) is a checkpoint of another job (")
        == true)
    #expect(error?.message.contains(named) == true, "\(error?.message ?? "")")
    #expect(error?.message.hasSuffix("resume with the job it began with, or train anew in another --run-dir") == true)
    #expect(try small.bytes("run/job.yaml") == before)
  }

  @Test("Other data than the run began with are refused")
  func anotherData() throws {
    let small = try SmallJob()
    let job = try small.job(["lower, bottom]": "lower, bottom]\n  normalize: none"])
    _ = try train(job, run: small.path("run"))
    var pixels = try small.bytes("train-images")
    pixels[1234] ^= 1
    try small.write(pixels, "train-images")
    let error = #expect(throws: TrainingError.self) { try train(job, run: small.path("run"), resume: true, epochs: 3) }
    #expect(
      error?.message.hasPrefix("the data are not those that \(small.path("run")) was trained on until step 12") == true)
  }

  @Test(
    "The newest are kept, as many as the job says",
    arguments: [(1, [12]), (2, [8, 12]), (3, [6, 8, 12]), (9, [4, 6, 8, 12])])
  func keep(count: Int, steps: [Int]) throws {
    let small = try SmallJob()
    _ = try train(try small.job(["keep: 2": "keep: \(count)"]), run: small.path("run"))
    #expect(small.checkpoints("run") == steps)
  }

  @Test("The file is safetensors: header length, JSON of names, types and shapes, then row-major float32")
  func layout() throws {
    let small = try SmallJob()
    _ = try train(try small.job(), run: small.path("run"))
    let bytes = try small.newestCheckpoint("run")
    let count = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let object = try JSONSerialization.jsonObject(with: Data(bytes[8..<8 + count])) as? [String: [String: Any]]
    let header = try #require(object)
    let weight = try #require(header["conv1.weight"])
    #expect(weight["dtype"] as? String == "F32")
    #expect(weight["shape"] as? [Int] == [3, 1, 5, 3])
    #expect(header["dense1.weight"]?["shape"] as? [Int] == [9, 75])
    #expect(header["optimizer.1.dense2.bias"]?["shape"] as? [Int] == [4])
    #expect(header.count == 1 + 3 * 6)
    let ends = header.values.compactMap { ($0["data_offsets"] as? [Int])?.last }
    #expect(ends.max() == bytes.count - 8 - count)
    let metadata = try #require(header["__metadata__"]?["apus"] as? String)
    #expect(metadata.hasPrefix("{\"data\":\""))
    #expect(metadata.contains("\"step\":12"))
  }

  @Test("A checkpoint or record that cannot be written ends the run on every rank, at once", arguments: [1, 2])
  func storage(ranks: Int) throws {
    let small = try SmallJob()
    let job = try small.job()
    // A directory with content stands where the first checkpoint belongs.
    let blocked = small.path(small.checkpointName("run", 4))
    try FileManager.default.createDirectory(atPath: blocked + "/x", withIntermediateDirectories: true)
    let results = try trainEach(job, run: small.path("run"), ranks: ranks)
    let error = #expect(throws: TrainingError.self) { try results[0].get() }
    #expect(error?.code == .storage)
    #expect(error?.message == "cannot replace \(blocked): Is a directory; free space or choose another --run-dir")
    if ranks == 2 { #expect(throws: PeerFailed.self) { try results[1].get() } }

    try FileManager.default.createDirectory(atPath: small.path("full"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: small.path("full/records.jsonl"), withDestinationPath: "/dev/full")
    let full = #expect(throws: TrainingError.self) { try train(job, run: small.path("full"), ranks: ranks) }
    #expect(
      full?.message == "cannot write \(small.path("full/records.jsonl")): No space left on device; "
        + "free space or choose another --run-dir")
  }

  private func damaged(_ bytes: [UInt8], _ damage: Damage) -> [UInt8] {
    switch damage {
    case .truncated: return Array(bytes.dropLast(5))
    case .flipped:
      var flipped = bytes
      flipped[bytes.count - 77] ^= 0x10
      return flipped
    case .empty: return []
    case .headerOnly: return Array(bytes.prefix(8 + Int(bytes[0]) + Int(bytes[1]) << 8))
    }
  }
}
