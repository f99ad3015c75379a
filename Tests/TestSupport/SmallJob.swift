package import Foundation

/// A folder with a small data set that can be learned, for runs that take milliseconds; removed with this value.
///
/// Images are 14×12 of noise with a bright band, whose place is the class: 4 classes, 150 training and 50 test samples.
package final class SmallJob: Sendable {
  package let folder: URL

  package init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "small-\(UUID().uuidString)").standardizedFileURL
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try write(samples: 150, seed: 1, "train")
    try write(samples: 50, seed: 2, "test")
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// Writes a job file: the text below, with each key of `changes` replaced by its value.
  package func job(_ changes: KeyValuePairs<String, String> = [:], named name: String = "job.yaml") throws -> String {
    var text = Self.text
    for (old, new) in changes {
      precondition(text.contains(old), "the job has no \"\(old)\"")
      text = text.replacing(old, with: new)
    }
    try text.write(to: folder.appending(path: name), atomically: true, encoding: .utf8)
    return path(name)
  }

  package func path(_ name: String) -> String { folder.appending(path: name).path }

  package func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: folder.appending(path: name))) }

  package func write(_ bytes: [UInt8], _ name: String) throws {
    try Data(bytes).write(to: folder.appending(path: name))
  }

  /// The steps that a run directory has checkpoints of, oldest first.
  package func checkpoints(_ run: String) -> [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path(run + "/checkpoints"))) ?? []
    return names.compactMap { name in name.firstMatch(of: /^step-0*(\d+)\.safetensors$/).flatMap { Int($0.1) } }
      .sorted()
  }

  /// The newest checkpoint's file, whole.
  package func newestCheckpoint(_ run: String) throws -> [UInt8] {
    try bytes(checkpointName(run, checkpoints(run).last ?? 0))
  }

  package func checkpointName(_ run: String, _ step: Int) -> String {
    "\(run)/checkpoints/step-\(String(repeating: "0", count: 8 - String(step).count))\(step).safetensors"
  }

  /// The steps that a run has records of, in the order of its file.
  package func recordedSteps(_ run: String) throws -> [Int] {
    try records(run, "step").compactMap { $0["step"] as? Int }
  }

  package func records(_ run: String, _ kind: String) throws -> [[String: Any]] {
    try bytes(run + "/records.jsonl").split(separator: UInt8(ascii: "\n"))
      .compactMap { try JSONSerialization.jsonObject(with: Data($0)) as? [String: Any] }
      .filter { $0["kind"] as? String == kind }
  }

  private func write(samples: Int, seed: UInt32, _ name: String) throws {
    var state = seed
    func random(_ bound: UInt32) -> UInt32 {
      state = state &* 1_664_525 &+ 1_013_904_223
      return (state >> 8) % bound
    }
    var labels: [UInt8] = []
    var pixels: [UInt8] = []
    for _ in 0..<samples {
      let label = random(4)
      labels.append(UInt8(label))
      for row in 0..<14 {
        for _ in 0..<12 { pixels.append(UInt8(random(80) + (row * 4 / 14 == label ? 120 : 0))) }
      }
    }
    try write(Self.idx([samples, 14, 12], pixels), name + "-images")
    try write(Self.idx([samples], labels), name + "-labels")
  }

  /// The bytes of an IDX file of unsigned bytes.
  package static func idx(_ dimensions: [Int], _ elements: [UInt8]) -> [UInt8] {
    [0, 0, 8, UInt8(dimensions.count)]
      + dimensions.flatMap { size in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: size >> $0) } } + elements
  }

  /// 2 epochs of 6 steps; checkpoints after steps 4, 6, 8 and 12.
  private static let text = """
    apus: 1
    name: small
    seed: 3
    data:
      format: idx
      train:
        images: train-images
        labels: train-labels
      test:
        images: test-images
        labels: test-labels
      classes: [top, upper, lower, bottom]
    model:
      layers:
        - convolution: {channels: 3, kernel: [5, 3], activation: tanh}
        - max_pool: {kernel: 2}
        - flatten
        - dropout: 0.25
        - dense: {outputs: 9, activation: relu}
        - dense: {outputs: 4}
    training:
      epochs: 2
      batch: 24
      shards: 6
      optimizer: {name: adam, learning_rate: 0.01}
    checkpoint: {every_steps: 4, keep: 2}

    """
}
