import Foundation
import Jobs
import TestSupport
import Testing
import Training
import Units

@Suite("Run directory and records")
struct RunDirectoryTests {
  @Test("A second run gets a number; the newest is the last one of that job")
  func naming() throws {
    let small = try SmallJob()
    let parent = small.path("runs")
    func use(_ directory: String, by name: String) throws {
      let text = try JobFile(path: small.job(["name: small": "name: \(name)"])).job.yaml()
      try RunDirectory(path: "\(parent)/\(directory)").create()
      try small.write(Array(text.utf8), "runs/\(directory)/job.yaml")
    }
    #expect(RunDirectory.unused(for: "net", in: parent).path == parent + "/net")
    #expect(RunDirectory.newest(for: "net", in: parent) == nil)
    try use("net", by: "net")
    #expect(RunDirectory.unused(for: "net", in: parent).path == parent + "/net-2")
    try use("net-2", by: "net")
    #expect(RunDirectory.newest(for: "net", in: parent)?.path == parent + "/net-2")
    // The first run of a job that is called like the third run of this one.
    try use("net-3", by: "net-3")
    #expect(RunDirectory.newest(for: "net", in: parent)?.path == parent + "/net-2")
    #expect(RunDirectory.unused(for: "net", in: parent).path == parent + "/net-4")
  }

  @Test("Checkpoints are found by their step, whatever else lies there")
  func steps() throws {
    let small = try SmallJob()
    let directory = RunDirectory(path: small.path("run"))
    try directory.create()
    #expect(directory.checkpoint(step: 1234) == small.path("run/checkpoints/step-00001234.safetensors"))
    #expect(directory.checkpoint(step: 123_456_789) == small.path("run/checkpoints/step-123456789.safetensors"))
    for name in ["step-00000012.safetensors", "step-123456789.safetensors", "step-x.safetensors", "notes.txt"] {
      try small.write([], "run/checkpoints/" + name)
    }
    #expect(directory.checkpointSteps == [123_456_789, 12])
  }

  @Test("A directory that cannot be made is refused with the reason")
  func refused() throws {
    let small = try SmallJob()
    let error = #expect(throws: TrainingError.self) {
      try RunDirectory(path: small.path("train-images/run")).create()
    }
    #expect(error?.code == .storage)
    #expect(
      error?.message
        == "cannot create the directory \(small.path("train-images")): File exists; choose another --run-dir")
  }

  @Test("Records of later steps and a torn line are dropped, all others stay as they were")
  func keptRecords() throws {
    let small = try SmallJob()
    let path = small.path("records.jsonl")
    func step(_ number: Int) -> StepRecord {
      StepRecord(
        step: number, epoch: 1, loss: 0.5, learningRate: 0.1, seconds: Seconds(1), reductionSeconds: Seconds(0),
        exposedSeconds: Seconds(0))
    }
    func write(_ steps: [Int], keeping: Int?) throws -> EpochRecord? {
      let writer = try RecordWriter(path: path, keepingSteps: keeping)
      for number in steps {
        try writer.append("step", step(number))
        guard number == 2 else { continue }
        try writer.append(
          "epoch",
          EpochRecord(
            epoch: 1, step: 2, trainingLoss: 0.75, testLoss: nil, testAccuracy: nil, validationLoss: nil,
            validationAccuracy: nil, sparsity: nil, seconds: Seconds(2),
            samplesPerSecond: 3))
      }
      try writer.flush()
      return writer.lastEpoch
    }
    #expect(try write([1, 2, 3, 4], keeping: nil) == nil)
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    #expect(lines.count == 5)
    // A crash in the middle of a line, and of a letter.
    try small.write(
      small.bytes("records.jsonl") + Array("{\"kind\":\"step\",\"host\":\"".utf8) + [0xC3], "records.jsonl")
    #expect(try write([4, 5], keeping: 3)?.trainingLoss == 0.75)
    #expect(try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").prefix(4) == lines.prefix(4))
    let steps = try String(contentsOfFile: path, encoding: .utf8).matches(of: #/"step":(\d+)/#).map { Int($0.1) }
    #expect(steps == [1, 2, 2, 3, 4, 5])
    #expect(try write([9], keeping: 1) == nil)
    #expect(try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").count == 2)
  }
}
