import Kernels
import ModelGraph

extension Compiler {
  /// In the layout of the largest input in which every part is whole blocks: channels of blocked convolutions stay.
  mutating func concatenate(_ node: LoweredNode, _ rule: Concatenate) throws {
    let dimension = try lowered.types[node.inputs[0].index].shape.index(of: rule.dimension, layer: node.layer)
    let whole = shape(node.outputs[0])
    let parts = node.inputs.map { shape($0) }
    var candidates: [Layout] = []
    for input in node.inputs { candidates.append(try storedTensor(input).layout) }
    candidates.sort { $0.byteCount > $1.byteCount }
    candidates.append(try .plain(whole))
    for candidate in candidates {
      guard let output = candidate.resized(to: whole), let layouts = aligned(candidate, parts, whole, dimension) else {
        continue
      }
      var inputs: [(Primitive.Argument, Tensor)] = []
      for (index, input) in node.inputs.enumerated() {
        inputs.append((.source(index), try tensor(input, in: layouts[index])))
      }
      let y = result(node.outputs[0], in: output)
      return try append(
        Primitive.concatenation(layouts, along: dimension, to: output), inputs,
        results: [(.destination, node.outputs[0], y)], node: node)
    }
    preconditionFailure("row-major tensors can be concatenated")
  }

  /// The layouts of parts like `candidate`, if each part is whole blocks of it.
  private func aligned(_ candidate: Layout, _ parts: [[Int]], _ whole: [Int], _ dimension: Int) -> [Layout]? {
    var layouts: [Layout] = []
    var start = whole.map { _ in 0 }
    guard let output = candidate.resized(to: whole) else { return nil }
    for part in parts {
      guard let layout = candidate.resized(to: part), (try? output.part(part, from: start)) != nil else { return nil }
      layouts.append(layout)
      start[dimension] += part[dimension]
    }
    return layouts
  }

  mutating func slice(_ node: LoweredNode, _ rule: Slice) throws {
    let dimension = try lowered.types[node.inputs[0].index].shape.index(of: rule.dimension, layer: node.layer)
    try copyPart(of: node.inputs[0], dimension, start: rule.start, to: node.outputs[0], node: node)
  }

  mutating func split(_ node: LoweredNode, _ rule: Split) throws {
    let dimension = try lowered.types[node.inputs[0].index].shape.index(of: rule.dimension, layer: node.layer)
    var start = 0
    for (output, size) in zip(node.outputs, rule.sizes) {
      try copyPart(of: node.inputs[0], dimension, start: start, to: output, node: node)
      start += size
    }
  }

  /// In the layout that the input has, if the part is whole blocks of it; else row-major.
  private mutating func copyPart(
    of value: ValueID, _ dimension: Int, start: Int, to output: ValueID, node: LoweredNode
  ) throws {
    let shape = shape(output)
    var from = shape.map { _ in 0 }
    from[dimension] = start
    let own = try storedTensor(value)
    var source = own
    var part = try? own.layout.part(shape, from: from)
    if part == nil || own.layout.resized(to: shape) == nil {
      source = try tensor(value, in: .plain(self.shape(value), own.layout.element))
      part = try source.layout.part(shape, from: from)
    }
    guard let part, let layout = source.layout.resized(to: shape) else {
      preconditionFailure("row-major tensors have parts")
    }
    let y = result(output, in: layout)
    try append(
      Primitive.reorder(from: part, to: layout), [(.source, source)], results: [(.destination, output, y)], node: node)
  }

  mutating func sliceBackward(_ node: LoweredNode, _ rule: SliceBackward) throws {
    let dimension = try rule.input.index(of: rule.forward.dimension, layer: node.layer)
    let dy = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let dx = result(node.outputs[0], in: try .plain(rule.input.dimensions))
    let cut = DimensionCut(rule.input, at: dimension..<dimension + 1)
    try append(
      SliceBackwardKernel(cut: cut, start: rule.forward.start, count: rule.forward.count), [dy.storage, dx.storage],
      results: [(node.outputs[0], dx)], node: node)
  }

  /// No element moves if the memory, read in the other order, is a layout that other kernels know.
  mutating func transpose(_ node: LoweredNode, _ rule: Transpose) throws {
    let x = try storedTensor(node.inputs[0])
    let axes = try rule.axes(lowered.types[node.inputs[0].index].shape, layer: node.layer)
    let view = try x.layout.transposed(axes)
    let shape = shape(node.outputs[0])
    let plain = try Layout.plain(shape, view.element)
    let isKnown = try view == plain || ((3...5).contains(axes.count) && view == .channelsLast(shape, view.element))
    guard !isKnown else {
      return try record(node.outputs[0], Tensor(layout: view, storage: x.storage), layer: node.layer)
    }
    let y = result(node.outputs[0], in: plain)
    try append(
      Primitive.reorder(from: view, to: plain), [(.source, x)], results: [(.destination, node.outputs[0], y)],
      node: node)
  }
}
