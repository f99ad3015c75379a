import Kernels
import Testing

@Suite struct LayoutTests {
  private let shape = [2, 5, 3, 4]

  @Test(arguments: [[], [7], [3, 5], [2, 3, 5], [2, 5, 3, 4], [2, 3, 1, 2, 5], [2, 1, 3, 2, 1, 4]])
  func plainHoldsEveryElementOnce(shape: [Int]) throws {
    #expect(try Layout.plain(shape).byteCount == 4 * shape.reduce(1, *))
    #expect(try Layout.plain(shape, .uint8).byteCount == shape.reduce(1, *))
    #expect(try Layout.plain(shape) != Layout.plain(shape, .uint8))
  }

  @Test func layoutsAreEqualIfTheyPlaceElementsAlike() throws {
    let plain = try Layout.plain(shape)
    let channelsLast = try Layout.channelsLast(shape)
    #expect(try plain == Layout.plain(shape) && channelsLast == Layout.channelsLast(shape))
    #expect(try plain != channelsLast && plain != Layout.any(shape) && plain != Layout.plain([2, 5, 4, 3]))
    #expect(try plain.fingerprint == Layout.plain(shape).fingerprint)
    #expect(plain.fingerprint != channelsLast.fingerprint)
    #expect(channelsLast.byteCount == plain.byteCount)
  }

  @Test func channelsLastPutsTheChannelsOfAPixelSideBySide() throws {
    let elements = pattern(shape.reduce(1, *), salt: 3)
    let stored = try reordered(elements, shape: shape, to: .channelsLast(shape)).floats
    for n in 0..<2 {
      for c in 0..<5 {
        for h in 0..<3 {
          for w in 0..<4 { #expect(stored[((n * 3 + h) * 4 + w) * 5 + c] == elements[((n * 5 + c) * 3 + h) * 4 + w]) }
        }
      }
    }
  }

  @Test(arguments: [[3, 7, 5, 4], [2, 16, 3, 3], [1, 35, 2, 6]]) func aReorderThereAndBackChangesNothing(
    shape: [Int]
  ) throws {
    let elements = pattern(shape.reduce(1, *), salt: 1)
    for layout in [try Layout.plain(shape), try .channelsLast(shape), try blocked(shape)] {
      let there = try reordered(elements, shape: shape, to: layout)
      #expect(try plain(there, shape: shape, from: layout) == elements)
    }
  }

  /// What a block holds beyond the tensor is written, as zeros.
  @Test func thePaddingOfABlockedLayoutIsZero() throws {
    let shape = [3, 7, 5, 4]
    let layout = try blocked(shape)
    let elements = pattern(shape.reduce(1, *), salt: 1).map { $0 == 0 ? 0.5 : $0 }
    let stored = try reordered(elements, shape: shape, to: layout)
    #expect(layout.byteCount > 4 * elements.count, "this processor has no layout with padding")
    #expect(stored.floats.count { $0 != 0 } == elements.count)
    #expect(stored.floats.allSatisfy { $0.isFinite })
  }

  /// What a convolution that gives so many channels likes best.
  private func blocked(_ shape: [Int]) throws -> Layout {
    let input = [shape[0], 3, shape[2], shape[3]]
    let layouts = WeightedLayouts(
      input: try .plain(input), weights: try .any([shape[1], 3, 1, 1]), bias: nil, output: try .any(shape))
    let window = WindowGeometry(kernel: [1, 1], stride: [1, 1], padding: [0, 0])
    return try Primitive.convolution(layouts, window, activation: nil).layout(.destination)
  }
}
