import ModelGraph

extension TransformerBuilder {
  /// What the last block gives, [B, S, h], to the logits: [B, S, V], or [B, classes] of a classifier.
  mutating func head(_ x: ValueID) throws -> ValueID {
    let place = TransformerPlace()
    switch model.head {
    case .languageModel:
      var x = x
      if model.positions == .relative, model.isTied {
        let scale = Scale(by: 1 / Double(model.hidden).squareRoot())
        x = try graph.append(.scale(scale), [x], layer: place.name(.headScale))[0]
      }
      return try output(x, hasBias: false, place)
    case .maskedLanguageModel:
      let wide = try dense(.transform, predicted(x, place), outputs: model.hidden, place)
      let y = try graph.activation(place.name(.transformActivation), wide, model.activation)
      return try output(normalised(place.name(.transformNorm), y), hasBias: true, place)
    case .classifier:
      return try classifier(x, place)
    }
  }

  /// The steps that are to be found, all or those that an input names.
  private mutating func predicted(_ x: ValueID, _ place: TransformerPlace) throws -> ValueID {
    guard let count = model.predictions else { return x }
    let name = place.name(.gather)
    let shape = graph[x].type.shape
    guard count <= shape[1] else {
      throw GraphError(
        .invalidArgument, layer: name, key: "predictions",
        "\(count) steps to find are more than the \(shape[1]) of a sequence; use fewer, or longer sequences")
    }
    let steps = graph.input(TransformerSpecification.predictedStepsName, TensorType([shape[0], count], .int32))
    return try graph.append(.gather(Gather()), [x, steps], layer: name)[0]
  }

  private mutating func classifier(_ x: ValueID, _ place: TransformerPlace) throws -> ValueID {
    let shape = graph[x].type.shape
    let isDecoder = model.kind == .decoder
    let name = place.name(.select)
    let one = try graph.slice(name, x, dimension: 1, start: isDecoder ? shape[1] - 1 : 0, count: 1)
    var y = try graph.append(.reshape(Reshape(to: [shape[0], shape[2]])), [one], layer: name)[0]
    if !isDecoder {
      y = try dense(.transform, y, outputs: model.hidden, place)
      y = try graph.activation(place.name(.transformActivation), y, .tanh)
    }
    y = try dropout(place.name(.headDropout), y)
    return try dense(.output, y, outputs: model.classes, hasBias: !isDecoder, place)
  }

  /// h → V by a matrix of its own, or by the token embedding's table.
  private mutating func output(_ x: ValueID, hasBias: Bool, _ place: TransformerPlace) throws -> ValueID {
    guard model.isTied else { return try dense(.output, x, outputs: model.vocabulary, hasBias: hasBias, place) }
    let name = place.name(.output)
    let type = graph[x].type
    let table = try tokenEmbeddingTable(type, layer: name)
    let result = TensorType(Shape(type.shape.dimensions.dropLast() + [model.vocabulary]))
    try requireFeasible([result], workPerOutput: model.hidden, layer: name)
    let bias = hasBias ? [graph.parameter(name + ".bias", [model.vocabulary], .zeros)] : []
    return try graph.append(.dense(Dense(hasBias: hasBias)), [x, table] + bias, layer: name)[0]
  }
}
