package import Units

// Shapes: N images, C channels, L maps of H × W each, R regions, S positions of a side.

/// y[r, c, i, j] = the mean of four bilinear samples in cell (i, j) of region r, on the map that suits the region's size
/// (He et al. 2017, §3, RoIAlign; Lin et al. 2017, eq. 1).
///
/// Inputs: L maps [N, C, H, W], the largest first, and the regions [R, 5]: the image, and the corners. Output [R, C, S, S].
package struct RegionAlign: OperationRule {
  package let side: Int

  package init(side: Int) { self.side = side }

  /// Samples of a cell, and positions that one is interpolated from.
  static let samples = 4
  static let neighbours = 4

  package var name: String { "region align" }
  package var inputCount: ClosedRange<Int> { 2...Int.max }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let (maps, regions) = (inputs.dropLast().map(\.shape), inputs[inputs.count - 1].shape)
    guard side >= 1, let first = maps.first,
      maps.allSatisfy({ $0.rank == 4 && $0[0] == first[0] && $0[1] == first[1] }),
      regions.rank == 2, regions[1] == 5
    else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "regions are aligned on maps [images, channels, height, width] of as many images and channels, and given as "
          + "[regions, 5], not \(inputs.map(\.description).joined(separator: ", "))")
    }
    return [TensorType([regions[0], first[1], side, side])]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let maps = node.inputs.dropLast().map { graph[$0].type.shape }
    let back = Operation.regionAlignBackward(RegionAlignBackward(maps: maps))
    let inputs = [try node.soleGradient(), node.inputs[node.inputs.count - 1]]
    return try graph.append(back, inputs, layer: node.layer, pass: .backward) + [nil]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(2 * Self.samples * Self.neighbours * outputs[0].shape.elementCount)
  }
}

/// The gradient of each map [N, C, H, W], from dy [R, C, S, S] and the regions [R, 5].
package struct RegionAlignBackward: OperationRule {
  package let maps: [Shape]

  package init(maps: [Shape]) { self.maps = maps }

  package var name: String { "region align backward" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    maps.map { TensorType($0) }
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(2 * RegionAlign.samples * RegionAlign.neighbours * inputs[0].shape.elementCount)
  }
}
