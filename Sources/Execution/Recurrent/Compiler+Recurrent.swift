import Kernels
import ModelGraph

extension Compiler {
  mutating func recurrent(_ node: LoweredNode, _ rule: Recurrent) throws {
    typealias Operand = RecurrentKernel.Operand
    let shape = RecurrentShape(rule, x: shape(node.inputs[0]), units: shape(node.inputs[2])[1])
    let kernel = try RecurrentKernel(shape)
    var operands: [Operand: Storage] = [.x: try timeMajor(node.inputs[0]).storage]
    for (operand, value) in zip(
      [Operand.inputWeights, .recurrentWeights, .inputBias, .recurrentBias], node.inputs[1...])
    {
      operands[operand] = try plain(value).storage
    }
    var results: [(value: ValueID, tensor: Tensor)] = []
    func add(_ value: ValueID, _ layout: Layout, as operand: Operand) {
      let tensor = result(value, in: layout)
      results.append((value, tensor))
      operands[operand] = tensor.storage
    }
    add(node.outputs[0], try .timeMajor(self.shape(node.outputs[0])), as: .y)
    add(node.outputs[1], try .plain(self.shape(node.outputs[1])), as: .finalHidden)
    if rule.cell.hasCellState { add(node.outputs[2], try .plain(self.shape(node.outputs[2])), as: .finalCell) }
    if rule.cell.keepsGates {
      for (operand, value) in zip([Operand.gates, .beside], node.outputs[(1 + rule.stateCount)...]) {
        add(value, try .timeMajor(self.shape(value)), as: operand)
      }
    } else {
      (operands[.gates], operands[.beside]) = (operands[.y], operands[.y])
    }
    for (operand, value) in zip([Operand.initialHidden, .initialCell], node.inputs.dropFirst(5)) {
      operands[operand] = try plain(value).storage
    }
    operands[.packed] = buffer(kernel.stepProduct.packedByteCount)
    operands[.bias] = buffer(4 * shape.gateCount)
    operands[.product] = buffer(4 * shape.samples * shape.gateCount)
    operands[.zeros] = buffer(4 * shape.units)
    operands[.scratchpad] = buffer(kernel.scratchpadByteCount)
    let absent = operands[.finalHidden, default: .loss]
    try append(kernel, Operand.allCases.map { operands[$0] ?? absent }, results: results, node: node)
  }

  mutating func recurrentBackward(_ node: LoweredNode, _ rule: RecurrentBackward) throws {
    typealias Operand = RecurrentBackwardKernel.Operand
    let shape = RecurrentShape(rule.forward, x: shape(node.inputs[0]), units: shape(node.inputs[2])[1])
    let kernel = try RecurrentBackwardKernel(rule, shape)
    var operands: [Operand: Storage] = [
      .x: try timeMajor(node.inputs[0]).storage, .inputWeights: try plain(node.inputs[1]).storage,
      .recurrentWeights: try plain(node.inputs[2]).storage, .y: try timeMajor(node.inputs[rule.outputInput]).storage,
    ]
    if let first = rule.initialStateInput {
      for (operand, value) in zip([Operand.initialHidden, .initialCell], node.inputs[first..<rule.outputInput]) {
        operands[operand] = try plain(value).storage
      }
    }
    if let saved = rule.savedInput {
      operands[.gates] = try timeMajor(node.inputs[saved]).storage
      operands[.beside] = try timeMajor(node.inputs[saved + 1]).storage
    }
    if let dy = rule.gradientInput(0) { operands[.outputGradient] = try timeMajor(node.inputs[dy]).storage }
    if let dh = rule.gradientInput(1) { operands[.finalHiddenGradient] = try plain(node.inputs[dh]).storage }
    if let dc = rule.gradientInput(2) { operands[.finalCellGradient] = try plain(node.inputs[dc]).storage }

    var results: [(value: ValueID, tensor: Tensor)] = []
    var wanted: [Operand] = [
      .inputWeightsGradient, .recurrentWeightsGradient, .inputBiasGradient, .recurrentBiasGradient,
    ]
    if rule.wantsInput { wanted.append(.inputGradient) }
    if rule.wantsState { wanted += [.initialHiddenGradient, .initialCellGradient] }
    for (operand, value) in zip(wanted, node.outputs) {
      let layout: Layout =
        operand == .inputGradient ? try .timeMajor(self.shape(value)) : try .plain(self.shape(value))
      let tensor = result(value, in: layout)
      results.append((value, tensor))
      operands[operand] = tensor.storage
    }
    operands[.packed] = buffer(kernel.stepProduct.packedByteCount)
    operands[.hiddenGradient] = buffer(4 * shape.samples * shape.units)
    operands[.cellGradient] = shape.cell.hasCellState ? buffer(4 * shape.samples * shape.units) : nil
    operands[.chunk] =
      shape.cell == .lstm ? operands[.gates] : buffer(4 * shape.chunkSteps * shape.samples * shape.gateCount)
    operands[.sums] = buffer(4 * kernel.parts.count * kernel.sumCount)
    operands[.row] = buffer(4 * kernel.parts.count * shape.units)
    operands[.zeros] = buffer(4 * shape.units)
    operands[.scratchpad] = buffer(kernel.scratchpadByteCount)
    let absent = operands[.hiddenGradient, default: .loss]
    try append(kernel, Operand.allCases.map { operands[$0] ?? absent }, results: results, node: node)
  }

  private mutating func timeMajor(_ value: ValueID) throws -> Tensor { try tensor(value, in: .timeMajor(shape(value))) }

  private mutating func plain(_ value: ValueID) throws -> Tensor { try tensor(value, in: .plain(shape(value))) }
}
