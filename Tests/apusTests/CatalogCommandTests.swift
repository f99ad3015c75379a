import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite("apus catalog")
  struct CatalogCommandTests {
    private static let comparison = """
                                          p4d.24xlarge       trn1.32xlarge
      ────────────────────────────  ──────────────────  ──────────────────
      accelerators                  8 × a100-sxm4-40gb       16 × trainium
      status                                   current             current
      peak each                     312.0 TFLOP/s bf16  190.0 TFLOP/s bf16
      peak                                2.50 PFLOP/s        3.04 PFLOP/s
      accelerator memory each                40.00 GiB           32.00 GiB
      accelerator memory                     320.0 GiB           512.0 GiB
      memory bandwidth each                  1.56 TB/s          880.5 GB/s
      link                                    nvswitch            torus-2d
      link each, per direction              300.0 GB/s          206.2 GB/s
      network                               400 Gbit/s          800 Gbit/s
      network an accelerator                 50 Gbit/s           50 Gbit/s
      vCPUs                                         96                 128
      host memory                             1.13 TiB           512.0 GiB
      ────────────────────────────  ──────────────────  ──────────────────
      on demand an hour                     $21.957642              $21.50
      as of                                 2026-07-20          2026-07-20
      spot an hour                                   –                   –
      reserved for a year, an hour              $19.22                   –
      an accelerator-hour                        $2.74               $1.34
      ────────────────────────────  ──────────────────  ──────────────────
      peak per $/h                       113.7 TFLOP/s       141.4 TFLOP/s
      accelerator memory per $/h             14.57 GiB           23.81 GiB
      memory bandwidth per $/h              566.5 GB/s          655.2 GB/s
      network per $/h                      18.2 Gbit/s         37.2 Gbit/s

      trn1.32xlarge: link: 412.3 GB/s a chip is taken as the sum of both directions, 206.2 GB/s each: its source \
      does not say

      """

    @Test("compare prints what instances have and what a dollar buys, side by side")
    func compare() async throws {
      let result = try await apus(["catalog", "compare", "p4d.24xlarge", "trn1.32xlarge"], in: SmallJob())
      #expect(result.exitCode == 0 && result.output == Self.comparison, "\(result.output)\(result.errors)")
    }

    @Test("compare in JSON has null where no source gives a value, and says what is assumed")
    func compareJSON() async throws {
      let result = try await apus(["catalog", "compare", "g5g.xlarge", "p5e.48xlarge", "--json"], in: SmallJob())
      let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
      let figures = try #require(object as? [[String: Any]])
      #expect(figures.count == 2 && figures[0]["peakPerDollar"] == nil && figures[1]["onDemand"] == nil)
      #expect(figures[1]["linkPerDirection"] as? Double == 450e9)
      let notes = figures.flatMap { $0["notes"] as? [String] ?? [] }
      #expect(notes.contains { $0.hasPrefix("g5g.xlarge: no peaks are published of t4g; a plan assumes those of t4") })
      #expect(notes.contains("p5e.48xlarge: no on-demand price is known in us-east-1"))
    }

    @Test("list filters, sorts and counts")
    func list() async throws {
      let result = try await apus(
        ["catalog", "list", "--family", "p4d", "--family", "p2", "--family", "inf1", "--sort", "price"], in: SmallJob())
      let rows = result.lines.map { $0.split(separator: /\s{2,}/).map(String.init) }
      #expect(
        rows.dropFirst(2).dropLast().map { $0[0] } == [
          "inf1.xlarge", "inf1.2xlarge", "p2.xlarge", "inf1.6xlarge", "inf1.24xlarge", "p2.8xlarge", "p2.16xlarge",
          "p4d.24xlarge",
        ])
      #expect(rows[2].last == "current, cannot train" && rows[4].last == "withdrawn")
      #expect(result.lines.last == "8 of 70 instance types, prices of us-east-1")
      let current = try await apus(
        ["catalog", "list", "--current", "--trains", "--accelerator", "A100", "--json"], in: SmallJob())
      let types = try #require(try JSONSerialization.jsonObject(with: Data(current.output.utf8)) as? [[String: Any]])
      #expect(types.map { $0["instance"] as? String } == ["p4d.24xlarge", "p4de.24xlarge"])
      #expect(types[0]["network"] as? Double == 50e9 && types[0]["onDemand"] as? Double == 21.957642)
    }

    @Test("show prints each value with its date and source; an unknown type ends with 3 and the near miss")
    func show() async throws {
      let small = try SmallJob()
      let result = try await apus(["catalog", "show", "t4g"], in: small)
      let line = result.lines.first { $0.hasPrefix("assumed to be like") }
      #expect(line?.contains(/t4 +2025-12 +ec2instances.info by Vantage .*; NVIDIA publishes no peaks for T4G/) == true)
      let p5 = try await apus(["catalog", "show", "p5.48xlarge"], in: small)
      #expect(
        p5.output.contains(/on-demand +\$55.04 +us-east-1 +2026-07-20/)
          && p5.output.contains(/\$98.32 +us-east-1 +2025-04-28/))
      let unknown = try await apus(["catalog", "show", "p4d.24xlrge"], in: small)
      #expect(unknown.exitCode == 3 && unknown.output.isEmpty)
      #expect(unknown.errors == "error: the catalog has no instance type 'p4d.24xlrge'; did you mean 'p4d.24xlarge'?\n")
    }

    @Test("check holds the rows to a file: 0 where all is explained, 3 where it is not")
    func check() async throws {
      let small = try SmallJob()
      let sample = try await apus(["catalog", "check"], in: small)
      #expect(sample.exitCode == 0 && sample.lines.last?.hasSuffix("10 known differences, 0 unexplained") == true)
      let text = """
        {"InstanceTypes": [{"InstanceType": "p3.2xlarge", "VCpuInfo": {"DefaultVCpus": 9}, "GpuInfo": {"Gpus": [
          {"Name": "V100", "Count": 1, "MemoryInfo": {"SizeInMiB": 16384}}]}}]}
        """
      try small.write(Array(text.utf8), "types.json")
      let result = try await apus(["catalog", "check", "types.json"], in: small)
      #expect(result.exitCode == 3 && result.output.contains(/p3.2xlarge +vcpus +8 +9/), "\(result.output)")
      #expect(result.errors.hasPrefix("error: 1 of 4 values differ, and nothing explains it; import the file"))
    }

    @Test("import makes a catalog that the other commands use, and refuses a damaged file with its place")
    func imports() async throws {
      let small = try SmallJob()
      let head = "InstanceType,AcceleratorCount,GpuInfo,Price,SpotPrice,Region,AvailabilityZone\n"
      try small.write(Array((head + "p4d.24xlarge,8.0,,20.5,7.25,us-east-1,use1-az1\n").utf8), "vms.csv")
      let result = try await apus(
        ["catalog", "import", "--skypilot", "vms.csv", "--as-of", "2027-01-02", "--into", "mine"], in: small)
      #expect(
        result.output == """
          SkyPilot catalog of AWS, imported from vms.csv, as of 2027-01-02

          added:
            p4d.24xlarge: spot, use1-az1 $7.25

          changed:
            p4d.24xlarge: on-demand, us-east-1 $21.957642 (2026-07-20) → $20.50

          1 added, 1 changed, 0 confirmed, 0 unchanged, 0 older
          written: mine/sources.csv, mine/prices.csv

          """, "\(result.output)\(result.errors)")
      let compared = try await apus(
        ["catalog", "compare", "p4d.24xlarge", "trn1.32xlarge", "--catalog", "mine"], in: small)
      #expect(
        compared.output.contains(/on demand an hour +\$20.50 +\$21.50/)
          && compared.output.contains(/spot an hour +\$7.25 +–/))

      try small.write(Array((head + "p4d.24xlarge,8.0,,20.5,\"7.25,us-east-1\n").utf8), "vms.csv")
      let damaged = try await apus(["catalog", "import", "--skypilot", "vms.csv", "--into", "mine"], in: small)
      #expect(damaged.exitCode == 3)
      #expect(damaged.errors.hasPrefix("error: vms.csv:2:24: a quoted field that does not end; close it with \""))
      let two = try await apus(
        ["catalog", "import", "--skypilot", "a", "--describe", "b", "--into", "mine"], in: small)
      #expect(two.exitCode == 2 && two.errors.contains("give one of --describe, --price-list and --skypilot"))
      let none = try await apus(["catalog", "import", "--describe", "none.json", "--into", "mine"], in: small)
      #expect(none.exitCode == 3 && none.errors.contains("none.json: there is no such file"))
    }
  }
}
