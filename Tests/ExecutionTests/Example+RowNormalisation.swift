import ModelGraph

extension Example {
  /// Layer and group normalisation: rows with and without a rest of 16, fewer rows than parts and more.
  static func rowNormalisation() throws -> [Example] {
    let layers: [(x: Shape, dimensions: Int)] = [([3, 4, 19], 1), ([7, 32], 1), ([2, 3, 5, 4], 2), ([83, 6], 1)]
    let groups: [(x: Shape, groups: Int)] = [
      ([3, 6, 5, 4], 2), ([2, 4, 7], 4), ([5, 6], 3), ([2, 3, 2, 3, 6], 1), ([2, 2, 35], 1),
    ]
    return try layers.map { x, dimensions in
      try Example("layer normalisation of the last \(dimensions) of \(x)") { graph in
        let learned = Shape(Array(x.dimensions.suffix(dimensions)))
        return try graph.normalised(
          .layerNormalisation(LayerNormalisation(epsilon: 0.01, dimensions: dimensions)), x, learned)
      }
    }
      + groups.map { x, groups in
        try Example("group normalisation of \(x), \(groups) groups") { graph in
          try graph.normalised(.groupNormalisation(GroupNormalisation(epsilon: 0.01, groups: groups)), x, [x[1]])
        }
      } + [
        try Example("group and layer normalisation between blocked convolutions") { graph in
          let x = graph.input("x", TensorType([2, 3, 6, 5]))
          let y = try graph.apply(.convolution(Convolution(hasBias: false)), x, graph.parameter("w1", [16, 3, 2, 2]))
          let z = try graph.apply(
            .groupNormalisation(GroupNormalisation(epsilon: 0.01, groups: 4)), y, graph.parameter("a", [16]),
            graph.parameter("b", [16]))
          let u = try graph.apply(.activation(Activation(.tanh)), z)
          let v = try graph.apply(.convolution(Convolution(hasBias: false)), u, graph.parameter("w2", [20, 16, 2, 1]))
          let w = try graph.apply(
            .layerNormalisation(LayerNormalisation(epsilon: 0.01, dimensions: 2)), v, graph.parameter("c", [4, 4]),
            graph.parameter("d", [4, 4]))
          return try graph.meanSquared(w)
        }
      ]
  }
}

extension Graph {
  fileprivate mutating func normalised(_ operation: ModelGraph.Operation, _ x: Shape, _ learned: Shape) throws
    -> ValueID
  {
    try meanSquared(
      try apply(operation, parameter("x", x), parameter("weight", learned), parameter("bias", learned)))
  }
}
