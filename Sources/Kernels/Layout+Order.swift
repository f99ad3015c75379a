internal import COneDNN

/// A walk through a tensor [N, C, …] in the order of its memory: `samples` × `blocks` × `positions` × `lanes`, the
/// channel being block · lanes + lane. It covers row-major (one lane), channels-last (one block) and blocked layouts.
package struct ChannelOrder: Hashable, Sendable {
  package let samples: Int
  package let blocks: Int
  package let positions: Int
  package let lanes: Int

  package init(samples: Int, blocks: Int, positions: Int, lanes: Int) {
    self.samples = samples
    self.blocks = blocks
    self.positions = positions
    self.lanes = lanes
  }

  /// Channels, those that pad the last block counted.
  package var channels: Int { blocks * lanes }
}

extension Layout {
  /// How the memory runs through samples, channels and positions; nil for an order that is none of the three, and for
  /// elements that are not float32.
  package var channelOrder: ChannelOrder? {
    get throws {
      let shape = shape
      guard shape.count >= 2, element == .float32 else { return nil }
      let positions = shape.dropFirst(2).reduce(1, *)
      let order = ChannelOrder(samples: shape[0], blocks: shape[1], positions: positions, lanes: 1)
      if shape.count == 2, try self == .plain(shape) {
        return ChannelOrder(samples: shape[0], blocks: 1, positions: 1, lanes: shape[1])
      }
      if try self == .plain(shape) { return order }
      guard (3...5).contains(shape.count) else { return nil }
      if try self == .channelsLast(shape) {
        return ChannelOrder(samples: shape[0], blocks: 1, positions: positions, lanes: shape[1])
      }
      for lanes in [16, 8] where try self == .blocked(shape, lanes: lanes) {
        return ChannelOrder(
          samples: shape[0], blocks: (shape[1] + lanes - 1) / lanes, positions: positions, lanes: lanes)
      }
      return nil
    }
  }

  /// [N, C, …] of three to five dimensions with 8 or 16 channels of a position side by side, the last block padded.
  package static func blocked(_ shape: [Int], lanes: Int) throws -> Layout {
    let tags = lanes == 16 ? [dnnl_aBc16b, dnnl_aBcd16b, dnnl_aBcde16b] : [dnnl_aBc8b, dnnl_aBcd8b, dnnl_aBcde8b]
    return try Layout(shape, .float32, tag: tags[shape.count - 3])
  }
}

extension Layout {
  /// The same order of dimensions and blocks for other extents, without gaps; nil for an open layout.
  package func resized(to shape: [Int]) -> Layout? {
    guard descriptor.format_kind == dnnl_blocked, shape.count == self.shape.count else { return nil }
    var copy = descriptor
    var blocking = unsafe copy.format_desc.blocking
    var blocks = Array(repeating: 1, count: shape.count)
    unsafe withUnsafeBytes(of: &blocking.inner_blks) { sizes in
      unsafe withUnsafeBytes(of: &blocking.inner_idxs) { places in
        for index in 0..<Int(blocking.inner_nblks) {
          blocks[unsafe Int(places.bindMemory(to: Int64.self)[index])] *=
            unsafe Int(sizes.bindMemory(to: Int64.self)[index])
        }
      }
    }
    let strides = unsafe withUnsafeBytes(of: &blocking.strides) { bytes in
      unsafe bytes.bindMemory(to: Int64.self).prefix(shape.count).map { Int($0) }
    }
    let padded = zip(shape, blocks).map { ($0 + $1 - 1) / $1 * $1 }
    var resized = strides
    var next = blocks.reduce(1, *)
    for index in shape.indices.sorted(by: { (strides[$0], $1) < (strides[$1], $0) }) {
      resized[index] = next
      next *= padded[index] / blocks[index]
    }
    func write<Tuple>(_ numbers: [Int], to tuple: inout Tuple) {
      unsafe withUnsafeMutableBytes(of: &tuple) { bytes in
        for (index, number) in numbers.enumerated() { unsafe bytes.bindMemory(to: Int64.self)[index] = Int64(number) }
      }
    }
    write(shape, to: &copy.dims)
    write(padded, to: &copy.padded_dims)
    write(shape.map { _ in 0 }, to: &copy.padded_offsets)
    write(resized, to: &blocking.strides)
    copy.offset0 = 0
    unsafe copy.format_desc.blocking = blocking
    return Layout(copy)
  }

  /// A box within this layout's memory.
  /// - Throws: `KernelError` if a block is cut.
  package func part(_ shape: [Int], from start: [Int]) throws -> Layout {
    var parent = descriptor
    var copy = dnnl_memory_desc_t()
    unsafe try check(
      dnnl_memory_desc_init_submemory(&copy, &parent, shape.map { Int64($0) }, start.map { Int64($0) }), "submemory")
    return Layout(copy)
  }

  /// The same memory with its dimensions in another order: dimension i is this one's dimension `axes[i]`.
  package func transposed(_ axes: [Int]) throws -> Layout {
    var parent = descriptor
    var copy = dnnl_memory_desc_t()
    let places = axes.indices.map { Int32(axes.firstIndex(of: $0) ?? $0) }
    unsafe try check(dnnl_memory_desc_permute_axes(&copy, &parent, places), "dnnl_memory_desc_permute_axes")
    return Layout(copy)
  }
}
