import Execution
import ModelGraph
import Randomness
import Testing

@Suite struct DropoutMaskTests {
  private let state = DropoutState(seed: 0x9F00_0000_0000_0007, step: 12, firstSample: 40)

  private func apply(_ mask: DropoutMask, _ input: [Float], elementsPerSample: Int) -> [Float] {
    var output = Array(repeating: Float.nan, count: input.count)
    unsafe input.withUnsafeBufferPointer { input in
      unsafe output.withUnsafeMutableBufferPointer { output in
        unsafe mask.apply(input, to: output, elementsPerSample: elementsPerSample)
      }
    }
    return output
  }

  /// Sizes around the width of a block, of a vector and of the buffer of words.
  @Test(arguments: [1, 3, 4, 5, 31, 33, 255, 256, 257, 263, 1030])
  func theFastMaskIsTheDefinition(elementsPerSample: Int) {
    let mask = DropoutMask(Dropout(rate: 0.3, key: 5), state)
    let input = (0..<(3 * elementsPerSample)).map { Float($0) - 7.5 }
    let expected = input.enumerated().map { index, element in
      mask.keeps(sample: index / elementsPerSample, element: index % elementsPerSample) ? element * mask.scale : 0
    }
    #expect(apply(mask, input, elementsPerSample: elementsPerSample) == expected)
  }

  @Test func theDefinitionIsTheDocumentedCounter() {
    let mask = DropoutMask(Dropout(rate: 0.25, key: 5), state)
    let stream = 5 << 8 | UInt32(RandomPurpose.dropout.rawValue)
    for element in [0, 1, 6, 4003] {
      for sample in [0, 9] {
        let words = Philox(seed: state.seed).block(SIMD4(UInt32(element / 4), 40 + UInt32(sample), 12, stream))
        #expect(mask.keeps(sample: sample, element: element) == (words[element % 4] >= 1 << 30))
      }
    }
    #expect(mask.scale == Float(1 / 0.75))
  }

  @Test func theMaskDoesNotDependOnWhoHasTheSample() {
    let whole = DropoutMask(Dropout(rate: 0.5, key: 1), state)
    var moved = state
    moved.firstSample += 2
    let part = DropoutMask(Dropout(rate: 0.5, key: 1), moved)
    let input = Array(repeating: Float(1), count: 5 * 37)
    #expect(
      Array(apply(whole, input, elementsPerSample: 37)[(2 * 37)...])
        == apply(part, Array(input[(2 * 37)...]), elementsPerSample: 37))
  }

  @Test func keySeedAndStepEachGiveAnotherMask() {
    let input = Array(repeating: Float(1), count: 200)
    func masked(_ key: Int, _ change: (inout DropoutState) -> Void = { _ in }) -> [Float] {
      var state = state
      change(&state)
      return apply(DropoutMask(Dropout(rate: 0.5, key: key), state), input, elementsPerSample: 100)
    }
    let masks = [
      masked(1), masked(2), masked(1) { $0.step += 1 }, masked(1) { $0.seed += 1 }, masked(1) { $0.seed ^= 1 << 40 },
    ]
    #expect(Set(masks).count == masks.count)
    #expect(masks[0].prefix(100) != masks[0].suffix(100))
  }

  @Test(arguments: [0, 0.1, 0.5, 0.9]) func theShareThatIsDroppedIsTheRate(rate: Double) {
    let count = 40_000
    let mask = DropoutMask(Dropout(rate: rate, key: 3), state)
    let dropped = apply(mask, Array(repeating: 1, count: count), elementsPerSample: 400).count { $0 == 0 }
    // Five standard deviations of a binomial share.
    let deviation = (rate * (1 - rate) / Double(count)).squareRoot()
    let share = Double(dropped) / Double(count)
    #expect(abs(share - rate) <= 5 * deviation)
  }

  @Test func whatIsNotANumberIsDroppedToo() {
    let mask = DropoutMask(Dropout(rate: 0.5, key: 3), state)
    let output = apply(mask, Array(repeating: .infinity, count: 64), elementsPerSample: 64)
    #expect(output.allSatisfy { $0 == 0 || $0 == .infinity })
    #expect(output.contains(0))
  }
}
