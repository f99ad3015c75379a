import ModelGraph

/// A window's walk over an input in double precision: one to three spatial dimensions, written as three.
struct WindowWalk {
  private let input: [Int]
  private let output: [Int]
  private let kernel: [Int]
  private let stride: [Int]
  private let padding: [Int]
  private let dilation: [Int]

  init(_ window: Window, input: Shape, output: Shape, layer: String) throws {
    let sides = try window.sides(rank: input.rank - 2, layer: layer)
    func three(_ sides: [Int], filler: Int) -> [Int] { Array(repeating: filler, count: 3 - sides.count) + sides }
    self.input = three(Array(input.dimensions.dropFirst(2)), filler: 1)
    self.output = three(Array(output.dimensions.dropFirst(2)), filler: 1)
    kernel = three(sides.kernel, filler: 1)
    stride = three(sides.stride, filler: 1)
    padding = three(sides.padding, filler: 0)
    dilation = three(sides.dilation, filler: 1)
  }

  var inputCount: Int { input.reduce(1, *) }
  var outputCount: Int { output.reduce(1, *) }
  var positionCount: Int { kernel.reduce(1, *) }

  /// Calls `body` with the position in a plane of y, in a plane of x and in the window of every element that a window
  /// sees, each window row by row; padding is left out.
  @inline(__always)
  func forEach(_ body: (_ output: Int, _ input: Int, _ position: Int) -> Void) {
    for p in 0..<outputCount {
      let at = (p / (output[1] * output[2]), p / output[2] % output[1], p % output[2])
      for k in 0..<positionCount {
        let tap = (k / (kernel[1] * kernel[2]), k / kernel[2] % kernel[1], k % kernel[2])
        let d = at.0 * stride[0] + tap.0 * dilation[0] - padding[0]
        let h = at.1 * stride[1] + tap.1 * dilation[1] - padding[1]
        let w = at.2 * stride[2] + tap.2 * dilation[2] - padding[2]
        guard d >= 0, d < input[0], h >= 0, h < input[1], w >= 0, w < input[2] else { continue }
        body(p, (d * input[1] + h) * input[2] + w, k)
      }
    }
  }
}
