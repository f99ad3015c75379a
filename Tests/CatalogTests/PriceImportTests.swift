import Catalog
import Foundation
import TestSupport
import Testing
import Units

@Suite("Importing the AWS price list") struct PriceListTests {
  let folder: TemporaryFolder
  private var into: String { folder.path + "/mine" }

  init() throws { folder = try TemporaryFolder() }

  private func run(_ text: String, _ name: String = "index.json") throws -> ImportReport {
    try CatalogImport.run(.priceList, path: try folder.write(text, name), into: into, asOf: nil)
  }

  private func product(_ sku: String, _ instance: String, region: String = "us-east-2", _ more: String = "") -> String {
    """
    "\(sku)": {"sku": "\(sku)", "productFamily": "Compute Instance", "attributes": {"instanceType": "\(instance)",
      "operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used", "gpu": "8",
      "licenseModel": "No License required", "locationType": "AWS Region", "regionCode": "\(region)"\(more)}}
    """
  }

  private func onDemand(_ sku: String, _ dollars: String) -> String {
    """
    "\(sku)": {"\(sku).JRTCKXETXF": {"offerTermCode": "JRTCKXETXF", "priceDimensions": {"\(sku).JRTCKXETXF.6YS6EN2CT7":
      {"unit": "Hrs", "pricePerUnit": {"USD": "\(dollars)"}, "appliesTo": []}}, "termAttributes": {}}}
    """
  }

  private func list(_ products: [String], onDemand: [String], reserved: String = "{}") -> String {
    """
    {"formatVersion": "v1.0", "offerCode": "AmazonEC2", "publicationDate": "2027-03-22T14:56:51Z", "products": {
    \(products.joined(separator: ",\n"))},
    "terms": {"OnDemand": {\(onDemand.joined(separator: ",\n"))}, "Reserved": \(reserved)}}
    """
  }

