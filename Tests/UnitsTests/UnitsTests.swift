import Foundation
import Testing
import Units

@Suite struct BytesTests {
  @Test func initialisersTellDecimalFromBinary() {
    #expect(Bytes(megabytes: 25).count == 25_000_000)
    #expect(Bytes(mebibytes: 25).count == 26_214_400)
    #expect(Bytes(gigabytes: 1.5).count == 1_500_000_000)
    #expect(Bytes(gibibytes: 1.5).count == 1_610_612_736)
    #expect(Bytes(kilobytes: 3).count == 3000)
    #expect(Bytes(kibibytes: 3).count == 3072)
    #expect(Bytes(terabytes: 2).count == 2_000_000_000_000)
    #expect(Bytes(tebibytes: 2).count == 2_199_023_255_552)
  }

  @Test(
    arguments: [
      ("25 MB", 25_000_000), ("25MiB", 26_214_400), ("1.5 GiB", 1_610_612_736), ("0 B", 0), ("784B", 784),
      ("7 kB", 7000), ("7 KB", 7000), ("7 KiB", 7168), ("0.1 KiB", 102), ("2 TB", 2_000_000_000_000),
      ("8 PiB", 9_007_199_254_740_992), ("9007199254740993 B", 9_007_199_254_740_993),
    ] as [(String, Int64)])
  func parseReadsBothSystemsOfPrefixes(text: String, count: Int64) throws {
    #expect(try Bytes.parse(text).count == count)
  }

  @Test(arguments: [
    ("4096", BytesParseError.Code.missingUnit), ("25 Mb", .unknownUnit), ("25 mb", .unknownUnit),
    ("25 MB s", .unknownUnit), ("-3 MB", .notANumber), ("", .notANumber), ("MB", .notANumber),
    ("1.2.3 MB", .notANumber),
    ("nan B", .notANumber), ("0x10 B", .unknownUnit), ("9000 PiB", .tooLarge), ("9000.5 PiB", .tooLarge),
    (String(repeating: "9", count: 400) + " B", .notANumber),
  ])
  func parseRefusesWhatIsNotAnAmount(text: String, code: BytesParseError.Code) {
    #expect(throws: BytesParseError(code: code, text: text)) { try Bytes.parse(text) }
  }

