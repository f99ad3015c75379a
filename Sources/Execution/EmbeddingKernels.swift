import Kernels
import ModelGraph

/// The places of an embedding, and the order in which its rows of D numbers lie.
///
/// Tokens are row-major, [N, T]; rows may lie time-major, as recurrent layers read them.
struct EmbeddingShape {
  let samples: Int
  /// Tokens a sample.
  let steps: Int
  let vocabulary: Int
  let width: Int
  let isTimeMajor: Bool

  /// A token indexes memory, so it is looked at before it does.
  /// - Throws: `ExecutionError` with `.invalidToken` for the first token that is no row of the table.
  @unsafe func requireTokens(_ ids: UnsafePointer<Int32>) throws {
    for index in 0..<samples * steps where unsafe UInt32(bitPattern: ids[index]) >= UInt32(vocabulary) {
      throw unsafe ExecutionError(
        .invalidToken,
        "token \(ids[index]) at place \(index % steps) of sample \(index / steps) is not in the vocabulary of "
          + "\(vocabulary); tokens are 0 to \(vocabulary - 1): enlarge the vocabulary or replace the token")
    }
  }

  /// Where the row of a token begins, in floats.
  @inline(__always) func row(_ sample: Int, _ step: Int) -> Int {
    (isTimeMajor ? step * samples + sample : sample * steps + step) * width
  }
}

/// Operands: tokens, table, y.
struct EmbeddingKernel: HostKernel {
  let shape: EmbeddingShape

  func bind(_ memory: HostMemory) -> HostRun {
    let shape = shape
    let (ids, table, y) = unsafe (memory.integers(0), memory.floats(1), memory.floats(2))
    return { _, _ in
      unsafe try shape.requireTokens(ids)
      for sample in 0..<shape.samples {
        for step in 0..<shape.steps {
          let token = unsafe Int(ids[sample * shape.steps + step])
          unsafe (y + shape.row(sample, step)).update(from: table + token * shape.width, count: shape.width)
        }
      }
    }
  }
}

/// Operands: tokens, dy, gradient of the table.
///
/// Every row is zeroed, not only those of the tokens: the gradient is also what the sum over ranks lands in.
struct EmbeddingBackwardKernel: HostKernel {
  let shape: EmbeddingShape

  func bind(_ memory: HostMemory) -> HostRun {
    let shape = shape
    let (ids, dy, table) = unsafe (memory.integers(0), memory.floats(1), memory.floats(2))
    return { _, _ in
      unsafe try shape.requireTokens(ids)
      unsafe table.update(repeating: 0, count: shape.vocabulary * shape.width)
      for sample in 0..<shape.samples {
        for step in 0..<shape.steps {
          let row = unsafe table + Int(ids[sample * shape.steps + step]) * shape.width
          let gradient = unsafe dy + shape.row(sample, step)
          for j in 0..<shape.width { unsafe row[j] += gradient[j] }
        }
      }
    }
  }
}

/// y[n, t] = x[n]. Operands: x, y.
struct RepeatKernel: HostKernel {
  let samples: Int
  let steps: Int
  /// Numbers a sample and step.
  let width: Int

  func bind(_ memory: HostMemory) -> HostRun {
    let kernel = self
    let (x, y) = unsafe (memory.floats(0), memory.floats(1))
    return { _, _ in
      // Time-major: all samples of a step lie as they do in x.
      let count = kernel.samples * kernel.width
      for step in 0..<kernel.steps { unsafe (y + step * count).update(from: x, count: count) }
    }
  }
}

/// dx[n] = Σₜ dy[n, t]. Operands: dy, dx.
struct RepeatBackwardKernel: HostKernel {
  let samples: Int
  let steps: Int
  let width: Int

  func bind(_ memory: HostMemory) -> HostRun {
    let kernel = self
    let (dy, dx) = unsafe (memory.floats(0), memory.floats(1))
    return { _, _ in
      let count = kernel.samples * kernel.width
      unsafe dx.update(from: dy, count: count)
      for step in 1..<max(kernel.steps, 1) {
        let gradient = unsafe dy + step * count
        for j in 0..<count { unsafe dx[j] += gradient[j] }
      }
    }
  }
}

extension Compiler {
  mutating func embedding(_ node: LoweredNode) throws {
    let ids = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let table = try tensor(node.inputs[1], in: .plain(shape(node.inputs[1])))
    let isTimeMajor = feedsRecurrence(node.outputs[0])
    let layout: Layout =
      isTimeMajor ? try .timeMajor(shape(node.outputs[0])) : try .plain(shape(node.outputs[0]))
    let y = result(node.outputs[0], in: layout)
    let kernel = EmbeddingKernel(
      shape: embeddingShape(ids: node.inputs[0], table: node.inputs[1], isTimeMajor: isTimeMajor))
    try append(kernel, [ids.storage, table.storage, y.storage], results: [(node.outputs[0], y)], node: node)
  }

  mutating func embeddingBackward(_ node: LoweredNode) throws {
    let ids = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let dy = try tensor(node.inputs[1])
    let isTimeMajor = try dy.layout != .plain(shape(node.inputs[1])) && dy.layout == .timeMajor(shape(node.inputs[1]))
    let gradient = try isTimeMajor ? dy : tensor(node.inputs[1], in: .plain(shape(node.inputs[1])))
    let dw = result(node.outputs[0], in: try .plain(shape(node.outputs[0])))
    let kernel = EmbeddingBackwardKernel(
      shape: embeddingShape(ids: node.inputs[0], table: node.outputs[0], isTimeMajor: isTimeMajor))
    try append(kernel, [ids.storage, gradient.storage, dw.storage], results: [(node.outputs[0], dw)], node: node)
  }

  private func embeddingShape(ids: ValueID, table: ValueID, isTimeMajor: Bool) -> EmbeddingShape {
    let samples = shape(ids)[0]
    let tokens = shape(ids).reduce(1, *)
    return EmbeddingShape(
      samples: samples, steps: tokens / max(samples, 1), vocabulary: shape(table)[0], width: shape(table)[1],
      isTimeMajor: isTimeMajor)
  }

  /// Whether a recurrent layer reads the value, and so wants its steps outermost.
  private func feedsRecurrence(_ value: ValueID) -> Bool {
    guard shape(value).count == 3 else { return false }
    return lowered.nodes.contains { node in
      guard case .recurrent = node.operation else { return false }
      return node.inputs[0] == value
    }
  }

  mutating func repeated(_ node: LoweredNode, _ rule: Repeat) throws {
    let x = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let y = result(node.outputs[0], in: try .timeMajor(shape(node.outputs[0])))
    let extents = shape(node.inputs[0])
    let kernel = RepeatKernel(samples: extents[0], steps: rule.count, width: extents.dropFirst().reduce(1, *))
    try append(kernel, [x.storage, y.storage], results: [(node.outputs[0], y)], node: node)
  }

  mutating func repeatedBackward(_ node: LoweredNode) throws {
    let extents = shape(node.inputs[0])
    let dy = try tensor(node.inputs[0], in: .timeMajor(extents))
    let dx = result(node.outputs[0], in: try .plain(shape(node.outputs[0])))
    let kernel = RepeatBackwardKernel(
      samples: extents[0], steps: extents[1], width: extents.dropFirst(2).reduce(1, *))
    try append(kernel, [dy.storage, dx.storage], results: [(node.outputs[0], dx)], node: node)
  }
}
