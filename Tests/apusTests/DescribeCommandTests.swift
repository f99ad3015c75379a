import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite("apus describe and apus check-gradients")
  struct DescribeCommandTests {
    private static let lenet5 = """
      lenet5, 64 samples

      layer     operations             output       parameters      forward     backward  output bytes      saved
      ────────  ─────────────────────  ───────────  ──────────  ───────────  ───────────  ────────────  ─────────
      c1        convolution + relu     64×6×28×28          156  15.65 MFLOP  15.65 MFLOP      1.15 MiB   1.15 MiB
      p1        max-pool               64×6×14×14            –  301.1 kFLOP  75.26 kFLOP     294.0 KiB  367.5 KiB
      c2        convolution + relu     64×16×10×10       2,416  30.92 MFLOP  61.64 MFLOP     400.0 KiB  400.0 KiB
      p2        max-pool               64×16×5×5             –  102.4 kFLOP  25.60 kFLOP     100.0 KiB  25.00 KiB
      flatten1  reshape                64×400                –       0 FLOP       0 FLOP     100.0 KiB  100.0 KiB
      f1        dense + relu           64×120           48,120   6.16 MFLOP  12.30 MFLOP     30.00 KiB  30.00 KiB
      f2        dense + relu           64×84            10,164   1.30 MFLOP   2.59 MFLOP     21.00 KiB  21.00 KiB
      f3        dense                  64×10               850  108.2 kFLOP  215.7 kFLOP      2.50 KiB        0 B
      loss      softmax cross-entropy  scalar                –   3.20 kFLOP   1.28 kFLOP           4 B   2.50 KiB
      ────────  ─────────────────────  ───────────  ──────────  ───────────  ───────────  ────────────  ─────────
      total                                             61,706  54.55 MFLOP  92.51 MFLOP                 2.07 MiB

      """

    @Test("A zoo model is a table by layer with totals, then the memory of a step")
    func lenet5Table() async throws {
      let result = try await apus(["describe", "lenet5"], in: SmallJob())
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(result.output.hasPrefix(Self.lenet5), "\(result.output)")
      // The workspace and the padding of blocked layouts are the processor's.
      let last = try #require(result.lines.last)
      #expect(last.contains(/^memory of a step: parameters .*, gradients .*, workspace .* MiB$/), "\(last)")
    }

    /// Parameters by stage as published: 64 to 512 channels, two blocks each (He et al. 2016).
    @Test("A large model is shown by stage, its statistics apart from its parameters")
    func byStage() async throws {
      let result = try await apus(["describe", "resnet18", "--batch", "2", "--depth", "1"], in: SmallJob())
      #expect(result.exitCode == 0, "\(result.errors)")
      let rows = result.lines.dropFirst(3).map { $0.split(separator: /\s{2,}/).map(String.init) }
      #expect(
        rows.prefix(8).map { $0.prefix(4).joined(separator: " | ") } == [
          "conv1 | convolution | 2×64×112×112 | 9,408", "bn1 | batch norm + relu | 2×64×112×112 | 128",
          "maxpool | max-pool | 2×64×56×56 | –", "layer1 | 12 layers | 2×64×56×56 | 147,968",
          "layer2 | 14 layers | 2×128×28×28 | 525,568", "layer3 | 14 layers | 2×256×14×14 | 2,099,712",
          "layer4 | 14 layers | 2×512×7×7 | 8,393,728", "avgpool | average-pool | 2×512×1×1 | –",
        ])
      #expect(
        result.lines.contains("statistics: 9,600 running means and variances, which are observed, not learned"),
        "\(result.output)")
    }

    @Test("Auxiliary heads are rows of their own before the loss, in JSON by block too")
    func auxiliaryHeads() async throws {
      let result = try await apus(
        ["describe", "googlenet-auxiliary", "--batch", "2", "--depth", "1", "--json"], in: SmallJob())
      let object = try #require(JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
      let summary = try #require(object["summary"] as? [String: Any])
      let layers = try #require(summary["layers"] as? [[String: Any]])
      #expect(layers.suffix(5).map { $0["name"] as? String } == ["dropout", "fc", "aux1", "aux2", "loss"])
      // 128 filters and their batch norm, dense layers of 2048 to 1024 and 1024 to 1000.
      let head = 128 * 512 + 2 * 128 + 1024 * 2049 + 1000 * 1025
      #expect(layers.suffix(3).map { $0["parameterCount"] as? Int } == [head, head + 128 * 16, 0])
      #expect(summary["parameterCount"] as? Int == 13_004_888)
      #expect((summary["statisticCount"] as? Int ?? 0) > 0)
      let usage = try await apus(["describe", "lenet5", "--depth", "0"], in: SmallJob())
      #expect(usage.exitCode == 2 && usage.errors.contains("show at least one part of a name"), "\(usage.errors)")
    }

    @Test("JSON holds what the table shows")
    func json() async throws {
      let result = try await apus(["describe", "mlp", "--batch", "3", "--json"], in: SmallJob())
      let object = try #require(JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
      let summary = try #require(object["summary"] as? [String: Any])
      let layers = try #require(summary["layers"] as? [[String: Any]])
      #expect(object["samples"] as? Int == 3)
      #expect(summary["parameterCount"] as? Int == 535_818)
      #expect(layers.map { $0["name"] as? String } == ["flatten1", "l1", "l2", "l3", "loss"])
      #expect(layers[1]["output"] as? [Int] == [3, 512])
      // 3·512·784 multiply-adds of two, 3·512 additions of the bias, 3·512 comparisons of ReLU.
      #expect(layers[1]["forward"] as? Double == 2_411_520)
    }

    @Test("A job is described for one shard of its data, and with its optimizer")
    func job() async throws {
      let small = try SmallJob()
      let result = try await apus(["describe", small.job()], in: small)
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(result.output.contains("optimizer "))
      #expect(!result.output.contains("1×28×28"))
    }

    @Test(
      "What cannot be described is refused with the remedy",
      arguments: [
        (["describe", "lenet"], Int32(3), "error: unknown zoo model 'lenet'; did you mean 'lenet5'?\n"),
        (["describe", "resnet"], 3, "error: unknown zoo model 'resnet'; did you mean 'resnet9'?\n"),
        (
          ["describe", "lenet5", "--input", "1x4x4"], 3,
          "error: layer 'input': lenet5 takes images of at least 12×12, [channels, height, width], a sample is 1×4×4; "
            + "use larger images, or resnet18, which takes any\n"
        ),
        (
          ["describe", "mlp", "--input", "9999999999x9999999999x9999999999", "--batch", "1"], 3,
          "error: layer 'input': 1 samples of 9999999999×9999999999×9999999999 are more than 2⁴⁰ elements; use fewer or "
            + "smaller ones\n"
        ),
        (
          ["describe", "lenet5", "--batch", "9223372036854775807"], 3,
          "error: layer 'input': 9223372036854775807 samples of 1×28×28 are more than 2⁴⁰ elements; use fewer or smaller "
            + "ones\n"
        ),
        (
          ["describe", "no/job.yaml"], 3,
          "error: no/job.yaml: there is no such file; give the path of a job file, such as "
            + "cluster/jobs/lenet5-fashion-mnist.yaml\n"
        ),
      ] as [([String], Int32, String)])
    func refused(arguments: [String], exitCode: Int32, errors: String) async throws {
      let result = try await apus(arguments, in: SmallJob())
      #expect(result.exitCode == exitCode)
      #expect(result.errors == errors)
      #expect(result.output == "")
    }

    @Test("A zoo name is the model, whatever the working directory holds")
    func zooNameOfAFile() async throws {
      let small = try SmallJob()
      _ = try small.job(named: "lenet5")
      let result = try await apus(["describe", "lenet5"], in: small)
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(result.output.hasPrefix(Self.lenet5), "\(result.output)")
    }

    @Test("A model larger than this machine's memory is described all the same")
    func nothingIsAllocated() async throws {
      let result = try await apus(["describe", "lenet5", "--batch", "1", "--input", "1x60000x60000"], in: SmallJob())
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(result.lines.last?.hasPrefix("memory of a step: parameters 1.57 TiB, gradients 1.57 TiB, ") == true)
    }

    @Test("A layer that keeps others from learning is described with a warning, and refused in training if all are")
    func blockedGradient() async throws {
      let small = try SmallJob()
      let warning =
        "its slope is 0 everywhere, so 'conv1.weight', 'conv1.bias' will not learn; use 'sigmoid' or 'tanh' in "
      let some = try await apus(["describe", small.job(["activation: tanh": "activation: binary_step"])], in: small)
      #expect(some.exitCode == 0 && some.output.hasPrefix("small, 4 samples"), "\(some.errors)")
      #expect(some.errors == "warning: blocked-gradient: layer 'conv1': \(warning)training\n")
      let job = try small.job(["- dense: {outputs: 4}": "- dense: {outputs: 4, activation: binary_step}"])
      #expect(try await apus(["describe", job], in: small).exitCode == 0)
      let all = try await apus(["train", job], in: small)
      #expect(all.exitCode == 3)
      #expect(
        all.errors.contains("job.yaml:20:7: layer 'dense2': nothing can be trained: its slope is 0"), "\(all.errors)")
    }

    @Test("A wrong shape of a sample is a usage error")
    func shape() async throws {
      let result = try await apus(["describe", "lenet5", "--input", "1x28xx"], in: SmallJob())
      #expect(result.exitCode == 2)
      #expect(result.errors.contains("write channels x height x width, such as 1x28x28"))
    }

    @Test("A job's gradients pass, parameter by parameter, worst first")
    func gradients() async throws {
      let small = try SmallJob()
      let result = try await apus(["check-gradients", small.job(), "--per-parameter", "5", "--json"], in: small)
      #expect(result.exitCode == 0, "\(result.errors)\(result.output)")
      let object = try #require(JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
      let rows = try #require(object["rows"] as? [[String: [String: Any]]])
      let errors = rows.compactMap { ($0["check"]?["worst"] as? [String: Any])?["relativeError"] as? Double }
      #expect(rows.count >= 4)
      let worst = zip(errors, rows.compactMap { $0["float32"]?["relativeError"] as? Double }).map { max($0 * 10, $1) }
      #expect(worst == worst.sorted(by: >))
      #expect((errors.first ?? 1) < 1e-5)
      #expect(rows.allSatisfy { ($0["check"]?["checkedCount"] as? Int ?? 0) <= 5 })
      #expect(rows.allSatisfy { ($0["float32"]?["relativeError"] as? Double ?? 1) < 1e-4 })
    }

    @Test(
      "The gradients of every job that comes with Apus pass, on its own data",
      arguments: ["lenet5-fashion-mnist", "mlp-fashion-mnist", "dropout-fashion-mnist", "resnet-fashion-mnist"])
    func shippedJobs(name: String) async throws {
      let job = BuiltProduct.packageRoot.appending(path: "cluster/jobs/\(name).yaml").path
      let result = try await apus(["check-gradients", job, "--samples", "3", "--per-parameter", "2"], in: SmallJob())
      #expect(result.exitCode == 0, "\(result.errors)\(result.output)")
      #expect(result.output.hasPrefix("\(name): gradients at the initial weights, 3 training samples\n\nparameter"))
      #expect(result.lines.last == "passed: errors up to 1.0e-05 pass, float32 errors up to 1.0e-04")
    }

    @Test("A wrong job is refused with line, column and remedy by each command that reads one")
    func wrongJob() async throws {
      let small = try SmallJob()
      let job = try small.job(["batch: 24": "batchsize: 24"])
      let text =
        "error: \(job):23:3: unknown key 'batchsize' in training; did you mean 'batch'?\n  batchsize: 24\n  ^\n"
      for command in ["describe", "check-gradients"] {
        let result = try await apus([command, job], in: small)
        #expect(result.exitCode == 3)
        #expect(result.errors == text)
        #expect(result.output == "")
      }
    }

    @Test("The version and the help of each command go to standard output")
    func versionAndHelp() async throws {
      let small = try SmallJob()
      let version = try await apus(["--version"], in: small)
      #expect(version.exitCode == 0)
      #expect(version.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil, "\(version.output)")
      for command in ["train", "evaluate", "describe", "check-gradients", "tune"] {
        let help = try await apus(["help", command], in: small)
        #expect(help.exitCode == 0)
        #expect(help.errors == "")
        #expect(help.output.hasPrefix("OVERVIEW: "))
        #expect(help.output.contains(try Regex("\nExamples?:\n  apus \(command) ")), "\(help.output)")
      }
    }

    @Test("Without a subcommand the help is shown; an unknown one is a usage error")
    func help() async throws {
      let small = try SmallJob()
      let help = try await apus([], in: small)
      #expect(help.exitCode == 0)
      #expect(help.output.contains("Exit codes: 0 done, 2 usage"))
      let unknown = try await apus(["trian"], in: small)
      #expect(unknown.exitCode == 2)
      #expect(unknown.output == "")
    }
  }
}
