package import Units

// Shapes: V rows of the table, D numbers each.

/// y[…, d] = table[ids[…], d]: a row of the table for each token. ids […] int32, table [V, D], y […, D].
package struct Embedding: OperationRule {
  package init() {}

  package var name: String { "embedding" }
  package var inputCount: ClosedRange<Int> { 2...2 }
  package var weightInputs: Range<Int> { 1..<2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    guard inputs[0].elementType == .int32, inputs[0].shape.rank >= 1 else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "an embedding takes int32 tokens [samples, steps], its input is \(inputs[0]); make it the first layer of a "
          + "model of tokens")
    }
    guard inputs[1].shape.rank == 2, inputs[1].elementType == .float32 else {
      throw GraphError(
        .shapeMismatch, layer: layer, "an embedding's table is [tokens of the vocabulary, width], not \(inputs[1])")
    }
    return [TensorType(Shape(inputs[0].shape.dimensions + [inputs[1].shape[1]]))]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let rule = EmbeddingBackward(vocabulary: graph[node.inputs[1]].type.shape[0])
    return [
      nil,
      try graph.append(
        .embeddingBackward(rule), [node.inputs[0], try node.soleGradient()], layer: node.layer, pass: .backward)[0],
    ]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(0) }
}

/// dTable[v] = Σ dy over the places whose token is v, from ids […] and dy […, D] to dTable [V, D].
package struct EmbeddingBackward: OperationRule {
  package let vocabulary: Int

  package init(vocabulary: Int) { self.vocabulary = vocabulary }

  package var name: String { "embedding backward" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let dy = inputs[1].shape
    return [TensorType([vocabulary, dy[dy.rank - 1]])]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(inputs[1].shape.elementCount) }
}
