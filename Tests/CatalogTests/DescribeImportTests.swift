import Catalog
import Foundation
import TestSupport
import Testing
import Units

@Suite("Importing DescribeInstanceTypes") struct DescribeImportTests {
  let folder: TemporaryFolder
  private var into: String { folder.path + "/mine" }

  init() throws { folder = try TemporaryFolder() }

  private func run(_ json: String, asOf: String = "2027-03-04") throws -> ImportReport {
    let path = try folder.write(json, "types.json")
    return try CatalogImport.run(.describeInstanceTypes, path: path, into: into, asOf: FactDate(asOf))
  }

  private func refusal(_ json: String) throws -> CatalogError? {
    do {
      _ = try run(json)
      return nil
    } catch let error as CatalogError {
      #expect(!folder.names.contains("mine"), "something was imported")
      return error
    }
  }

  /// A p4d.24xlarge with other figures where `changes` has some.
  private func p4d(_ changes: KeyValuePairs<String, String> = [:]) -> String {
    var text = """
      {"InstanceTypes": [
        {"InstanceType": "p4d.24xlarge", "CurrentGeneration": true, "BareMetal": false, "Hypervisor": "nitro",
         "SupportedUsageClasses": ["spot", "on-demand", "capacity-block"],
         "ProcessorInfo": {"SupportedArchitectures": ["x86_64"], "SustainedClockSpeedInGhz": 3.0},
         "VCpuInfo": {"DefaultCores": 48, "DefaultThreadsPerCore": 2, "DefaultVCpus": 96},
         "MemoryInfo": {"SizeInMiB": 1179648},
         "GpuInfo": {"Gpus": [{"Count": 8, "GpuPartitionSize": 1.0, "Name": "A100", "MemoryInfo": {"SizeInMiB": 40960}}],
           "TotalGpuMemoryInMiB": 327680},
         "NetworkInfo": {"NetworkPerformance": "4x 100 Gigabit", "EfaSupported": true,
           "EfaInfo": {"MaximumEfaInterfaces": 4}, "MaximumNetworkCards": 4}}]}
      """
    for (old, new) in changes {
      #expect(text.contains(old))
      text = text.replacing(old, with: new)
    }
    return text
  }

  @Test("tells added, changed, confirmed and unchanged values apart, and the catalog has them")
  func changes() throws {
    let report = try run(
      p4d([
        "\"DefaultVCpus\": 96": "\"DefaultVCpus\": 144", "\"DefaultThreadsPerCore\": 2": "\"DefaultThreadsPerCore\": 3",
      ]))
    #expect(
      report.changed.map {
        "\($0.subject) \($0.attribute) \($0.old ?? "") \($0.oldAsOf.map { "\($0)" } ?? "") \($0.new)"
      } == [
        "p4d.24xlarge vcpus 96 2026-05-20 144", "p4d.24xlarge threads_per_core 2 2026-05-20 3",
      ])
    #expect(report.added.isEmpty && report.older.isEmpty && report.unchanged == 0 && report.confirmed == 14)
    #expect(report.written == ["\(into)/sources.csv", "\(into)/instances.csv"])
    let host = try Catalog(directory: into).instance(named: "p4d.24xlarge").host
    #expect(host.vCPUs.value == 144 && host.vCPUs.asOf.description == "2027-03-04")
    #expect(host.vCPUs.source.title == "AWS DescribeInstanceTypes, imported from types.json")
    #expect(host.cores?.value == 48 && host.cores?.asOf.description == "2027-03-04")

