/// The links of a cluster as the simulator sees them: what a message costs on its way, and what it shares with others.
///
/// A message of b bytes holds its sender for `overhead` + b / bandwidth, and reaches the other end `latency` later. Messages
/// through the same port, interface or bus wait for each other. Units: seconds, bytes, bytes a second.
package struct LinkModel: Hashable, Sendable, Codable {
  /// What a message costs on one kind of link.
  package struct Link: Hashable, Sendable, Codable {
    /// On the way; a sender does not wait for it.
    package var latency: Double
    /// Of the sender, for each message.
    package var overhead: Double
    /// One direction: of a rank's port, or of one network interface.
    package var bandwidth: Double
    /// The least that a message takes on the wire, which hides its bytes: (floor⁴ + (b / bandwidth)⁴)^¼, as protocols do
    /// that send a flag with each word.
    package var floor: Double

    package init(latency: Double = 0, overhead: Double = 0, bandwidth: Double, floor: Double = 0) {
      self.latency = latency
      self.overhead = overhead
      self.bandwidth = bandwidth
      self.floor = floor
    }

    @inline(__always)
    func wire(_ bytes: Double) -> Double {
      let time = bytes / bandwidth
      guard floor > 0 else { return time }
      let (a, b) = (floor * floor, time * time)
      return (a * a + b * b).squareRoot().squareRoot()
    }
  }

  /// What ranks of a host share.
  package enum Inside: Hashable, Sendable, Codable {
    /// A switch (NVSwitch), or a ring or torus that every rank uses evenly: each rank has its port.
    case ports
    /// Links of their own between each two: bytes a second by local index, one direction; 0 where there is none, and then
    /// the messages take `fallback`, which all of them share. A rank sends over all its links at once (NVLink, NeuronLink).
    case mesh([[Double]], fallback: Double)
    /// A bus beside the ports that every message of the host crosses once (a PCIe root, the memory of a host): bytes a second.
    case bus(Double)
  }

  /// What every collective costs before its first message.
  package var launch: Double
  package var link: Link
  package var inside: Inside
  /// Between hosts; nil if there is one host.
  package var network: Link?
  /// Bytes that an interface sends, and takes in, at once when it has been idle: a shaper's bucket. It fills at the rate of
  /// the network's bandwidth.
  package var burst: Double
  /// Bytes that several hosts can send to an interface at once before they hold each other up, and how many times as long
  /// each byte beyond them takes; 1 where they never do.
  package var queue: Double
  package var contention: Double
  /// Network interfaces (rails) of a host; rank i of a host uses interface i modulo this number.
  package var interfaces: Int
  /// Seconds a byte to add what was received, and to take in what replaces something.
  package var reducePerByte: Double
  package var copyPerByte: Double
  /// The smallest buffer that the protocol makes; smaller ones cost as much. 0 for none.
  package var smallestBuffer: Double

  package init(
    launch: Double = 0, link: Link, inside: Inside = .ports, network: Link? = nil, burst: Double = 0,
    queue: Double = 0, contention: Double = 1, interfaces: Int = 1, reducePerByte: Double = 0, copyPerByte: Double = 0,
    smallestBuffer: Double = 0
  ) {
    self.launch = launch
    self.link = link
    self.inside = inside
    self.network = network
    self.burst = burst
    self.queue = queue
    self.contention = contention
    self.interfaces = max(1, interfaces)
    self.reducePerByte = reducePerByte
    self.copyPerByte = copyPerByte
    self.smallestBuffer = smallestBuffer
  }
}
