import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite("Bad input")
  struct BadInputTests {
    /// What is wrong with the job or its data, and the whole text that says so; `DIR` stands for the job's folder.
    struct Case: Sendable, CustomTestStringConvertible {
      let testDescription: String
      var changes: KeyValuePairs<String, String> = [:]
      var prepare: @Sendable (SmallJob) throws -> Void = { _ in }
      var ranks = 2
      let text: String
    }

    static let cases = [
      Case(
        testDescription: "unknown key", changes: ["batch: 24": "batchsize: 24"],
        text: """
          error: DIR/job.yaml:23:3: unknown key 'batchsize' in training; did you mean 'batch'?
            batchsize: 24
            ^
          """),
      Case(
        testDescription: "wrong type", changes: ["epochs: 2": "epochs: two"],
        text: """
          error: DIR/job.yaml:22:11: 'epochs' in training must be a whole number from 1 to 1000000, not 'two'; for \
          example 'epochs: 10'
            epochs: two
                    ^
          """),
      Case(
        testDescription: "batch that shards do not divide", changes: ["batch: 24": "batch: 25"],
        text: """
          error: DIR/job.yaml:23:10: a batch of 25 samples cannot be cut into 6 equal shards; use batch 24 or 30, or \
          shards 5 or 25
            batch: 25
                   ^
          """),
      Case(
        testDescription: "negative learning rate", changes: ["learning_rate: 0.01": "learning_rate: -0.01"],
        text: """
          error: DIR/job.yaml:25:42: 'learning_rate' in training.optimizer (adam) must be a number above 0, not '-0.01'; for \
          example 'learning_rate: 0.001'
            optimizer: {name: adam, learning_rate: -0.01}
                                                   ^
          """),
      Case(
        testDescription: "missing data file", changes: ["images: test-images": "images: tset-images"],
        text: """
          error: DIR/job.yaml:10:13: DIR/tset-images: there is no such file; give the path of a data file
              images: tset-images
                      ^
          """),
      Case(
        testDescription: "truncated gzip", prepare: { try $0.write(Array(gzipped.dropLast(9)), "train-labels") },
        text: """
          error: DIR/job.yaml:8:13: DIR/train-labels, byte 22: the gzip stream ends before its trailer; the copy is \
          incomplete: fetch the file again
              labels: train-labels
                      ^
          """),
      Case(
        testDescription: "corrupt gzip",
        prepare: { small in
          var bytes = gzipped
          bytes[bytes.count - 6] ^= 0x40  // in the CRC-32
          try small.write(bytes, "train-labels")
        },
        text: """
          error: DIR/job.yaml:8:13: DIR/train-labels, byte 27: the gzip stream is corrupt (incorrect data check); fetch \
          the file again
              labels: train-labels
                      ^
          """),
      Case(
        testDescription: "wrong magic", prepare: { try $0.write(Array("PNG, no IDX".utf8), "train-images") },
        text: """
          error: DIR/job.yaml:7:13: DIR/train-images, byte 0: an IDX file starts with 00 00 08, this one with 50 4e 47 2c; \
          give the path of an IDX file, plain or gzip
              images: train-images
                      ^
          """),
      Case(
        testDescription: "fewer pixels than promised",
        prepare: { try $0.write(Array($0.bytes("train-images").dropLast(200)), "train-images") },
        text: """
          error: DIR/job.yaml:7:13: DIR/train-images, byte 25016: the header promises 25200 elements (150 × 14 × 12), the \
          file has 25000; the copy is incomplete: fetch the file again
              images: train-images
                      ^
          """),
      Case(
        testDescription: "empty file", prepare: { try $0.write([], "train-images") },
        text: """
          error: DIR/job.yaml:7:13: DIR/train-images, byte 0: the file is empty; fetch the file again
              images: train-images
                      ^
          """),
      Case(
        testDescription: "label outside the classes", changes: ["[top, upper, lower, bottom]": "3"],
        prepare: { try $0.write(SmallJob.idx([150], (0..<150).map { $0 == 77 ? 3 : $0 % 3 }), "train-labels") },
        text: """
          error: DIR/job.yaml:8:13: DIR/train-labels: sample 77 has label 3, but 3 classes have labels 0 to 2; correct the \
          label, or give the model 4 classes or more
              labels: train-labels
                      ^
          """),
      Case(
        testDescription: "images of one split, labels of the other",
        changes: ["labels: train-labels": "labels: test-labels"],
        text: """
          error: DIR/job.yaml:7:13: DIR/train-images: 150 images, but 50 labels in DIR/test-labels; give the images and \
          labels of the same split
              images: train-images
                      ^
          """),
      Case(
        testDescription: "batch beyond the data set", changes: ["batch: 24": "batch: 156"],
        text: """
          error: DIR/job.yaml:23:10: a batch of 156 is more than the 150 samples there are; make the batch 150 or less
            batch: 156
                   ^
          """),
      Case(
        testDescription: "states over samples that are no text",
        changes: ["shards: 6": "shards: 6\n  carry_state: true"],
        text: """
          error: DIR/job.yaml:25:16: 'carry_state' takes one long text, whose pieces go on from each other, and the samples \
          of this data have nothing to do with one another; give 'format: text' one text file, or remove 'carry_state'
            carry_state: true
                         ^
          """),
      Case(
        testDescription: "more ranks than shards", changes: ["shards: 6": "shards: 2"], ranks: 3,
        text: """
          error: DIR/job.yaml:24:11: 3 ranks cannot share 2 shards; use at most 2 ranks or more shards
            shards: 2
                    ^
          """),
      Case(
        testDescription: "outputs that are not the classes", changes: ["dense: {outputs: 4}": "dense: {outputs: 5}"],
        text: """
          error: DIR/job.yaml:20:7: layer 'dense2': the model ends in 5 outputs a sample, the data has 4 classes; end it with \
          '- dense: {outputs: 4}'
              - dense: {outputs: 5}
                ^
          """),
      Case(
        testDescription: "a kernel larger than the image", changes: ["kernel: [5, 3]": "kernel: [15, 3]"],
        text: """
          error: DIR/job.yaml:15:34: layer 'conv1': a 15×3 window does not fit an input of 14×12 with padding 0; use a \
          smaller kernel or more padding
              - convolution: {channels: 3, kernel: [15, 3], activation: tanh}
                                           ^
          """),
    ]

    @Test("Refused by exit code 3 and one text with place and remedy, before a rank computes", arguments: cases)
    func refused(input: Case) async throws {
      let small = try SmallJob()
      let job = try small.job(input.changes)
      try input.prepare(small)
      let result = try await apus(["train", job], ranks: input.ranks, in: small)
      #expect(result.exitCode == 3, "\(result.errors)")
      #expect(result.output == "")
      #expect(result.ownErrors == input.text.replacing("DIR", with: small.folder.path) + "\n")
      #expect(!FileManager.default.fileExists(atPath: small.path("runs")))
    }

    @Test("A directory with a run is not used twice, and neither is one under a file", arguments: [1, 2])
    func runDirectory(ranks: Int) async throws {
      let small = try SmallJob()
      let job = try small.job()
      #expect(try await apus(["train", job, "--run-dir", "mine"], in: small).exitCode == 0)
      let before = try small.newestCheckpoint("mine")
      let used = try await apus(["train", job, "--run-dir", "mine"], ranks: ranks, in: small)
      #expect(used.exitCode == 3)
      #expect(
        used.ownErrors == "error: mine already holds a run; go on with it by --resume, or give another --run-dir\n")
      #expect(try small.newestCheckpoint("mine") == before)
      let under = try await apus(["train", job, "--run-dir", "job.yaml/mine"], ranks: ranks, in: small)
      #expect(under.exitCode == 1)
      #expect(under.ownErrors == "error: cannot create the directory job.yaml: File exists; choose another --run-dir\n")
    }

    @Test(
      "Usage errors are exit code 2",
      arguments: [
        ["train"], ["train", "job.yaml", "--epochs", "0"], ["train", "job.yaml", "--threads", "x"],
        ["train", "job.yaml", "--fast"], ["describe"], ["describe", "mlp", "--batch", "0"],
        ["describe", "mlp", "--input", "0x28x28"], ["check-gradients"],
        ["check-gradients", "job.yaml", "--samples", "0"],
        ["check-gradients", "job.yaml", "--per-parameter", "-1"], ["evaluate"],
        ["evaluate", "runs/x", "--threads", "0"], ["bench", "train"],
        ["bench", "train", "--workload", "vgg"], ["bench", "train", "--workload", "mlp", "--seconds", "nan"],
      ])
    func usage(arguments: [String]) async throws {
      let small = try SmallJob()
      _ = try small.job()
      let result = try await apus(arguments, in: small)
      #expect(result.exitCode == 2)
      #expect(result.output == "")
      #expect(result.errors.hasPrefix("Error: "))
    }

    /// 150 labels, 1 for each, as gzip made them.
    private static let gzipped: [UInt8] = [
      0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x63, 0x60, 0xe0, 0x60, 0x64, 0x60, 0x60, 0x98, 0xc6,
      0x38, 0x28, 0x01, 0x00, 0xcb, 0x66, 0x02, 0x85, 0x9e, 0x00, 0x00, 0x00,
    ]
  }
}