  @Test("joins prices to products on the sku; the date is the list's own")
  func onDemandPrices() throws {
    let report = try run(
      list(
        [product("A1", "p4d.24xlarge"), product("B2", "p4d.24xlarge", region: "us-east-1"), product("C3", "m5.large")],
        onDemand: [onDemand("C3", "0.0960000000"), onDemand("B2", "17.5000000000"), onDemand("A1", "19.9576420000")]))
    #expect(report.asOf.description == "2027-03-22")
    #expect(
      report.added.map { "\($0.subject) \($0.attribute) \($0.new)" } == [
        "p4d.24xlarge on-demand, us-east-2 $19.957642"
      ])
    #expect(
      report.changed.map { "\($0.attribute) \($0.old ?? "") \($0.new)" } == ["on-demand, us-east-1 $21.957642 $17.50"])
    #expect(report.ignored.map(\.reason) == ["an instance type that is not in the catalog"])
    let type = try Catalog(directory: into).instance(named: "p4d.24xlarge")
    #expect(type.price(.onDemand)?.hourly == Money(dollars: 17.5))
    #expect(type.price(.onDemand, region: "us-east-2")?.hourly == Money(dollars: 19.957642))
    #expect(type.prices.count { $0.kind == .onDemand && $0.region == "us-east-1" } == 3)
  }

  @Test("leaves out Windows, licences, software, dedicated hosts, reservations' hours and local zones, with the reason")
  func filters() throws {
    let traps = [
      ("\"operatingSystem\": \"Linux\"", "\"operatingSystem\": \"Windows\"", "another operating system than Linux"),
      ("No License required", "Bring your own license", "a licence brought along"),
      ("\"preInstalledSw\": \"NA\"", "\"preInstalledSw\": \"SQL Std\"", "software installed"),
      ("\"tenancy\": \"Shared\"", "\"tenancy\": \"Dedicated\"", "dedicated hardware"),
      (
        "\"capacitystatus\": \"Used\"", "\"capacitystatus\": \"UnusedCapacityReservation\"",
        "hours of a reservation, not of use"
      ),
      ("AWS Region", "AWS Local Zone", "a place that is no region"), ("us-east-2", "", "no region code"),
      ("\"Compute Instance\"", "\"Dedicated Host\"", "another product than instance hours"),
    ]
    for (old, new, reason) in traps {
      let text = product("A1", "p4d.24xlarge").replacing(old, with: new)
      let report = try run(list([text], onDemand: [onDemand("A1", "1.0")]))
      #expect(report.ignored.map(\.reason) == [reason] && report.added.isEmpty && report.written.isEmpty)
    }
  }

  @Test("spreads a reserved instance's upfront fee over its term, and takes standard ones only")
  func reserved() throws {
    func offer(_ code: String, _ lease: String, _ offering: String, _ purchase: String, hours: String, upfront: String)
      -> String
    {
      """
      "A1.\(code)": {"priceDimensions": {
        "x": {"unit": "Hrs", "pricePerUnit": {"USD": "\(hours)"}}, "y": {"unit": "Quantity", "pricePerUnit": {"USD": "\(upfront)"}}},
        "termAttributes": {"LeaseContractLength": "\(lease)", "OfferingClass": "\(offering)", "PurchaseOption": "\(purchase)"}}
      """
    }
    let offers = [
      offer("K", "1yr", "standard", "Partial Upfront", hours: "3.5000000000", upfront: "21900"),
      offer("L", "3yr", "standard", "All Upfront", hours: "0.0000000000", upfront: "52560"),
      offer("M", "1yr", "convertible", "No Upfront", hours: "9.0", upfront: "0"),
    ]
    let report = try run(
      list([product("A1", "p5.48xlarge")], onDemand: [], reserved: "{\"A1\": {\(offers.joined(separator: ","))}}"))
    // 3.50 + 21900/8760 = 6.00; 52560/26280 = 2.00.
    #expect(
      report.added.map { "\($0.attribute) \($0.new)" } == [
        "reserved-1y, standard, partial upfront, us-east-2 $6.00",
        "reserved-3y, standard, all upfront, us-east-2 $2.00",
      ])
    #expect(report.ignored.map(\.count) == [2])
    let type = try Catalog(directory: into).instance(named: "p5.48xlarge")
    #expect(type.price(.reserved3Years, region: "us-east-2")?.terms == "standard, all upfront")
  }

  @Test("refuses prices that contradict each other, are negative or no numbers, and a list without products first")
  func refused() throws {
    func message(_ text: String) -> String {
      do {
        _ = try run(text)
        return "taken"
      } catch { return "\(error)" }
    }
    let two = [product("A1", "p4d.24xlarge"), product("B2", "p4d.24xlarge")]
    let contradiction = message(list(two, onDemand: [onDemand("A1", "3.0"), onDemand("B2", "4.0")]))
    #expect(contradiction.contains("p4d.24xlarge in us-east-2 costs $4.00 an hour (on-demand), but $3.00 in line 9"))
    for price in ["-3.0", "NaN", "1e400", "", "0x10", "$3"] {
      let text = message(list([product("A1", "p4d.24xlarge")], onDemand: [onDemand("A1", price)]))
      #expect(text.contains("index.json:6:43: '\(price)' as a price of p4d.24xlarge"), "\(text)")
    }
    let bare = message(
      list(
        [product("A1", "p4d.24xlarge")],
        onDemand: [
          "\"A1\": {\"A1.J\": {\"priceDimensions\": {\"x\": {\"unit\": \"Hrs\", \"pricePerUnit\": {\"USD\": 3}}}}}"
        ]))
    #expect(bare.contains("3 as 'USD'; write a text in quotes"), "\(bare)")
    #expect(message("{\"terms\": {}}").contains("1:2: 'terms' before 'products'"))
    #expect(message("{\"offerCode\": \"AmazonS3\"}").contains("no price list of AmazonEC2"))
    #expect(message(String(list(two, onDemand: []).dropLast(2))).contains("the text ends in the middle"))
    #expect(!folder.names.contains("mine"))
  }

  private static let csv = """
    "FormatVersion","v1.0"
    "Disclaimer","This pricing list is for informational purposes only, and more"
    "Publication Date","2027-03-23T00:00:00Z"
    "Version","20270323"
    "OfferCode","AmazonEC2"
    "SKU","OfferTermCode","RateCode","TermType","Unit","PricePerUnit","Currency","LeaseContractLength","PurchaseOption","OfferingClass","Product Family","Location Type","Instance Type","Tenancy","Operating System","License Model","CapacityStatus","Pre Installed S/W","Region Code"
    "A1","J","A1.J.6","OnDemand","Hrs","12.5000000000","USD","","","","Compute Instance","AWS Region","p5.48xlarge","Shared","Linux","No License required","Used","NA","eu-west-1"
    "A1","K","A1.K.6","Reserved","Hrs","1.5000000000","USD","1yr","Partial Upfront","standard","Compute Instance","AWS Region","p5.48xlarge","Shared","Linux","No License required","Used","NA","eu-west-1"
    "A1","K","A1.K.2","Reserved","Quantity","8760","USD","1yr","Partial Upfront","standard","Compute Instance","AWS Region","p5.48xlarge","Shared","Linux","No License required","Used","NA","eu-west-1"
    "B2","J","B2.J.6","OnDemand","Hrs","99","USD","","","","Compute Instance","AWS Region","p5.48xlarge","Shared","Windows","No License required","Used","NA","eu-west-1"

    """

  @Test("reads the CSV twin behind its preamble, with the same result")
  func csv() throws {
    let report = try run(Self.csv, "index.csv")
    #expect(report.asOf.description == "2027-03-23")
    #expect(
      report.added.map { "\($0.subject) \($0.attribute) \($0.new)" } == [
        "p5.48xlarge on-demand, eu-west-1 $12.50",
        "p5.48xlarge reserved-1y, standard, partial upfront, eu-west-1 $2.50",
      ])
    #expect(report.ignored.map(\.reason) == ["another operating system than Linux"])
  }

  @Test(
    "refuses a CSV that is damaged",
    arguments: [
      ("\"12.5000000000\"", "\"-12.5\"", "index.csv:7:36: '-12.5' as a price of p5.48xlarge"),
      ("\"Region Code\"", "\"Region\"", "index.csv:6:1: no column 'Region Code'"),
      ("\"SKU\",", "\"sku\",", "index.csv:1:1: no line begins with the column 'SKU'"),
      ("\"eu-west-1\"\n\"B2\"", "\"eu-west-1\n\"B2\"", "text after the closing quote of a field"),
      ("2027-03-23T", "23 March", "index.csv:3:20: '23 March00:00:00Z' as the date of publication"),
    ])
  func damaged(old: String, new: String, message: String) throws {
    #expect(Self.csv.contains(old))
    #expect {
      try run(Self.csv.replacing(old, with: new), "index.csv")
    } throws: { "\($0)".contains(message) }
    #expect(!folder.names.contains("mine"))
  }
}

