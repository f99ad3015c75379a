import Catalog
import Foundation
import TestSupport
import Testing
import Units

@Suite("A catalog's own files") struct CatalogFilesTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let sources = "source,title\nmine,My measurements\n"
  private static let accelerators = "accelerator,attribute,value,unit,source,as_of,note\n"
  private static let instances = "instance,attribute,value,unit,source,as_of,note\n"
  private static let prices = "instance,region,zone,kind,terms,usd_per_hour,source,as_of,note\n"

  @Test("lie over the shipped ones: the later date counts, on the same date the folder's")
  func laterCounts() throws {
    try folder.write(Self.sources, "sources.csv")
    try folder.write(
      Self.instances + """
        p4d.24xlarge,vcpus,95,,mine,2026-05-20,same date
        p4d.24xlarge,cores,47,,mine,2020,earlier
        p4d.24xlarge,memory,1.5,TB,mine,2027-01,later
        big.96xlarge,status,current,,mine,2027,
        big.96xlarge,accelerator,t4,,mine,2027,
        big.96xlarge,accelerator_count,3,,mine,2027,
        big.96xlarge,vcpus,12,,mine,2027,
        big.96xlarge,memory,100,MiB,mine,2027,

        """, "instances.csv")
    let catalog = try Catalog(directory: folder.path)
    let host = try catalog.instance(named: "p4d.24xlarge").host
    #expect(host.vCPUs.value == 95 && host.vCPUs.source.title == "My measurements")
    #expect(host.cores?.value == 48)
    #expect(host.memory.value == Bytes(gigabytes: 1500) && host.memory.note == "later")
    let big = try catalog.instance(named: "big.96xlarge")
    #expect(big.accelerator.key == "t4" && big.acceleratorCount.value == 3 && big.link.planned == nil)
    #expect(big.network.baseline == nil && big.host.memory.value == Bytes(mebibytes: 100))
    #expect(catalog.instances.count == 71)
  }

  @Test("may come from Windows: byte order mark, CRLF, quotes, line ends in quotes")
  func windows() throws {
    try folder.write("\u{FEFF}source,title\r\n\r\nmine,\"My \"\"own\"\", of\r\nhere\"\r\n", "sources.csv")
    // A line end in a name is refused; all else of that file is read.
    do throws(InvalidCatalog) {
      _ = try Catalog(directory: folder.path)
      Issue.record("a line end in a title was taken")
    } catch {
      #expect(error.problems.map(\.line) == [3] && error.problems.map(\.column) == [6])
    }
    try folder.write("\u{FEFF}source,title\r\n\r\nmine,\"My \"\"own\"\", here\"\r\n", "sources.csv")
    try folder.write(
      Self.prices.replacing("\n", with: "\r\n") + "p4d.24xlarge,eu-west-9,,spot,,1.25,mine,2027-02-28,\"a, b\"\r\n",
      "prices.csv")
    let price = try Catalog(directory: folder.path).instance(named: "p4d.24xlarge").price(.spot, region: "eu-west-9")
    #expect(price?.source.title == "My \"own\", here" && price?.note == "a, b")
    #expect(price?.hourly == Money(dollars: 1.25) && price?.asOf.description == "2027-02-28")
  }

  struct Case: CustomTestStringConvertible {
    let file: String
    let text: String
    let place: String
    let message: String
    var testDescription: String { message }

    init(_ file: String, _ text: String, _ place: String, _ message: String) {
      self.file = file
      self.text = text
      self.place = place
      self.message = message
    }
  }

  @Test(
    "are refused with file, line and column",
    arguments: [
      Case("prices", "p4d.24xlarge,eu,,spot,,-1.5,mine,2027,\n", "2:24", "'-1.5' as a price an hour"),
      Case("prices", "p4d.24xlarge,eu,,spot,,nan,mine,2027,\n", "2:24", "'nan' as a price an hour"),
      Case("prices", "p4d.24xlarge,eu,,spot,,1e3,mine,2027,\n", "2:24", "'1e3' as a price an hour"),
      Case("prices", "p4d.24xlarge,eu,,weekly,,1,mine,2027,\n", "2:18", "'weekly' as the kind of a price"),
      Case("prices", "p4d.24xlarge,,,spot,,1,mine,2027,\n", "2:14", "an empty field"),
      Case("prices", "p9.24xlarge,eu,,spot,,1,mine,2027,\n", "2:1", "'p9.24xlarge' is not in instances.csv"),
      Case("prices", "p4d.24xlarge,eu,,spot,,1,yours,2027,\n", "2:26", "no source 'yours' in sources.csv"),
      Case("prices", "p4d.24xlarge,eu,,spot,,1,mine,2027-02-29,\n", "2:31", "'2027-02-29' as a date"),
      Case(
        "prices", "p4d.24xlarge,eu,,spot,,1,mine,2027,\n\np4d.24xlarge,eu,,spot,,2,mine,2027,\n", "4:1",
        "p4d.24xlarge, eu, , spot, , 2027, mine again, first in line 2"),
      Case("prices", "p4d.24xlarge,eu,,spot,,1,mine,2027\n", "2:31", "8 fields where the header has 9 columns"),
      Case("prices", "p4d.24xlarge,eu,,\"spot,,1,mine,2027,\n", "2:18", "a quoted field that does not end"),
      Case("prices", "\"p4d\".24xlarge,eu,,spot,,1,mine,2027,\n", "2:6", "text after the closing quote of a field"),
      Case("instances", "p4d.24xlarge,vcpus,96.5,,mine,2027,\n", "2:20", "p4d.24xlarge: '96.5' as 'vcpus'"),
      Case("instances", "p4d.24xlarge,vcpus,96,GiB,mine,2027,\n", "2:20", "a unit, 'GiB', of the count 'vcpus'"),
      Case("instances", "p4d.24xlarge,memory,96,W,mine,2027,\n", "2:21", "the unit 'W' of 'memory'"),
      Case("instances", "p4d.24xlarge,memory,0,GiB,mine,2027,\n", "2:21", "0 GiB as 'memory'"),
      Case("instances", "p4d.24xlarge,memory,9999999999999999,TB,mine,2027,\n", "2:21", "TB as 'memory'"),
      Case("instances", "p4d.24xlarge,status,here,,mine,2027,\n", "2:21", "'here' as 'status'"),
      Case("instances", "p4d.24xlarge,accelerator,t9,,mine,2027,\n", "2:26", "'t9' is not in accelerators.csv"),
      Case(
        "instances", "p4d.24xlarge,vcpu,96,,mine,2027,\n", "2:14", "unknown attribute 'vcpu'; did you mean 'vcpus'?"),
      Case("instances", "new.large,vcpus,96,,mine,2027,\n", "2:1", "new.large has no 'status'"),
      Case("accelerators", "t4,can_train,maybe,,mine,2027,\n", "2:14", "'maybe' as 'can_train'"),
      Case("accelerators", "t4,peak_fp16,inf,TFLOP/s,mine,2027,\n", "2:14", "'inf' as 'peak_fp16', which is no number"),
    ])
  func refused(case: Case) throws {
    try folder.write(Self.sources, "sources.csv")
    let heads = ["prices": Self.prices, "instances": Self.instances, "accelerators": Self.accelerators]
    let path = try folder.write(heads[`case`.file, default: ""] + `case`.text, `case`.file + ".csv")
    do throws(InvalidCatalog) {
      _ = try Catalog(directory: folder.path)
      Issue.record("it was taken")
    } catch {
      #expect("\(error)".contains("\(path):\(`case`.place): "), "\(error)")
      #expect("\(error)".contains(`case`.message), "\(error)")
      for problem in error.problems { #expect(!problem.remedy.isEmpty) }
    }
  }

  @Test(
    "need the columns of their format",
    arguments: [
      ("source\n", ":1:1: no column 'title'"), ("", ":1:1: the file is empty"),
      ("source,title,colour\n", ":1:14: unknown column 'colour'"),
      ("source,title,title\n", ":1:14: column 'title' twice"),
    ])
  func columns(text: String, message: String) throws {
    let path = try folder.write(text, "sources.csv")
    do throws(InvalidCatalog) {
      _ = try Catalog(directory: folder.path)
      Issue.record("it was taken")
    } catch { #expect("\(error)".hasPrefix(path + message), "\(error)") }
  }

  @Test("a folder without any of them is refused, and so is a field of more than a mebibyte and one that is no UTF-8")
  func damaged() throws {
    func message() -> String {
      do throws(InvalidCatalog) {
        _ = try Catalog(directory: folder.path)
        return ""
      } catch { return "\(error)" }
    }
    #expect(message().contains("no catalog there; make one with `apus catalog import"))
    try folder.write("source,title\nmine,\(String(repeating: "x", count: 1_100_000))\n", "sources.csv")
    #expect(message().contains("sources.csv:2:6: a field of more than 1048576 bytes"))
    try folder.write(Data([UInt8]("source,title\nmine,".utf8) + [0xFF, 0x0A]), "sources.csv")
    #expect(message().contains("sources.csv:2:6: a field that is no UTF-8"))
  }
}

@Suite("Dates of facts") struct FactDateTests {
  @Test(arguments: ["2026-05-20", "2021-06", "2018", "2024-02-29"])
  func printAsTheyAreWritten(text: String) { #expect(FactDate(text)?.description == text) }

  @Test(arguments: [
    "", "26-05-20", "2026-13", "2026-00", "2026-02-29", "2026-04-31", "2026-5-2", "2026-05-20T1", "1989", "２０２６",
  ])
  func refuseWhatIsNone(text: String) { #expect(FactDate(text) == nil) }

  @Test func areOrderedAndAnOpenDateIsBeforeThoseThatItContains() {
    let dates = ["2025-12-31", "2026", "2026-01", "2026-01-01", "2026-02", "2026-02-28"].compactMap { FactDate($0) }
    #expect(dates.count == 6 && dates == dates.sorted() && Set(dates).count == 6)
  }
}
