import Kernels
import ModelGraph

/// The windows of an adaptive pooling over row-major planes: up to three spatial dimensions, written as three.
struct AdaptiveWindows {
  let planes: Int
  private let input: [Int]
  private let output: [Int]

  init(input: [Int], output: [Int]) {
    planes = input[0] * input[1]
    self.input = Array(repeating: 1, count: 5 - input.count) + input.dropFirst(2)
    self.output = Array(repeating: 1, count: 5 - output.count) + output.dropFirst(2)
  }

  var inputCount: Int { input[0] * input[1] * input[2] }
  var outputCount: Int { output[0] * output[1] * output[2] }

  /// Calls `body` with each window: its position in the output, the first element of each of its rows, the row's length,
  /// and 1 / its elements.
  @inline(__always)
  func forEach(_ body: (_ output: Int, _ row: Int, _ length: Int, _ share: Float) -> Void) {
    var place = 0
    for i in 0..<output[0] {
      let depth = AdaptiveAveragePool.window(i, of: output[0], extent: input[0])
      for j in 0..<output[1] {
        let height = AdaptiveAveragePool.window(j, of: output[1], extent: input[1])
        for k in 0..<output[2] {
          let width = AdaptiveAveragePool.window(k, of: output[2], extent: input[2])
          let share = 1 / Float(depth.count * height.count * width.count)
          for d in depth {
            for h in height { body(place, (d * input[1] + h) * input[2] + width.lowerBound, width.count, share) }
          }
          place += 1
        }
      }
    }
  }
}

/// Operands: x, y, both row-major.
struct AdaptiveAveragePoolKernel: HostKernel {
  let windows: AdaptiveWindows

  func bind(_ memory: HostMemory) -> HostRun {
    let windows = windows
    let (x, y) = unsafe (memory.floats(0), memory.floats(1))
    return { _, _ in
      Threads.parallel(windows.planes) { planes in
        for plane in planes {
          let (from, to) = unsafe (x + plane * windows.inputCount, y + plane * windows.outputCount)
          for index in 0..<windows.outputCount { unsafe to[index] = 0 }
          windows.forEach { output, row, length, share in
            var sum: Float = 0
            for index in 0..<length { unsafe sum += from[row + index] }
            unsafe to[output] += sum * share
          }
        }
      }
    }
  }
}

/// Operands: dy, dx, both row-major.
struct AdaptiveAveragePoolBackwardKernel: HostKernel {
  let windows: AdaptiveWindows

  func bind(_ memory: HostMemory) -> HostRun {
    let windows = windows
    let (dy, dx) = unsafe (memory.floats(0), memory.floats(1))
    return { _, _ in
      Threads.parallel(windows.planes) { planes in
        for plane in planes {
          let (from, to) = unsafe (dy + plane * windows.outputCount, dx + plane * windows.inputCount)
          for index in 0..<windows.inputCount { unsafe to[index] = 0 }
          windows.forEach { output, row, length, share in
            let part = unsafe from[output] * share
            for index in 0..<length { unsafe to[row + index] += part }
          }
        }
      }
    }
  }
}