@Suite("Importing SkyPilot's catalog") struct SkyPilotTests {
  let folder: TemporaryFolder
  private var into: String { folder.path + "/mine" }

  init() throws { folder = try TemporaryFolder() }

  private static let head =
    "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,AvailabilityZone,Arch\n"
  private static let info =
    "\"{'Gpus': [{'Name': 'A100', 'Manufacturer': 'NVIDIA', 'Count': 8, 'MemoryInfo': {'SizeInMiB': 40960}}]}\""

  private func run(_ rows: String, head: String = Self.head, asOf: String = "2027-04-05") throws -> ImportReport {
    let path = try folder.write(head + rows, "vms.csv")
    return try CatalogImport.run(.skyPilot, path: path, into: into, asOf: FactDate(asOf))
  }

  @Test("reads spot prices by zone and on-demand prices by region; quotes that are none are left out")
  func prices() throws {
    let report = try run(
      """
      p4d.24xlarge,A100,8.0,96.0,1152.0,\(Self.info),20.0,6.289000,us-east-1,use1-az1,x86_64
      p4d.24xlarge,A100,8.0,96.0,1152.0,\(Self.info),20.0,5.1,us-east-1,use1-az2,x86_64
      p4d.24xlarge,A100,8.0,96.0,1152.0,\(Self.info),20.0,20.0,us-east-1,use1-az3,x86_64
      p4d.24xlarge,A100,8.0,96.0,1152.0,\(Self.info),20.0,2.0,us-east-1,use1-az4,x86_64
      p4d.24xlarge,A100,8.0,96.0,1152.0,\(Self.info),20.0,,us-east-1,use1-az6,x86_64
      trn2.48xlarge,,,192.0,2048.0,,,,us-east-2,use2-az1,x86_64
      r5.large,,,2.0,16.0,,0.126,0.05,us-east-1,use1-az1,x86_64

      """)
    #expect(
      report.added.map { "\($0.subject) \($0.attribute) \($0.new)" } == [
        "p4d.24xlarge spot, use1-az1 $6.289", "p4d.24xlarge spot, use1-az2 $5.10",
      ])
    #expect(report.changed.map(\.new) == ["$20.00"])
    #expect(
      report.ignored.map(\.reason).sorted() == [
        "a spot price equal to the on-demand price: no quote",
        "a spot price of exactly 10 or 30 % of on-demand: a floor, no market",
        "an instance type that is not in the catalog",
      ])
    let p4d = try Catalog(directory: into).instance(named: "p4d.24xlarge")
    #expect(p4d.price(.spot)?.hourly == Money(dollars: 5.1) && p4d.price(.spot)?.zone == "use1-az2")
    #expect(p4d.price(.onDemand)?.hourly == Money(dollars: 20))
    // The columns that older versions have not are not needed, in whatever order.
    let again = try run(
      "20.0,p4d.24xlarge,us-east-1,use1-az1,6.289,8,\n",
      head: "Price,InstanceType,Region,AvailabilityZone,SpotPrice,AcceleratorCount,GpuInfo\n")
    #expect(again.unchanged == 2 && again.written.isEmpty)
  }

  @Test("keeps older prices as history, and the newest stays")
  func history() throws {
    _ = try run("p4d.24xlarge,A100,8,96,1152,,20.0,5.0,us-east-1,use1-az1,x86_64\n")
    let report = try run("p4d.24xlarge,A100,8,96,1152,,30.0,8.0,us-east-1,use1-az1,x86_64\n", asOf: "2022-01-01")
    #expect(report.older.map(\.new) == ["$30.00", "$8.00"] && report.changed.isEmpty)
    let p4d = try Catalog(directory: into).instance(named: "p4d.24xlarge")
    #expect(p4d.price(.spot)?.hourly == Money(dollars: 5) && p4d.price(.onDemand)?.hourly == Money(dollars: 20))
    #expect(p4d.prices.filter { $0.kind == .spot }.map(\.hourly) == [Money(dollars: 8), Money(dollars: 5)])
    // Later, the same: confirmed, and the directory holds one row of it, not two.
    let later = try run("p4d.24xlarge,A100,8,96,1152,,20.0,5.0,us-east-1,use1-az1,x86_64\n", asOf: "2027-05-01")
    #expect(later.confirmed == 2)
    let now = try Catalog(directory: into).instance(named: "p4d.24xlarge")
    #expect(now.prices.filter { $0.kind == .spot }.map(\.asOf.description) == ["2022-01-01", "2027-05-01"])
  }

  @Test(
    "refuses what contradicts itself or the catalog",
    arguments: [
      ("p4d.24xlarge,A100,4.0,96,1152,,20,5,us-east-1,a,x86_64\n", "2:19: p4d.24xlarge has 4.0 accelerators, but 8"),
      (
        "p4d.24xlarge,A100,8,96,1152,\"{'Gpus': [{'Name': 'H100'}]}\",20,5,us-east-1,a,x86_64\n",
        "2:29: p4d.24xlarge has a GPU 'H100', but A100"
      ),
      ("p4d.24xlarge,A100,8,96,1152,,20,25,us-east-1,a,x86_64\n", "2:33: p4d.24xlarge costs $25.00 an hour as spot"),
      (
        "p4d.24xlarge,A100,8,96,1152,,20,5,us-east-1,a,x86_64\np4d.24xlarge,A100,8,96,1152,,21,5,us-east-1,b,x86_64\n",
        "3:30: p4d.24xlarge in us-east-1 costs $21.00 an hour (on-demand), but $20.00 in line 2"
      ),
      ("p4d.24xlarge,A100,8,96,1152,,NaN,5,us-east-1,a,x86_64\n", "2:30: 'NaN' as a price an hour"),
      ("p4d.24xlarge,A100,eight,96,1152,,20,5,us-east-1,a,x86_64\n", "2:19: 'eight' as a count of accelerators"),
      ("p4d.24xlarge,A100,8,96,1152,,20,5,us-east-1,,x86_64\n", "2:35: p4d.24xlarge without region or zone"),
      ("p4d.24xlarge,A100,8,96,1152,\"{'Gpus,20,5,us-east-1,a,x86_64\n", "2:29: a quoted field that does not end"),
    ])
  func refused(rows: String, message: String) throws {
    #expect { try run(rows) } throws: { "\($0)".contains("vms.csv:\(message)") }
    #expect(!folder.names.contains("mine"))
  }

  @Test("an import that fails leaves the folder byte for byte as it was")
  func atomic() throws {
    _ = try run("p4d.24xlarge,A100,8,96,1152,,20.0,5.0,us-east-1,use1-az1,x86_64\n")
    let before = try folder.text("mine/prices.csv") + folder.text("mine/sources.csv")
    #expect(throws: CatalogError.self) {
      try run("p5.48xlarge,H100,8,192,2048,,50,9,us-east-1,a,x86_64\np4d.24xlarge,A100,8,96,1152,,-1,5,us-east-1,a,x\n")
    }
    #expect(try folder.text("mine/prices.csv") + folder.text("mine/sources.csv") == before)
    #expect(try FileManager.default.contentsOfDirectory(atPath: into).sorted() == ["prices.csv", "sources.csv"])
  }
}
