import ModelGraph

extension Example {
  /// Operations that combine values or move elements; between convolutions too, where layouts are blocked.
  static func shaping() throws -> [Example] { try moves() + arithmetic() + blocked() }

  private static func moves() throws -> [Example] {
    let operations: [(operation: ModelGraph.Operation, inputs: [Shape])] = [
      (.concatenate(Concatenate(dimension: 1)), [[2, 3, 4], [2, 1, 4], [2, 5, 4]]),
      (.concatenate(Concatenate(dimension: -1)), [[2, 3, 4], [2, 3, 5]]),
      (.concatenate(Concatenate(dimension: 0)), [[2, 3], [4, 3], [1, 3]]),
      (.slice(Slice(dimension: 1, start: 2, count: 3)), [[2, 7, 4]]),
      (.slice(Slice(dimension: -1, start: 1, count: 2)), [[2, 3, 4]]),
      (.slice(Slice(dimension: 0, start: 1, count: 2)), [[4, 3]]),
      (.transpose(Transpose(order: [0, 2, 1])), [[2, 3, 4]]),
      (.transpose(Transpose(order: [2, 0, 3, 1])), [[2, 3, 4, 5]]),
      (.transpose(Transpose(order: [1, 0])), [[3, 4]]),
      (.transpose(Transpose(order: [0, -1, 1, 2])), [[2, 3, 4, 5]]),
    ]
    return try operations.map { operation, inputs in
      try Example("\(operation.name) of \(inputs) (\(operation))") { graph in
        let values = inputs.enumerated().map { graph.parameter("x\($0.offset)", $0.element) }
        return try graph.meanSquared(try graph.append(operation, values, layer: operation.name)[0])
      }
    } + [
      try Example("split into three of which two are used") { graph in
        let x = graph.parameter("x", [2, 7, 3])
        let parts = try graph.append(.split(Split(dimension: 1, sizes: [2, 4, 1])), [x], layer: "split")
        let joined = try graph.append(.concatenate(Concatenate(dimension: 1)), [parts[2], parts[0]], layer: "joined")
        return try graph.meanSquared(joined[0])
      },
      try Example("a transposed value that is read as it was too") { graph in
        let x = graph.parameter("x", [2, 3, 4])
        let y = try graph.apply(.activation(Activation(.tanh)), x)
        let view = try graph.apply(.transpose(Transpose(order: [0, 2, 1])), y)
        let changed = try graph.apply(.activation(Activation(.sigmoid)), y)
        let back = try graph.apply(.transpose(Transpose(order: [0, 2, 1])), view)
        return try graph.meanSquared(try graph.apply(.add(Add()), back, changed))
      },
    ]
  }

  private static func arithmetic() throws -> [Example] {
    let operations: [(operation: ModelGraph.Operation, inputs: [Shape])] = [
      (.add(Add()), [[2, 3], [2, 3], [2, 3], [2, 3]]), (.subtract(Subtract()), [[2, 3], [2, 3]]),
      (.multiply(Multiply()), [[2, 3, 4], [2, 3, 4]]), (.multiply(Multiply()), [[2, 3, 4], [2, 1, 4]]),
      (.multiply(Multiply()), [[1, 3, 1], [2, 3, 4]]), (.multiply(Multiply()), [[2, 1, 4, 1], [1, 3, 1, 5]]),
      (.multiply(Multiply()), [[2, 3, 4, 5], [2, 3, 1, 1]]), (.multiply(Multiply()), [[1, 3, 1], [2, 3, 5]]),
      (.multiply(Multiply()), [[3, 4], [1, 1]]), (.scale(Scale(by: -2.5)), [[3, 4]]),
      (.reduce(Reduce(.sum, first: 1, last: 1)), [[2, 3, 4]]), (.reduce(Reduce(.mean, first: 0, last: 0)), [[3, 4]]),
      (.reduce(Reduce(.mean, first: -2, last: -1)), [[2, 3, 4, 5]]),
      (.reduce(Reduce(.sum, first: 1, last: 2, keepsDimensions: true)), [[2, 3, 4, 5]]),
      (.reduce(Reduce(.mean, first: 0, last: 1)), [[3, 4]]),
    ]
    return try operations.map { operation, inputs in
      try Example("\(operation.name) of \(inputs) (\(operation))") { graph in
        let values = inputs.enumerated().map { graph.parameter("x\($0.offset)", $0.element) }
        return try graph.meanSquared(try graph.append(operation, values, layer: operation.name)[0])
      }
    }
  }

  /// Inputs of the operation come from convolutions with the given channels, its result goes through another one.
  private static func blocked() throws -> [Example] {
    func example(
      _ name: String, channels: [Int], to last: Int,
      _ combine: @escaping (inout Graph, [ValueID]) throws -> ValueID
    ) throws -> Example {
      try Example("\(name) between convolutions of \(channels) channels") { graph in
        let x = graph.parameter("x", [2, 3, 6, 5])
        let branches = try channels.enumerated().map { index, count in
          try graph.apply(
            .convolution(Convolution(hasBias: false)), x, graph.parameter("w\(index)", [count, 3, 2, 2]))
        }
        let y = try combine(&graph, branches)
        return try graph.meanSquared(
          try graph.apply(.convolution(Convolution(hasBias: false)), y, graph.parameter("last", [5, last, 3, 2])))
      }
    }
    let concatenate = ModelGraph.Operation.concatenate(Concatenate(dimension: 1))
    return [
      try example("concatenate", channels: [16, 32, 16], to: 64) { try $0.append(concatenate, $1, layer: "c")[0] },
      try example("concatenate", channels: [16, 20, 7], to: 43) { try $0.append(concatenate, $1, layer: "c")[0] },
      try example("slice", channels: [48], to: 32) { graph, values in
        try graph.apply(.slice(Slice(dimension: 1, start: 16, count: 32)), values[0])
      },
      try example("slice across blocks", channels: [32], to: 16) { graph, values in
        try graph.apply(.slice(Slice(dimension: 1, start: 5, count: 16)), values[0])
      },
      try example("slice of rows", channels: [16], to: 16) { graph, values in
        try graph.apply(.slice(Slice(dimension: 2, start: 1, count: 4)), values[0])
      },
      try example("sum of three, difference and product", channels: [20, 20, 20], to: 20) { graph, values in
        let sum = try graph.append(.add(Add()), values, layer: "sum")[0]
        return try graph.apply(
          .subtract(Subtract()), sum, try graph.apply(.multiply(Multiply()), values[1], values[2]))
      },
      try example("channels scaled by their mean", channels: [20], to: 20) { graph, values in
        let mean = Reduce(.mean, first: 2, last: 3, keepsDimensions: true)
        let weights = try graph.apply(.activation(Activation(.sigmoid)), try graph.apply(.reduce(mean), values[0]))
        return try graph.apply(.multiply(Multiply()), weights, values[0])
      },
      try example("channels scaled by a parameter", channels: [16], to: 16) { graph, values in
        try graph.apply(.multiply(Multiply()), values[0], graph.parameter("gain", [1, 16, 1, 1]))
      },
      try example("transpose of rows and columns", channels: [16], to: 16) { graph, values in
        try graph.apply(.transpose(Transpose(order: [0, 1, 3, 2])), values[0])
      },
    ]
  }
}
