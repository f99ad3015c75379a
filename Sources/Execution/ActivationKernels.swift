import Glibc
import Kernels
import ModelGraph

/// y = 1 where x ≥ 0, else 0; nan stays nan, so that it is found. Operands: x, y, which may lie over x.
struct BinaryStepKernel: HostKernel {
  let count: Int

  func bind(_ memory: HostMemory) -> HostRun {
    let count = count
    let (x, y) = unsafe (memory.floats(0), memory.floats(1))
    return { _, _ in
      for index in 0..<count {
        let value = unsafe x[index]
        unsafe y[index] = value >= 0 ? 1 : (value < 0 ? 0 : value)
      }
    }
  }
}

/// Operands: y.
struct ZerosKernel: HostKernel {
  let byteCount: Int

  func bind(_ memory: HostMemory) -> HostRun {
    let byteCount = byteCount
    let y = unsafe memory[0]
    return { _, _ in unsafe memset(y, 0, byteCount) }
  }
}

/// Slopes by channel as they lie in memory; those that pad the last block are 0.
private struct LaneSlopes {
  let order: ChannelOrder
  /// 1, or one a channel.
  let count: Int

  @inline(__always)
  @unsafe func write(_ slopes: UnsafePointer<Float>, to lanes: UnsafeMutablePointer<Float>) {
    for channel in 0..<order.channels {
      unsafe lanes[channel] = count == 1 ? slopes[0] : (channel < count ? slopes[channel] : 0)
    }
  }

  /// Calls `body` for every run of memory whose slopes lie side by side or are one: start, first channel.
  @inline(__always)
  func forEachRun(_ body: (_ start: Int, _ channel: Int) -> Void) {
    let run = order.positions * order.lanes
    for sample in 0..<order.samples {
      for block in 0..<order.blocks { body((sample * order.blocks + block) * run, block * order.lanes) }
    }
  }
}

/// y = x where it is positive, else slope · x. Operands: x, slopes, y, which may lie over x.
struct PReLUKernel: HostKernel {
  let order: ChannelOrder
  let slopes: Int

  func bind(_ memory: HostMemory) -> HostRun {
    let walk = LaneSlopes(order: order, count: slopes)
    let (x, slopes, y) = unsafe (memory.floats(0), memory.floats(1), memory.floats(2))
    return { _, _ in
      let (positions, lanes) = (walk.order.positions, walk.order.lanes)
      unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: walk.order.channels) { buffer in
        guard let byChannel = buffer.baseAddress else { return }
        unsafe walk.write(slopes, to: byChannel)
        walk.forEachRun { start, channel in
          let (x, y, slope) = unsafe (x + start, y + start, byChannel + channel)
          if lanes == 1 {
            let slope = unsafe slope[0]
            for index in 0..<positions { unsafe y[index] = x[index] < 0 ? x[index] * slope : x[index] }
          } else {
            for position in 0..<positions {
              let (x, y) = unsafe (x + position * lanes, y + position * lanes)
              for lane in 0..<lanes { unsafe y[lane] = x[lane] < 0 ? x[lane] * slope[lane] : x[lane] }
            }
          }
        }
      }
    }
  }
}

/// Operands: x, slopes, dy, dx, which may lie over dy, and the gradient of the slopes.
struct PReLUBackwardKernel: HostKernel {
  let order: ChannelOrder
  let slopes: Int

