import Glibc
import Kernels
import ModelGraph

/// dy where the slice was, 0 elsewhere. Operands: dy, dx.
struct SliceBackwardKernel: HostKernel {
  let cut: DimensionCut
  let start: Int
  let count: Int

  func bind(_ memory: HostMemory) -> HostRun {
    let kernel = self
    let (dy, dx) = unsafe (memory.floats(0), memory.floats(1))
    return { _, _ in
      let row = kernel.cut.count * kernel.cut.inner
      let (before, part) = (kernel.start * kernel.cut.inner, kernel.count * kernel.cut.inner)
      for index in 0..<kernel.cut.outer {
        let (dx, dy) = unsafe (dx + index * row, dy + index * part)
        unsafe memset(dx, 0, before * 4)
        unsafe memcpy(dx + before, dy, part * 4)
        unsafe memset(dx + before + part, 0, (row - before - part) * 4)
      }
    }
  }
}

/// x [N, C, …] times factors by channel, the same for all samples or each sample's own. Operands: x, factors, y, which
/// may lie over x.
struct ChannelProductKernel: HostKernel {
  let order: ChannelOrder
  let channels: Int
  let isPerSample: Bool

  func bind(_ memory: HostMemory) -> HostRun {
    let kernel = self
    let (x, factors, y) = unsafe (memory.floats(0), memory.floats(1), memory.floats(2))
    return { _, _ in
      let order = kernel.order
      for run in 0..<order.samples * order.blocks {
        let (sample, block) = (run / order.blocks, run % order.blocks)
        let start = run * order.positions * order.lanes
        let (x, y) = unsafe (x + start, y + start)
        let own = unsafe factors + (kernel.isPerSample ? sample * kernel.channels : 0) + block * order.lanes
        guard order.lanes > 1 else {
          let factor = unsafe own[0]
          for index in 0..<order.positions { unsafe y[index] = x[index] * factor }
          continue
        }
        // Lanes behind the last channel are padding, and 0.
        let width = min(order.lanes, kernel.channels - block * order.lanes)
        for position in 0..<order.positions {
          let (x, y) = unsafe (x + position * order.lanes, y + position * order.lanes)
          for lane in 0..<width { unsafe y[lane] = x[lane] * own[lane] }
          for lane in width..<order.lanes { unsafe y[lane] = 0 }
        }
      }
    }
  }
}

/// How two row-major tensors of which one may have extent 1 where the other has not meet, element by element.
struct BroadcastWalk {
  /// Extents of the result, neighbours of one kind merged; steps in a and b are 0 where they stand still.
  private(set) var extents: [Int] = []
  private(set) var steps: [(a: Int, b: Int)] = []

  init(_ a: [Int], _ b: [Int]) {
    var (countA, countB) = (1, 1)
    for (sideA, sideB) in zip(a, b).reversed() where sideA != 1 || sideB != 1 {
      let step = (a: sideA == 1 ? 0 : countA, b: sideB == 1 ? 0 : countB)
      let extent = max(sideA, sideB)
      if let last = steps.first, let width = extents.first,
        step.a == (last.a == 0 ? 0 : last.a * width), step.b == (last.b == 0 ? 0 : last.b * width),
        (step.a == 0) == (last.a == 0), (step.b == 0) == (last.b == 0)
      {
        extents[0] = width * extent
      } else {
        extents.insert(extent, at: 0)
        steps.insert(step, at: 0)
      }
      countA *= sideA
      countB *= sideB
    }
    if extents.isEmpty { (extents, steps) = ([1], [(1, 1)]) }
  }

  /// Calls `body` with the starts of every run along the innermost dimension.
  @inline(__always)
  func forEachRun(_ body: (_ a: Int, _ b: Int, _ y: Int) -> Void) {
    let inner = extents[extents.count - 1]
    let outer = extents.dropLast().reduce(1, *)
    for run in 0..<outer {
      var (rest, a, b) = (run, 0, 0)
      for index in extents.indices.dropLast().reversed() {
        a += rest % extents[index] * steps[index].a
        b += rest % extents[index] * steps[index].b
        rest /= extents[index]
      }
      body(a, b, run * inner)
    }
  }
}

/// Operands: a, b, product.
struct BroadcastProductKernel: HostKernel {
  let walk: BroadcastWalk

  func bind(_ memory: HostMemory) -> HostRun {
    let walk = walk
    let (a, b, y) = unsafe (memory.floats(0), memory.floats(1), memory.floats(2))
    let count = walk.extents[walk.extents.count - 1]
    let step = walk.steps[walk.steps.count - 1]
    return { _, _ in
      walk.forEachRun { startA, startB, start in
        let (a, b, y) = unsafe (a + startA, b + startB, y + start)
        if step.a == 0 {
          let factor = unsafe a[0]
          for index in 0..<count { unsafe y[index] = factor * b[index] }
        } else if step.b == 0 {
          let factor = unsafe b[0]
          for index in 0..<count { unsafe y[index] = a[index] * factor }
        } else {
          for index in 0..<count { unsafe y[index] = a[index] * b[index] }
        }
      }
    }
  }
}

/// y[o, i] = factor · Σ x[o, c, i]. Operands: x, y.
struct ReduceKernel: HostKernel {
  let cut: DimensionCut
  let factor: Float

  func bind(_ memory: HostMemory) -> HostRun {
    let (cut, factor) = (cut, factor)
    let (x, y) = unsafe (memory.floats(0), memory.floats(1))
    return { _, _ in
      for outer in 0..<cut.outer {
        let (x, y) = unsafe (x + outer * cut.count * cut.inner, y + outer * cut.inner)
        if cut.inner == 1 {
          unsafe y[0] = factor * Self.sum(x, cut.count)
          continue
        }
        for index in 0..<cut.inner { unsafe y[index] = 0 }
        for position in 0..<cut.count {
          let x = unsafe x + position * cut.inner
          for index in 0..<cut.inner { unsafe y[index] += x[index] }
        }
        for index in 0..<cut.inner { unsafe y[index] *= factor }
      }
    }
  }

  /// In eight sums at a time, added up in double.
  @inline(__always)
  @unsafe private static func sum(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
    var total = 0.0
    for start in stride(from: 0, to: count, by: 2048) {
      let end = min(start + 2048, count)
      let whole = start + (end - start) / 8 * 8
      var sums = SIMD8<Float>.zero
      for index in stride(from: start, to: whole, by: 8) {
        sums += unsafe UnsafeRawPointer(x + index).loadUnaligned(as: SIMD8<Float>.self)
      }
      for lane in 0..<8 { total += Double(sums[lane]) }
      for index in whole..<end { total += unsafe Double(x[index]) }
    }
    return Float(total)
  }
}

/// dx[o, c, i] = factor · dy[o, i]. Operands: dy, dx.
struct ReduceBackwardKernel: HostKernel {
  let cut: DimensionCut
  let factor: Float

  func bind(_ memory: HostMemory) -> HostRun {
    let (cut, factor) = (cut, factor)
    let (dy, dx) = unsafe (memory.floats(0), memory.floats(1))
    return { _, _ in
      for outer in 0..<cut.outer {
        let (dx, dy) = unsafe (dx + outer * cut.count * cut.inner, dy + outer * cut.inner)
        if cut.inner == 1 {
          let value = unsafe factor * dy[0]
          for index in 0..<cut.count { unsafe dx[index] = value }
          continue
        }
        for position in 0..<cut.count {
          let dx = unsafe dx + position * cut.inner
          for index in 0..<cut.inner { unsafe dx[index] = factor * dy[index] }
        }
      }
    }
  }
}
