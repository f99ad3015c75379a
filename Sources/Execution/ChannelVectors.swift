import Kernels

/// Up to 16 channels side by side, as one vector. Arithmetic of the concrete type compiles to plain vector instructions;
/// its `scalarCount` is a constant to the compiler, which `ChannelLanes.width`, of another module, is not.
typealias Lanes = SIMD16<Float>

extension ChannelLanes {
  func width(group: Int) -> Int { group == groups - 1 ? lastWidth : Lanes.scalarCount }

  /// Elements of a channel.
  var elementsPerChannel: Int { samples * positions }

  /// Offset of the first position of a sample's group.
  @inline(__always)
  func offset(sample: Int, group: Int) -> Int { sample * sampleStride + group * groupStride }
}

/// How the lanes of an element type are loaded and stored; missing lanes are 0.
protocol LaneElement: BitwiseCopyable {
  @unsafe static func load(_ from: UnsafePointer<Self>, _ width: Int) -> Lanes
  @unsafe static func store(_ lanes: Lanes, _ to: UnsafeMutablePointer<Self>, _ width: Int)
}

extension Float: LaneElement {
  @inline(__always)
  @unsafe static func load(_ from: UnsafePointer<Float>, _ width: Int) -> Lanes {
    if width == Lanes.scalarCount {
      return unsafe UnsafeRawPointer(from).loadUnaligned(as: Lanes.self)
    }
    var lanes = Lanes(repeating: 0)
    for lane in 0..<width { lanes[lane] = unsafe from[lane] }
    return lanes
  }

  @inline(__always)
  @unsafe static func store(_ lanes: Lanes, _ to: UnsafeMutablePointer<Float>, _ width: Int) {
    if width == Lanes.scalarCount {
      unsafe UnsafeMutableRawPointer(to).storeBytes(of: lanes, as: Lanes.self)
    } else {
      for lane in 0..<width { unsafe to[lane] = lanes[lane] }
    }
  }
}

/// The upper half of a float32, rounded to the nearest, ties to even.
struct BFloat16: LaneElement {
  let bits: UInt16

  @inline(__always)
  @unsafe static func load(_ from: UnsafePointer<BFloat16>, _ width: Int) -> Lanes {
    var wide = SIMD16<UInt32>(repeating: 0)
    if width == Lanes.scalarCount {
      let halves = unsafe UnsafeRawPointer(from).loadUnaligned(as: SIMD16<UInt16>.self)
      // The generic conversion is a call; this loop becomes one instruction.
      for lane in 0..<Lanes.scalarCount { wide[lane] = UInt32(halves[lane]) }
    } else {
      for lane in 0..<width { wide[lane] = unsafe UInt32(from[lane].bits) }
    }
    return unsafe unsafeBitCast(wide &<< 16, to: Lanes.self)
  }

  @inline(__always)
  @unsafe static func store(_ lanes: Lanes, _ to: UnsafeMutablePointer<BFloat16>, _ width: Int) {
    let bits = unsafe unsafeBitCast(lanes, to: SIMD16<UInt32>.self)
    let rounded = (bits &+ 0x7FFF &+ ((bits &>> 16) & 1)) &>> 16
    if width == Lanes.scalarCount {
      let halves = SIMD16<UInt16>(truncatingIfNeeded: rounded)
      unsafe UnsafeMutableRawPointer(to).storeBytes(of: halves, as: SIMD16<UInt16>.self)
    } else {
      for lane in 0..<width { unsafe to[lane] = BFloat16(bits: UInt16(truncatingIfNeeded: rounded[lane])) }
    }
  }
}

extension HostMemory {
  @unsafe func elements<Element: LaneElement>(_ operand: Int, _: Element.Type) -> UnsafeMutablePointer<Element> {
    unsafe self[operand].assumingMemoryBound(to: Element.self)
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
