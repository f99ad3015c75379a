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
  /// How the memory runs through samples, channels and positions; nil for an order that is none of the three.
  package var channelOrder: ChannelOrder? {
    get throws {
      let shape = shape
      guard shape.count >= 2 else { return nil }
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