    let again = try run(
      p4d([
        "\"DefaultVCpus\": 96": "\"DefaultVCpus\": 144", "\"DefaultThreadsPerCore\": 2": "\"DefaultThreadsPerCore\": 3",
      ]))
    #expect(again.unchanged == 16 && again.changed.isEmpty && again.written.isEmpty)
  }

  @Test("never replaces a newer value by an older one")
  func older() throws {
    let report = try run(p4d(["\"MaximumEfaInterfaces\": 4": "\"MaximumEfaInterfaces\": 3"]), asOf: "2021-01-01")
    #expect(report.older.map(\.attribute) == ["efa_interfaces"] && report.older.map(\.new) == ["3"])
    #expect(report.changed.isEmpty && report.written.isEmpty && !folder.names.contains("mine"))
  }

  @Test("adds a new type of a known accelerator, and ignores what it cannot place, with the reason")
  func newTypes() throws {
    let others = """
      , {"InstanceType": "m5.large", "VCpuInfo": {"DefaultVCpus": 2}, "MemoryInfo": {"SizeInMiB": 8192}},
        {"InstanceType": "g9.large", "VCpuInfo": {"DefaultVCpus": 2}, "MemoryInfo": {"SizeInMiB": 8192},
         "GpuInfo": {"Gpus": [{"Count": 1, "Name": "Z9", "MemoryInfo": {"SizeInMiB": 512}}]}},
        {"InstanceType": "g6f.large", "VCpuInfo": {"DefaultVCpus": 2}, "MemoryInfo": {"SizeInMiB": 8192},
         "GpuInfo": {"Gpus": [{"Count": 1, "GpuPartitionSize": 0.125, "Name": "L4", "MemoryInfo": {"SizeInMiB": 2861}}]}},
        {"InstanceType": "g6.new", "GpuInfo": {"Gpus": [{"Count": 1, "Name": "L4", "MemoryInfo": {"SizeInMiB": 22888}}]}},
        {"InstanceType": "p3.new", "VCpuInfo": {"DefaultVCpus": 24}, "MemoryInfo": {"SizeInMiB": 100},
         "GpuInfo": {"Gpus": [{"Count": 3, "Name": "V100", "MemoryInfo": {"SizeInMiB": 32768}}]},
         "NetworkInfo": {"NetworkPerformance": "Up to 25 Gigabit", "NetworkCards": [
           {"BaselineBandwidthInGbps": 3.5, "PeakBandwidthInGbps": 25}, {"BaselineBandwidthInGbps": 4}]}}]}
      """
    let report = try run(String(p4d().dropLast(2)) + others)
    #expect(
      report.ignored.map { "\($0.count) \($0.reason): \($0.example)" }.sorted() == [
        "1 a fraction of a GPU: g6f.large", "1 a new type without vCPUs or memory: g6.new",
        "1 an accelerator that is not in the catalog: g9.large: 1 × Z9 of 512 MiB", "1 no accelerator: m5.large",
      ])
    let type = try Catalog(directory: into).instance(named: "p3.new")
    #expect(type.accelerator.key == "v100-sxm2-32gb" && type.acceleratorCount.value == 3)
    #expect(type.network.baseline?.value == Bandwidth(gigabitsPerSecond: 7.5))
    #expect(type.network.peak?.value == Bandwidth(gigabitsPerSecond: 25) && type.network.efaInterfaces == nil)
    #expect(type.host.memory.value == Bytes(mebibytes: 100) && type.link.topology == nil)
  }

  @Test("refuses what contradicts itself or the catalog, and imports nothing of it")
  func contradictions() throws {
    let cores = try refusal(p4d(["\"DefaultCores\": 48": "\"DefaultCores\": 47"]))
    #expect(cores?.code == .contradiction && cores?.line == 5)
    #expect(cores?.message == "p4d.24xlarge has 96 vCPUs, but 47 cores of 2 threads")
    let total = try refusal(p4d(["327680": "327681"]))
    #expect(total?.line == 8 && total?.column == 29)
    #expect(total?.message == "p4d.24xlarge has 327681 MiB of accelerator memory in all, but 8 × 40960 MiB is 327680")
    let other = try refusal(p4d(["40960": "81920", "327680": "655360"]))
    #expect(other?.message.hasSuffix("which is 'a100-sxm4-80gb', but 'a100-sxm4-40gb' in the catalog") == true)
    let record = p4d().dropFirst(20).dropLast(2)
    let twice = try refusal(String(p4d().dropLast(2)) + "," + record + "]}")
    #expect(twice?.message == "'p4d.24xlarge' is described twice")
    let none = try refusal(p4d(["1179648": "0"]))
    #expect(none?.code == .invalidValue && none?.line == 6 && none?.message == "p4d.24xlarge: 0 GiB as 'memory'")
    let burst = try refusal(
      p4d(["\"4x 100 Gigabit\"": "\"Up to 25 Gigabit\", \"NetworkCards\": [{\"BaselineBandwidthInGbps\": 50}]"]))
    #expect(burst?.message == "p4d.24xlarge has a baseline of 50 Gbit/s, but \"Up to 25 Gigabit\"")
  }

  @Test("an import of the same date that says otherwise is refused")
  func sameDate() throws {
    _ = try run(p4d())
    let before = try Catalog(directory: into).instance(named: "p4d.24xlarge").facts
    #expect {
      try run(p4d(["1179648": "1179649"]))
    } throws: { "\($0)".contains("types.json:6:32: p4d.24xlarge: memory is 1179649 MiB, but 1152 GiB by an import") }
    #expect(try Catalog(directory: into).instance(named: "p4d.24xlarge").facts == before)
  }

  @Test(
    "refuses JSON that is damaged or of another shape",
    arguments: [
      ("{\"InstanceTypes\": [{\"InstanceType\": \"p4d.24xlarge\"", "1:51: the text ends in the middle"),
      ("{\"InstanceTypes\": [{\"InstanceType\": \"p4d.24xl", "1:37: a text that does not end"),
      ("{\"InstanceTypes\": [{\"InstanceType\": 4}]}", "1:37: 4 as 'InstanceType'; write a text in quotes"),
      ("{\"InstanceTypes\": [{\"a\": 1}]}", "1:20: a record without 'InstanceType'"),
      ("{\"InstanceTypes\": [{\"a\": 1,}]}", "1:28: no key after a comma"),
      ("{\"InstanceTypes\": [{\"a\" 1}]}", "1:25: no ':' after a key"),
      ("{\"InstanceTypes\": [{\"a\": 1, \"a\": 2}]}", "1:29: key 'a' twice in one object"),
      ("{\"InstanceTypes\": [{\"a\": nan}]}", "1:26: 'nan', which is no value"),
      ("{\"InstanceTypes\": [{\"a\": 01}]}", "1:26: '01', which is no number"),
      ("{\"InstanceTypes\": [{\"a\": \"x\u{01}\"}]}", "1:28: a line end or control character in a text"),
      ("{\"InstanceTypes\": [{\"a\": \"\\x\"}]}", "1:27: an unknown escape"),
      ("{\"InstanceTypes\": [{\"a\": \"\\ud800\"}]}", "1:27: half of a surrogate pair"),
      ("{\"InstanceTypes\": [}", "1:20: no value"), ("{\"InstanceTypes\": []]", "1:21: ']' in an object"),
      ("{\"InstanceTypes\": []} x", "1:23: text after the end of the JSON value"),
      ("{\"Reservations\": []}", "1:20: no object with an array 'InstanceTypes'"),
      ("{\"InstanceTypes\": {}}", "1:19: no object with an array 'InstanceTypes'"),
      ("", "1:1: the text ends in the middle"), ("[]", "1:1: no object with an array 'InstanceTypes'"),
      ("instance,price\n", "1:1: 'instance', which is no value"),
      ("{\"InstanceTypes\": [" + String(repeating: "[", count: 200), "1:146: more than 128 open brackets"),
      ("\n\n  {\"é\": \"é\", \"InstanceTypes\": 5}", "3:31: no object with an array"),
      ("{\"x\": \"" + String(repeating: "y", count: 1_100_000) + "\"}", "1:7: a text of more than 1048576 bytes"),
      ("{\"x\": " + String(repeating: "7", count: 70) + "}", "1:7: '7777"),
      (
        "{\"InstanceTypes\": [{\"InstanceType\": \"t4\", \"GpuInfo\": {\"Gpus\": [{\"Count\": 9e11}]}}]}",
        "1:74: 900000000000 as 'Count'; write a whole number up to 1000000000"
      ),
      (
        "{\"InstanceTypes\": [{\"InstanceType\": \"t4\", \"GpuInfo\": {\"Gpus\": [{\"Count\": -1}]}}]}",
        "1:74: -1 as 'Count'"
      ),
    ])
  func malformed(json: String, message: String) throws {
    let error = try #require(try refusal(json))
    #expect("\(error)".contains("types.json:\(message)"), "\(error)")
  }

  @Test("reads gzip, and refuses a gzip stream without its end")
  func gzip() throws {
    // printf '{"InstanceTypes": []}' | gzip -n
    let bytes: [UInt8] = [
      0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xab, 0x56, 0xf2, 0xcc, 0x2b, 0x2e, 0x49, 0xcc, 0x4b,
      0x4e, 0x0d, 0xa9, 0x2c, 0x48, 0x2d, 0x56, 0xb2, 0x52, 0x88, 0x8e, 0xad, 0x05, 0x00, 0x96, 0xd9, 0x14, 0x3e, 0x15,
      0x00, 0x00, 0x00,
    ]
    let whole = try folder.write(bytes, "types.json.gz")
    let report = try CatalogImport.run(.describeInstanceTypes, path: whole, into: into, asOf: nil)
    #expect(report.written.isEmpty && report.ignored.isEmpty)
    let torn = try folder.write(bytes.dropLast(8), "torn.json.gz")
    #expect {
      try CatalogImport.run(.describeInstanceTypes, path: torn, into: into, asOf: nil)
    } throws: { ($0 as? CatalogError)?.code == .unreadable }
  }
}

