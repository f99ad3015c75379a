import Kernels
import ModelGraph

// Layer and group normalisation, over row-major tensors in float32.

extension Compiler {
  mutating func layerNormalisation(_ node: LoweredNode, _ rule: LayerNormalisation) throws {
    let (rows, width) = layerRows(node, dimensions: rule.dimensions)
    try rowNormalisation(node, LayerNormalisationKernel(rows: rows, width: width, epsilon: rule.epsilon))
  }

  mutating func groupNormalisation(_ node: LoweredNode, _ rule: GroupNormalisation) throws {
    let rows = groupRows(node, groups: rule.groups)
    try rowNormalisation(node, GroupNormalisationKernel(rows: rows, epsilon: rule.epsilon))
  }

  mutating func layerNormalisationBackward(_ node: LoweredNode, _ rule: LayerNormalisationBackward) throws {
    let (rows, width) = layerRows(node, dimensions: rule.dimensions)
    let kernel = LayerNormalisationBackwardKernel(rows: rows, width: width)
    try rowNormalisationBackward(node, kernel, scratchByteCount: kernel.partialSumsByteCount)
  }

  mutating func groupNormalisationBackward(_ node: LoweredNode, _ rule: GroupNormalisationBackward) throws {
    let kernel = GroupNormalisationBackwardKernel(rows: groupRows(node, groups: rule.groups))
    try rowNormalisationBackward(node, kernel, scratchByteCount: kernel.sumsByteCount)
  }

  private func layerRows(_ node: LoweredNode, dimensions: Int) -> (rows: Int, width: Int) {
    let x = shape(node.inputs[0])
    return (x.dropLast(dimensions).reduce(1, *), x.suffix(dimensions).reduce(1, *))
  }

  private func groupRows(_ node: LoweredNode, groups: Int) -> GroupRows {
    let x = shape(node.inputs[0])
    return GroupRows(
      samples: x[0], groups: groups, channels: x[1] / groups, positions: x.dropFirst(2).reduce(1, *))
  }

  /// Operands: x, weight, bias; y, mean, 1 / deviation.
  private mutating func rowNormalisation(_ node: LoweredNode, _ kernel: any HostKernel) throws {
    let inputs = try plainTensors(node.inputs)
    let results = try plainResults(node.outputs)
    mayTakeOver(results[0].tensor, inputs[0])
    try append(
      kernel, inputs.map(\.storage) + results.map(\.tensor.storage), results: results, node: node)
  }

  /// Operands: x, dy, weight, mean, 1 / deviation; dx, dweight, dbias; a scratch buffer.
  private mutating func rowNormalisationBackward(
    _ node: LoweredNode, _ kernel: any HostKernel, scratchByteCount: Int
  ) throws {
    let inputs = try plainTensors(node.inputs)
    let results = try plainResults(node.outputs)
    mayTakeOver(results[0].tensor, inputs[1])
    let operands = inputs.map(\.storage) + results.map(\.tensor.storage) + [buffer(scratchByteCount)]
    try append(kernel, operands, results: results, node: node)
  }

  private mutating func plainTensors(_ values: [ValueID]) throws -> [Tensor] {
    var tensors: [Tensor] = []
    for value in values { tensors.append(try tensor(value, in: .plain(shape(value)))) }
    return tensors
  }

  private mutating func plainResults(_ values: [ValueID]) throws -> [(value: ValueID, tensor: Tensor)] {
    var results: [(value: ValueID, tensor: Tensor)] = []
    for value in values { results.append((value, result(value, in: try .plain(shape(value))))) }
    return results
  }
}
