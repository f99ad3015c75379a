import Catalog
import TestSupport
import Testing
import Units

@Suite("The shipped catalog") struct ShippedCatalogTests {
  let catalog: Catalog

  init() throws { catalog = try Catalog.shipped() }

  @Test("has every size of every family")
  func sizes() {
    let sizes = Dictionary(grouping: catalog.instances.values, by: \.family).mapValues(\.count)
    #expect(
      sizes == [
        "p2": 3, "p3": 3, "p3dn": 1, "g2": 2, "g3": 3, "g3s": 1, "g5g": 6, "p4d": 1, "p4de": 1, "trn1": 2, "trn1n": 1,
        "inf1": 4, "inf2": 4, "g4dn": 7, "g5": 8, "g6": 8, "g6e": 8, "p5": 2, "p5e": 1, "p5en": 1, "p6-b200": 1,
        "trn2": 2,
      ])
  }

  @Test("tells what a p4d.24xlarge is")
  func p4d() throws {
    let p4d = try catalog.instance(named: "p4d.24xlarge")
    #expect(p4d.accelerator.key == "a100-sxm4-40gb" && p4d.acceleratorCount.value == 8)
    #expect(p4d.accelerator.peak(for: .bf16) == FLOPRate(teraFLOPsPerSecond: 312))
    #expect(p4d.accelerator.peak(for: .fp8) == nil)
    #expect(p4d.accelerator.memoryBandwidth?.value == Bandwidth(gigabytesPerSecond: 1555))
    #expect(p4d.accelerator.usableMemory == Bytes(gibibytes: 40))
    #expect(p4d.link.topology?.value == .nvSwitch)
    #expect(p4d.link.planned?.bandwidth == Bandwidth(gigabytesPerSecond: 300) && p4d.link.planned?.assumption == nil)
    #expect(p4d.network.baseline?.value == Bandwidth(gigabitsPerSecond: 400))
    #expect(p4d.network.efaInterfaces?.value == 4 && p4d.network.gpuDirectRDMA?.value == true)
    #expect(p4d.network.efaLatency?.value == Seconds(microseconds: 75))
    #expect(p4d.host.cores?.value == 48 && p4d.host.vCPUs.value == 96)
    #expect(p4d.host.memory.value == Bytes(gibibytes: 1152))
    #expect(p4d.host.localStorage?.value == Bytes(gigabytes: 8000))
    #expect(p4d.isCurrent && p4d.canTrain.value)
  }

  @Test("keeps old prices with their dates beside the newest")
  func prices() throws {
    let p5 = try catalog.instance(named: "p5.48xlarge")
    let onDemand = p5.prices.filter { $0.kind == .onDemand }
    #expect(onDemand.map(\.hourly) == [Money(dollars: 98.32), Money(dollars: 55.04)])
    #expect(onDemand.map(\.asOf.description) == ["2025-04-28", "2026-07-20"])
    #expect(p5.price(.onDemand)?.hourly == Money(dollars: 55.04))
    #expect(p5.price(.onDemand, region: "eu-north-1") == nil)
    let p2 = try catalog.instance(named: "p2.8xlarge")
    #expect(p2.price(.reserved3Years)?.hourly == Money(dollars: 3.672) && !p2.isCurrent)
    #expect(!catalog.instances.values.flatMap(\.prices).contains { $0.kind == .spot })
  }

  @Test("says why Inferentia and Kepler of the first kind cannot train")
  func cannotTrain() throws {
    let cannot = catalog.instances.values.filter { !$0.canTrain.value }
    #expect(Set(cannot.map(\.family)) == ["inf1", "inf2", "g2"])
    for instance in cannot { #expect(instance.canTrain.note?.isEmpty == false) }
  }

  @Test("gives Trn1 the first generation of Trainium")
  func trainium() throws {
    let trn1 = try catalog.instance(named: "trn1.32xlarge")
    #expect(trn1.accelerator.key == "trainium" && trn1.acceleratorCount.value == 16)
    #expect(trn1.accelerator.peak(for: .bf16) == FLOPRate(teraFLOPsPerSecond: 190))
    #expect(trn1.link.topology?.value == .torus2D && trn1.link.perDirection == nil)
    // 384 GiB/s of unstated direction: half of it, and said.
    let planned = try #require(trn1.link.planned)
    #expect(planned.bandwidth == Bandwidth(count: 192 * 0x1p30) && planned.assumption != nil)
    let trn2 = try catalog.instance(named: "trn2.48xlarge")
    #expect(trn2.accelerator.usableMemory == Bytes(gibibytes: 96))
    #expect(trn2.accelerator.reportedMemory?.value == Bytes(gibibytes: 512))
  }

  @Test("plans bursting networks on their baseline")
  func baselines() throws {
    let baselines = ["p3.2xlarge": 2.5, "trn1.2xlarge": 3.125, "g5.xlarge": 2.5, "inf2.xlarge": 2.083]
    for (name, gigabits) in baselines {
      let network = try catalog.instance(named: name).network
      #expect(network.baseline?.value == Bandwidth(gigabitsPerSecond: gigabits) && network.bursts, "\(name)")
    }
    #expect(try catalog.instance(named: "p2.xlarge").network.baseline == nil)
  }

  @Test("leaves T4G's peaks missing and names what may be assumed")
  func t4g() throws {
    let t4g = try catalog.accelerator("t4g")
    #expect(t4g.peaks.isEmpty && t4g.memoryBandwidth == nil)
    #expect(t4g.assumedLike?.value == "t4")
    #expect(catalog.accelerators["t4"]?.peak(for: .fp16) == FLOPRate(teraFLOPsPerSecond: 65))
  }

  @Test("knows accelerators of published runs that AWS does not have")
  func elsewhere() throws {
    for key in [
      "p100-sxm2-16gb", "v100-pcie-16gb", "rtx-3090", "mi250-gcd", "mi300x", "tpu-v4", "gaudi2", "gb200-186gb",
    ] {
      let accelerator = try catalog.accelerator(key)
      #expect(!accelerator.isOnAWS.value && !accelerator.peaks.isEmpty, "\(key)")
    }
    #expect(catalog.accelerators.values.count { $0.isOnAWS.value } == 19)
  }

  @Test("has no peak above the same chip's peak of a narrower format")
  func peaksGrowAsFormatsNarrow() {
    for accelerator in catalog.accelerators.values {
      let peaks = [Accelerator.Precision.fp64, .fp32, .bf16, .fp8].compactMap { accelerator.peak(for: $0) }
      #expect(peaks == peaks.sorted(), "\(accelerator.key)")
    }
  }

  @Test("finds the accelerator that an ambiguous API name means by its memory")
  func apiNames() {
    #expect(catalog.accelerator(apiName: "V100", memoryMiB: 16_384)?.key == "v100-sxm2-16gb")
    #expect(catalog.accelerator(apiName: "V100", memoryMiB: 32_768)?.key == "v100-sxm2-32gb")
    #expect(catalog.accelerator(apiName: "A100", memoryMiB: 81_920)?.key == "a100-sxm4-80gb")
    #expect(catalog.accelerator(apiName: "T4g", memoryMiB: 16_384)?.key == "t4g")
    #expect(catalog.accelerator(apiName: "T4", memoryMiB: 16_384)?.key == "t4")
    #expect(catalog.accelerator(apiName: "A100", memoryMiB: 65_536) == nil)
  }

  @Test("names what may have been meant by an unknown name")
  func nearMisses() {
    func remedy(_ name: String) -> String {
      do throws(CatalogError) {
        _ = try catalog.instance(named: name)
        return "found"
      } catch { return error.remedy }
    }
    #expect(remedy("p4d.24xlrge") == "did you mean 'p4d.24xlarge'?")
    #expect(remedy("p3.24xlarge-xyz") == "this family has p3.2xlarge, p3.8xlarge, p3.16xlarge")
    #expect(remedy("m5.metal") == "`apus catalog list` names all")
  }
}
