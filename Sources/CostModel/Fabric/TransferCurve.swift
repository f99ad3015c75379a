/// The time of one algorithm for one operation of one group, over the size of the message.
///
/// Formula: t(S) = min(small(S), large(max(S, S*))), t(0) = 0, with
/// - large(S) = α + β S + ρ √S: latency, wire, and the cost of filling a pipeline whose chunks are as good as can be
///   (2 √(hops · l · S / B), Sanders, Speck and Träff 2009);
/// - small(S) = α₀ + (f⁴ + (β₀ S)⁴)^¼: protocols of low latency that send flags with the data (NCCL's LL and LL128). They
///   have a floor f that hides the wire, and less bandwidth.
/// - S*: where the library takes the large protocol at the earliest, even if it would win before. Below it the small
///   protocol never costs more than a message of S*, so t is monotone.
///
/// Units: seconds, bytes. Validity: any size; fitted from 8 B to 16 GiB.
package struct TransferCurve: Hashable, Sendable {
  /// α in s, β in s/B, ρ in s/√B.
  package var latency = 0.0
  package var perByte = 0.0
  package var perRoot = 0.0
  /// S* in bytes.
  package var switchBytes = 0.0
  /// α₀ in s; infinite where there is no protocol of low latency.
  package var smallLatency = Double.infinity
  /// f in s and β₀ in s/B.
  package var smallFloor = 0.0
  package var smallPerByte = 0.0

  package init() {}

  package init(latency: Double, perByte: Double, perRoot: Double = 0) {
    self.latency = latency
    self.perByte = perByte
    self.perRoot = perRoot
  }

  /// Of a group of one rank, which has nothing to send.
  package static let none = TransferCurve(latency: 0, perByte: 0)

  @inline(__always)
  package func seconds(_ bytes: Double) -> Double {
    guard bytes > 0 else { return 0 }
    let sized = max(bytes, switchBytes)
    let large = latency + perByte * sized + perRoot * sized.squareRoot()
    guard smallLatency < large else { return large }
    let floor = smallFloor * smallFloor
    let wire = smallPerByte * bytes * smallPerByte * bytes
    return min(large, smallLatency + (floor * floor + wire * wire).squareRoot().squareRoot())
  }

  /// What `seconds` is made of: α, β S and ρ √S; they add up to it.
  package func parts(_ bytes: Double) -> (latency: Double, transfer: Double, pipelining: Double) {
    guard bytes > 0 else { return (0, 0, 0) }
    let total = seconds(bytes)
    let sized = max(bytes, switchBytes)
    let pipelining = perRoot * sized.squareRoot()
    if total < latency + perByte * sized + pipelining {
      let start = min(total, smallLatency + smallFloor)
      return (start, total - start, 0)
    }
    return (latency, perByte * sized, pipelining)
  }

  /// From where on the large protocol is faster, in bytes; 0 without a small one.
  var changeover: Double {
    guard smallLatency.isFinite else { return 0 }
    func isLarge(_ bytes: Double) -> Bool {
      latency + perByte * bytes + perRoot * bytes.squareRoot() <= smallLatency + smallFloor + smallPerByte * bytes
    }
    var (low, high) = (1.0, 0x1p40)
    if isLarge(low) { return 0 }
    while high / low > 1.001 {
      let middle = (low * high).squareRoot()
      if isLarge(middle) { high = middle } else { low = middle }
    }
    return high
  }

  /// The same with every term `share` of itself.
  func scaled(_ share: Double) -> TransferCurve {
    var curve = self
    curve.latency *= share
    curve.perByte *= share
    curve.perRoot *= share
    curve.smallLatency *= share
    curve.smallFloor *= share
    curve.smallPerByte *= share
    return curve
  }
}
