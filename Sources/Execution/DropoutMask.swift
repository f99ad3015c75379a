package import ModelGraph
import Randomness

/// What a dropout mask depends on beside the operation, the sample and the element.
package struct DropoutState: Hashable, Sendable, Codable {
  package var seed: UInt64
  package var step: UInt32
  /// The position in the global batch of the first sample that is computed here: masks do not depend on who has it.
  package var firstSample: UInt32

  package init(seed: UInt64, step: UInt32, firstSample: UInt32) {
    self.seed = seed
    self.step = step
    self.firstSample = firstSample
  }
}

/// Which elements a dropout keeps: a pure function of (seed, step, sample, key, element), the same on any machine.
///
/// Element e of a sample (row-major) is kept if word e mod 4 of the Philox block at counter
/// (e / 4, sample, step, key · 2⁸ + purpose) is at least rate · 2³². Kept elements are scaled by 1 / (1 − rate).
package struct DropoutMask: Sendable {
  package let scale: Float
  private let threshold: UInt32
  private let stream: UInt32
  private let state: DropoutState

  /// - Precondition: 0 ≤ rate < 1 and 0 ≤ key < 2²⁴; the graph has checked the rate.
  package init(_ dropout: Dropout, _ state: DropoutState) {
    precondition(dropout.rate >= 0 && dropout.rate < 1, "dropout rate \(dropout.rate) is outside 0 ..< 1")
    precondition(dropout.key >= 0 && dropout.key < 1 << 24, "dropout key \(dropout.key) is outside 0 ..< 2²⁴")
    scale = Float(1 / (1 - dropout.rate))
    threshold = UInt32(dropout.rate * 0x1p32)
    stream = UInt32(dropout.key) << 8 | UInt32(RandomPurpose.dropout.rawValue)
    self.state = state
  }

  /// Whether `element` of `sample` (counted from the state's first one) is kept. The definition; slow.
  package func keeps(sample: Int, element: Int) -> Bool {
    let counter = SIMD4(UInt32(element / 4), state.firstSample + UInt32(sample), state.step, stream)
    return Philox(seed: state.seed).block(counter)[element % 4] >= threshold
  }

  /// output = input · scale where kept, else 0; `output` may be `input`.
  ///
  /// - Precondition: both hold the same whole number of samples of `elementsPerSample` elements.
  package func apply(
    _ input: UnsafeBufferPointer<Float>, to output: UnsafeMutableBufferPointer<Float>, elementsPerSample: Int
  ) {
    precondition(input.count == output.count, "dropout into a buffer of another size")
    guard input.count > 0, let source = input.baseAddress, let target = output.baseAddress else { return }
    precondition(
      elementsPerSample > 0 && input.count % elementsPerSample == 0,
      "\(input.count) elements are no whole number of samples of \(elementsPerSample)")
    for sample in 0..<(input.count / elementsPerSample) {
      let start = sample * elementsPerSample
      unsafe apply(source + start, to: target + start, count: elementsPerSample, sample: UInt32(sample))
    }
  }

  private func apply(
    _ input: UnsafePointer<Float>, to output: UnsafeMutablePointer<Float>, count: Int, sample: UInt32
  ) {
    let blocks = PhiloxBlocks(seed: state.seed)
    let counter = (state.firstSample + sample, state.step, stream)
    let width = 256  // A multiple of 4; the words stay in the first-level cache.
    unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: width) { buffer in
      guard let words = buffer.baseAddress else { return }
      for start in stride(from: 0, to: count, by: width) {
        let part = min(width, count - start)
        unsafe blocks.write(words, count: (part + 3) / 4, first: UInt32(start / 4), counter)
        let (input, output) = unsafe (input + start, output + start)
        for index in 0..<part {
          unsafe output[index] = words[index] >= threshold ? input[index] * scale : 0
        }
      }
    }
  }
}

/// Operands: x, y, which may lie over x.
struct DropoutKernel: HostKernel {
  let rule: Dropout
  let samples: Int
  let elementsPerSample: Int

  func bind(_ memory: HostMemory) -> HostRun {
    let kernel = self
    let (from, to) = unsafe (memory.floats(0), memory.floats(1))
    return { _, state in
      let count = kernel.samples * kernel.elementsPerSample
      unsafe DropoutMask(kernel.rule, state).apply(
        UnsafeBufferPointer(start: from, count: count), to: UnsafeMutableBufferPointer(start: to, count: count),
        elementsPerSample: kernel.elementsPerSample)
    }
  }
}