  @Test func errorNamesTheTextAndTheRemedy() {
    #expect(
      "\(BytesParseError(code: .missingUnit, text: "4096"))"
        == "'4096' has no unit; write a number and a unit, such as 25 MB (25,000,000 bytes) or 25 MiB "
        + "(26,214,400 bytes), or 4096 B for bytes")
  }

  @Test(
    arguments: [
      (0, "0 B"), (784, "784 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (1_572_864, "1.50 MiB"), (-1536, "-1.50 KiB"),
      (1_048_550, "1.00 MiB"), (104_857_600, "100.0 MiB"), (6_442_450_944, "6.00 GiB"), (.max, "8.00 EiB"),
    ] as [(Int64, String)])
  func printsIECPrefixes(count: Int64, text: String) { #expect("\(Bytes(count))" == text) }

  @Test func arithmeticKeepsTheUnit() {
    #expect(Bytes(300) + Bytes(21) - Bytes(1) == Bytes(320))
    #expect(4 * Bytes(7) == Bytes(28) && Bytes(7) * 4 == Bytes(28))
    #expect(Bytes(7) / Bytes(2) == 3.5)
    #expect([Bytes(1), Bytes(20), Bytes(300)].sum() == Bytes(321))
    #expect([Bytes(5), Bytes(2), Bytes(9)].max() == Bytes(9))
  }

  @Test func codesAsABareNumber() throws {
    let data = try JSONEncoder().encode([Bytes(kibibytes: 2), Bytes(3)])
    #expect(String(decoding: data, as: UTF8.self) == "[2048,3]")
    #expect(try JSONDecoder().decode([Bytes].self, from: data) == [Bytes(2048), Bytes(3)])
  }
}

@Suite struct FLOPsTests {
  @Test(arguments: [
    (0, "0 FLOP"), (999, "999 FLOP"), (832_900, "832.9 kFLOP"), (999_960, "1.00 MFLOP"), (2_310_000_000, "2.31 GFLOP"),
    (3.14e23, "314.0 ZFLOP"), (0.25, "0.25 FLOP"),
  ])
  func printsSIPrefixes(count: Double, text: String) { #expect("\(FLOPs(count))" == text) }

  @Test func scalesAndSums() {
    #expect(FLOPs(2 * 3 * 5) * 2 + FLOPs(1.5) == FLOPs(61.5))
    #expect(FLOPs(9) / 2 == FLOPs(4.5))
    #expect([FLOPs(1), FLOPs(20)].sum() == 3 * FLOPs(7))
  }
}

@Suite struct SecondsTests {
  @Test(arguments: [
    (0, "0 s"), (2.5e-9, "2.50 ns"), (17e-6, "17.00 µs"), (0.00231, "2.31 ms"), (0.9999, "999.9 ms"),
    (0.99996, "1.00 s"), (-0.25, "-250.0 ms"), (59.99, "59.99 s"), (59.996, "1 min 0 s"), (192.4, "3 min 12 s"),
    (3599.7, "1 h 0 min"), (7512, "2 h 5 min"), (86_399.9, "1 d 0 h"), (964_800, "11 d 4 h"), (.infinity, "inf s"),
  ])
  func printsTheUnitThatFits(count: Double, text: String) { #expect("\(Seconds(count))" == text) }

  @Test func initialisersScale() {
    #expect(Seconds(milliseconds: 250) == Seconds(0.25))
    #expect(Seconds(microseconds: 500) == Seconds(milliseconds: 0.5))
    #expect(Seconds(hours: 1.5) == Seconds(minutes: 90))
    #expect(Seconds(Duration.milliseconds(1250)) == Seconds(1.25))
    #expect(Seconds(3) < Seconds(minutes: 0.1))
  }
}

@Suite struct FixedPointTests {
  @Test(arguments: [
    (2.306, 2, "2.31"), (0.05, 1, "0.1"), (-1.5, 0, "-2"), (-0.001, 2, "0.00"), (12.0, 3, "12.000"), (.nan, 2, "nan"),
    (1e30, 2, "1e+30"), (7.0625, 3, "7.063"),
  ])
  func printsExactlyTheDecimalsAskedFor(value: Double, decimals: Int, text: String) {
    #expect(fixedPoint(value, decimals: decimals) == text)
  }
}

@Suite struct MoneyTests {
  @Test(arguments: [
    (21.957642, "$21.96"), (1234.5, "$1,234.50"), (0, "$0.00"), (999.999, "$1,000.00"), (4_600_000, "$4,600,000.00"),
    (-3.2, "-$3.20"), (0.4512, "$0.45"), (0.0996, "$0.10"), (0.0676, "$0.068"), (-0.000123, "-$0.00012"),
    (0.00996, "$0.010"), (2e-12, "$0.000000000"), (-2e-12, "$0.000000000"), (.infinity, "$inf"),
  ])
  func printsCentsAndMoreOnlyWhereCentsSayTooLittle(dollars: Double, text: String) {
    #expect("\(Money(dollars: dollars))" == text)
  }

  @Test(arguments: [
    (21.957642, "$21.957642"), (24.48, "$24.48"), (3.06, "$3.06"), (12, "$12.00"), (0.98350, "$0.9835"),
    (1_113.9328, "$1,113.9328"), (-0.0000004, "$0.00"),
  ])
  func exactPrintsAllThatAPriceListSays(dollars: Double, text: String) {
    #expect(Money(dollars: dollars).exact == text)
  }

  @Test func arithmeticKeepsTheUnit() {
    #expect(Money(dollars: 24.48) / 8 == Money(dollars: 3.06))
    #expect([Money(dollars: 1.5), Money(dollars: 20)].sum() * 2 == Money(dollars: 43))
    #expect(Money(dollars: 3) / Money(dollars: 2) == 1.5)
  }
}

@Suite struct FLOPRateTests {
  @Test(arguments: [
    (312e12, "312.0 TFLOP/s"), (19.5e12, "19.50 TFLOP/s"), (95.4e9, "95.40 GFLOP/s"), (4.5e15, "4.50 PFLOP/s"),
    (0, "0 FLOP/s"),
  ])
  func printsSIPrefixes(count: Double, text: String) { #expect("\(FLOPRate(count))" == text) }

  @Test func workAndTimeMakeARateAndBack() {
    #expect(FLOPs(6e12) / Seconds(milliseconds: 20) == FLOPRate(teraFLOPsPerSecond: 300))
    #expect(FLOPs(6e12) / FLOPRate(teraFLOPsPerSecond: 300) == Seconds(milliseconds: 20))
    #expect(FLOPRate(gigaFLOPsPerSecond: 2500).teraFLOPsPerSecond == 2.5)
  }
}

@Suite struct BandwidthTests {
  @Test func initialisersTellBitsFromBytesAndDecimalFromBinary() {
    #expect(Bandwidth(gigabytesPerSecond: 12.5).count == 12_500_000_000)
    #expect(Bandwidth(gigabitsPerSecond: 400) == Bandwidth(gigabytesPerSecond: 50))
    #expect(Bandwidth(gibibytesPerSecond: 1.5).count == 1_610_612_736)
  }

  @Test(arguments: [
    (5e10, "50.0 GB/s"), (1.25e9, "1.25 GB/s"), (9.996e9, "10.0 GB/s"), (999.96e6, "1.00 GB/s"), (0, "0.00 B/s"),
    (2.039e12, "2.04 TB/s"), (235e9, "235.0 GB/s"), (.infinity, "inf B/s"),
  ])
  func printsThreeDigitsWithAnSIPrefix(count: Double, text: String) { #expect("\(Bandwidth(count))" == text) }

  @Test func bytesOverBandwidthAreSeconds() {
    #expect(Bytes(megabytes: 25) / Bandwidth(gigabytesPerSecond: 50) == Seconds(microseconds: 500))
    #expect(Bandwidth(6e9) / Bandwidth(4e9) == 1.5)
  }
}