@Suite("Checking the catalog") struct CatalogCheckTests {
  @Test("the shipped sample differs only where AWS is known to be wrong")
  func sample() throws {
    let check = try CatalogCheck(Catalog.shipped(), against: nil)
    #expect(check.types == 70 && check.values > 1400 && check.unexplained.isEmpty && check.absent.isEmpty)
    #expect(
      check.known.map { "\($0.instance) \($0.attribute) \($0.theirs)" } == [
        "p2.8xlarge network_cards_sum 20 Gbit/s", "p2.16xlarge network_cards_sum 20 Gbit/s",
        "p3.16xlarge network_cards_sum 10 Gbit/s", "g3.16xlarge network_cards_sum 10 Gbit/s",
        "g6e.24xlarge network_cards_sum 400 Gbit/s", "g6e.48xlarge network_cards_sum 1600 Gbit/s",
        "p6-b200.48xlarge network_cards_sum 1600 Gbit/s", "trn2.3xlarge accelerator_memory 524288 MiB",
        "trn2.3xlarge network_cards_sum 50 Gbit/s", "trn2.48xlarge accelerator_memory 524288 MiB",
      ])
    for difference in check.known { #expect(difference.reason?.isEmpty == false && difference.asOf != nil) }
  }

  @Test("a value that nothing explains is told, and so are types that are absent")
  func unexplained() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      """
      {"InstanceTypes": [{"InstanceType": "trn2.3xlarge", "MemoryInfo": {"SizeInMiB": 131073},
        "NeuronInfo": {"NeuronDevices": [{"Name": "Trainium2", "Count": 1, "MemoryInfo": {"SizeInMiB": 524288}}]}}]}
      """, "types.json")
    let check = try CatalogCheck(Catalog.shipped(), against: path)
    #expect(check.known.map(\.attribute) == ["accelerator_memory"])
    #expect(check.unexplained.map { "\($0.attribute) \($0.ours ?? "") \($0.theirs)" } == ["memory 128 GiB 131073 MiB"])
    #expect(check.absent.count == 69 && check.types == 1)
  }
}
