import Kernels

/// Up to 16 channels side by side, as one vector. Arithmetic of the concrete type compiles to plain vector instructions.
typealias Lanes = SIMD16<Float>

extension ChannelLanes {
  func width(group: Int) -> Int { group == groups - 1 ? lastWidth : Self.width }

  /// Elements of a channel.
  var elementsPerChannel: Int { samples * positions }

  /// Offset of the first position of a sample's group.
  @inline(__always)
  func offset(sample: Int, group: Int) -> Int { sample * sampleStride + group * groupStride }
}

/// Loads and stores of `width` lanes; missing lanes are 0.
enum LaneMemory {
  @inline(__always)
  @unsafe static func load(_ from: UnsafePointer<Float>, _ width: Int) -> Lanes {
    if width == ChannelLanes.width {
      return unsafe UnsafeRawPointer(from).loadUnaligned(as: Lanes.self)
    }
    var lanes = Lanes(repeating: 0)
    for lane in 0..<width { lanes[lane] = unsafe from[lane] }
    return lanes
  }

  @inline(__always)
  @unsafe static func store(_ lanes: Lanes, _ to: UnsafeMutablePointer<Float>, _ width: Int) {
    if width == ChannelLanes.width {
      unsafe UnsafeMutableRawPointer(to).storeBytes(of: lanes, as: Lanes.self)
    } else {
      for lane in 0..<width { unsafe to[lane] = lanes[lane] }
    }
  }
}

/// Sums by lane over very many elements: in float over a few hundred, those sums in double.
struct LaneSums {
  private var total = SIMD16<Double>(repeating: 0)
  /// Positions that are summed in float before they are added up in double.
  static let blockPositions = 256

  @inline(__always)
  mutating func add(_ block: Lanes) { total += SIMD16<Double>(block) }

  @inline(__always)
  subscript(lane: Int) -> Double { total[lane] }
}
