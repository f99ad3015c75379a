internal import COneDNN

/// How the channels of a tensor [N, C, …] lie in memory, as groups of up to 16 side by side.
///
/// Element (sample n, group g, position s, lane l), channel 16 g + l, is `sampleStride` n + `groupStride` g +
/// `positionStride` s + l. Padded channels of a blocked layout are lanes like others.
package struct ChannelLanes: Equatable, Sendable {
  package static let width = 16

  package let samples: Int
  package let channels: Int
  package let positions: Int
  package let groups: Int
  package let sampleStride: Int
  package let groupStride: Int
  package let positionStride: Int
  /// Lanes of the last group; all others have 16.
  package let lastWidth: Int
}

extension Layout {
  /// Nil for layouts whose channels do not lie side by side: row-major images, blocks of 8.
  package var channelLanes: ChannelLanes? {
    let shape = shape
    guard shape.count >= 2, descriptor.format_kind == dnnl_blocked, descriptor.offset0 == 0 else { return nil }
    let blocking = unsafe descriptor.format_desc.blocking
    var strides = blocking.strides
    let stride = unsafe withUnsafeBytes(of: &strides) { bytes in
      unsafe bytes.bindMemory(to: Int64.self).prefix(shape.count).map { Int($0) }
    }
    let width = ChannelLanes.width
    let positions = shape.dropFirst(2).reduce(1, *)
    // The spatial dimensions must be one run of positions.
    let positionStride = shape.count == 2 ? shape[1] : stride[shape.count - 1]
    var expected = positionStride
    for dimension in stride.indices.dropFirst(2).reversed() {
      guard stride[dimension] == expected || shape[dimension] == 1 else { return nil }
      expected *= shape[dimension]
    }
    let groups = (shape[1] + width - 1) / width
    if blocking.inner_nblks == 0, stride[1] == 1 || shape[1] == 1 {
      let step = positions == 1 ? shape[1] : positionStride
      return ChannelLanes(
        samples: shape[0], channels: shape[1], positions: positions, groups: groups, sampleStride: stride[0],
        groupStride: width, positionStride: step, lastWidth: shape[1] - width * (groups - 1))
    }
    guard blocking.inner_nblks == 1, blocking.inner_idxs.0 == 1, blocking.inner_blks.0 == Int64(width) else {
      return nil
    }
    return ChannelLanes(
      samples: shape[0], channels: shape[1], positions: positions, groups: groups, sampleStride: stride[0],
      groupStride: stride[1], positionStride: positions == 1 ? width : positionStride, lastWidth: width)
  }
}
