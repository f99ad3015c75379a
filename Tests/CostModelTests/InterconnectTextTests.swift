import CostModel
import Testing

@Suite struct InterconnectTextTests {
  @Test(arguments: [
    ("8x HDR IB 200 Gbps/node = 1600 Gbps (Selene)", 8.0, 1600.0),
    ("8x HDR InfiniBand 200 Gbps = 1600 Gbps/node (Selene, paper)", 8, 1600),
    ("8x200 Gbps IB = 1600 Gbps/node", 8, 1600),
    ("8 x 400 Gb/s NDR", 8, 3200),
    ("4x100 Gbps EFA", 8, 400),
    ("1x 100 Gbps IB EDR per node", 8, 100),
    ("20-25 Gbps ENA (p2.16xlarge spec; not printed in page)", 16, 25),
    ("50 Gbps (code: 50e9 both inter and intra)", 4, 50),
    ("EFA 800 Gbps (trn1) / 1600 Gbps (trn1n)", 32, 800),
    ("400 Gbps per GPU", 8, 3200),
    ("tc-limited: 2 Gbps, 5 ms delay", 1, 2),
    ("Omni-Path (Jean Zay; rate not stated here)", 8, 400),
    ("8x NDR", 8, 3200),
  ])
  func ratesAreThoseOfAllInterfacesOfAHost(text: String, ranks: Double, gigabits: Double) {
    #expect(InterconnectText.gigabits(text, ranksPerHost: ranks) == gigabits)
  }

  @Test(arguments: ["InfiniBand (rate not stated)", "not stated", "", "DGX H100 InfiniBand NDR (rate not stated)"])
  func withoutARateNothingIsGuessed(text: String) {
    #expect(InterconnectText.gigabits(text, ranksPerHost: 8) == nil)
  }
}