  func bind(_ memory: HostMemory) -> HostRun {
    let walk = LaneSlopes(order: order, count: slopes)
    let (x, slopes, dy) = unsafe (memory.floats(0), memory.floats(1), memory.floats(2))
    let (dx, gradient) = unsafe (memory.floats(3), memory.floats(4))
    return { _, _ in
      let (positions, lanes, channels) = (walk.order.positions, walk.order.lanes, walk.order.channels)
      unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 3 * channels) { buffer in
        guard let byChannel = buffer.baseAddress else { return }
        // `part` sums a run, `total` the runs, so that a long sum loses little.
        let (part, total) = unsafe (byChannel + channels, byChannel + 2 * channels)
        unsafe walk.write(slopes, to: byChannel)
        for channel in 0..<channels { unsafe total[channel] = 0 }
        walk.forEachRun { start, channel in
          let (x, dy, dx) = unsafe (x + start, dy + start, dx + start)
          let (slope, part) = unsafe (byChannel + channel, part + channel)
          for lane in 0..<lanes { unsafe part[lane] = 0 }
          if lanes == 1 {
            unsafe part[0] = Self.plane(x, dy, dx, slope: slope[0], count: positions)
          } else {
            for position in 0..<positions {
              let (x, dy, dx) = unsafe (x + position * lanes, dy + position * lanes, dx + position * lanes)
              for lane in 0..<lanes {
                let (value, upper) = unsafe (x[lane], dy[lane])
                unsafe part[lane] += value < 0 ? value * upper : 0
                unsafe dx[lane] = value < 0 ? upper * slope[lane] : upper
              }
            }
          }
          for lane in 0..<lanes { unsafe total[channel + lane] += part[lane] }
        }
        unsafe walk.gather(total, to: gradient)
      }
    }
  }

  /// One channel of a row-major tensor: dx, and the part of the slope's gradient in eight sums.
  @inline(__always)
  @unsafe private static func plane(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, slope: Float, count: Int
  ) -> Float {
    var sums = SIMD8<Float>.zero
    let whole = count / 8 * 8
    for start in stride(from: 0, to: whole, by: 8) {
      for lane in 0..<8 {
        let (value, upper) = unsafe (x[start + lane], dy[start + lane])
        sums[lane] += value < 0 ? value * upper : 0
        unsafe dx[start + lane] = value < 0 ? upper * slope : upper
      }
    }
    for index in whole..<count {
      let (value, upper) = unsafe (x[index], dy[index])
      sums[0] += value < 0 ? value * upper : 0
      unsafe dx[index] = value < 0 ? upper * slope : upper
    }
    return sums.sum()
  }
}

extension LaneSlopes {
  /// The sums by channel as gradients of the slopes: one each, or their sum.
  @unsafe fileprivate func gather(_ sums: UnsafePointer<Float>, to gradient: UnsafeMutablePointer<Float>) {
    guard count == 1 else {
      for channel in 0..<count { unsafe gradient[channel] = sums[channel] }
      return
    }
    var sum = 0.0
    for channel in 0..<order.channels { sum += unsafe Double(sums[channel]) }
    unsafe gradient[0] = Float(sum)
  }
}

/// Rows of a maxout: `count` of `outputs` each, `pieces` times as many before it.
struct MaxoutRows {
  let count: Int
  let outputs: Int
  let pieces: Int

  /// - Parameter output: […, O].
  init(_ output: [Int], pieces: Int) {
    outputs = output.last ?? 1
    count = output.dropLast().reduce(1, *)
    self.pieces = pieces
  }
}

/// Operands: x, y, winners.
struct MaxoutKernel: HostKernel {
  let rows: MaxoutRows

  func bind(_ memory: HostMemory) -> HostRun {
    let rows = rows
    let (x, y, winners) = unsafe (memory.floats(0), memory.floats(1), memory.bytes(2))
    return { _, _ in
      for row in 0..<rows.count {
        let (y, winners) = unsafe (y + row * rows.outputs, winners + row * rows.outputs)
        let first = unsafe x + row * rows.outputs * rows.pieces
        for index in 0..<rows.outputs {
          unsafe y[index] = first[index]
          unsafe winners[index] = 0
        }
        for piece in 1..<rows.pieces {
          let x = unsafe first + piece * rows.outputs
          for index in 0..<rows.outputs {
            // A nan wins and is not beaten, so that it is found.
            let wins = unsafe !(x[index] <= y[index]) && y[index] == y[index]
            unsafe y[index] = wins ? x[index] : y[index]
            unsafe winners[index] = wins ? UInt8(truncatingIfNeeded: piece) : winners[index]
          }
        }
      }
    }
  }
}

/// Operands: dy, winners, dx.
struct MaxoutBackwardKernel: HostKernel {
  let rows: MaxoutRows

  func bind(_ memory: HostMemory) -> HostRun {
    let rows = rows
    let (dy, winners, dx) = unsafe (memory.floats(0), memory.bytes(1), memory.floats(2))
    return { _, _ in
      for row in 0..<rows.count {
        let (dy, winners) = unsafe (dy + row * rows.outputs, winners + row * rows.outputs)
        for piece in 0..<rows.pieces {
          let dx = unsafe dx + (row * rows.pieces + piece) * rows.outputs
          let own = UInt8(truncatingIfNeeded: piece)
          for index in 0..<rows.outputs { unsafe dx[index] = winners[index] == own ? dy[index] : 0 }
        }
      }
    }
  }
}
