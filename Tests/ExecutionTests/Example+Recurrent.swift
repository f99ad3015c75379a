import ModelGraph

extension Example {
  /// Every cell in both directions: from a given state, from none, over one step, with gradients of y, h and c.
  static func recurrent() throws -> [Example] {
    try RecurrentCell.allCases.flatMap { cell in
      try SequenceDirection.allCases.flatMap { direction in
        try [
          fromAState(cell, direction), intoASecondLayer(cell, direction), finalStateOnly(cell, direction),
          oneStep(cell, direction),
        ]
      }
    }
  }

  private static func states(_ cell: RecurrentCell) -> [String] { cell.hasCellState ? ["h0", "c0"] : ["h0"] }

  private static func fromAState(_ cell: RecurrentCell, _ direction: SequenceDirection) throws -> Example {
    try Example("\(cell) \(direction) from a state") { graph in
      let x = graph.parameter("x", [3, 4, 2])
      let inputs = [x] + graph.recurrentParameters("", cell, features: 2, units: 5)
      let state = states(cell).map { graph.parameter($0, [3, 5]) }
      let rule = Recurrent(cell, direction: direction, hasInitialState: true)
      return try graph.meanSquared(try graph.append(.recurrent(rule), inputs + state, layer: "layer")[0])
    }
  }

  /// The second layer takes y as its input, and h and c as its state, so all three have a gradient.
  private static func intoASecondLayer(_ cell: RecurrentCell, _ direction: SequenceDirection) throws -> Example {
    try Example("\(cell) \(direction) whose outputs and state a second layer takes") { graph in
      let x = graph.parameter("x", [2, 3, 4])
      let first = try graph.append(
        .recurrent(Recurrent(cell, direction: direction)),
        [x] + graph.recurrentParameters("first.", cell, features: 4, units: 3), layer: "first")
      let second = try graph.append(
        .recurrent(Recurrent(cell, hasInitialState: true)),
        [first[0]] + graph.recurrentParameters("second.", cell, features: 3, units: 3)
          + first[1...states(cell).count], layer: "second")
      return try graph.meanSquared(second[0])
    }
  }

  /// No gradient of x is wanted, and none of y is given; the states are inputs.
  private static func finalStateOnly(_ cell: RecurrentCell, _ direction: SequenceDirection) throws -> Example {
    try Example("\(cell) \(direction) of inputs, final state only") { graph in
      let x = graph.input("x", TensorType([3, 4, 2]))
      let weights = graph.recurrentParameters("", cell, features: 2, units: 5)
      let state = states(cell).map { graph.input($0, TensorType([3, 5])) }
      let rule = Recurrent(cell, direction: direction, hasInitialState: true)
      let outputs = try graph.append(.recurrent(rule), [x] + weights + state, layer: "layer")
      return try graph.meanSquared(outputs[states(cell).count])
    }
  }

  private static func oneStep(_ cell: RecurrentCell, _ direction: SequenceDirection) throws -> Example {
    try Example("\(cell) \(direction) of one step from a state") { graph in
      let x = graph.parameter("x", [5, 1, 3])
      let inputs = [x] + graph.recurrentParameters("", cell, features: 3, units: 2)
      let state = states(cell).map { graph.parameter($0, [5, 2]) }
      let rule = Recurrent(cell, direction: direction, hasInitialState: true)
      return try graph.meanSquared(try graph.append(.recurrent(rule), inputs + state, layer: "layer")[1])
    }
  }

  static func sequences() throws -> [Example] {
    [
      try Example("embedding into a recurrent layer", labels: [4, 0, 6, 6, 1, 4]) { graph in
        let tokens = graph.input("tokens", TensorType([2, 3], .int32))
        let x = try graph.apply(.embedding(Embedding()), tokens, graph.parameter("table", [7, 4]))
        let weights = graph.recurrentParameters("", .lstm, features: 4, units: 3)
        return try graph.meanSquared(try graph.append(.recurrent(Recurrent(.lstm)), [x] + weights, layer: "lstm")[1])
      },
      try Example("embedding into a dense layer over positions", labels: [4, 0, 6, 6, 1, 4]) { graph in
        let tokens = graph.input("tokens", TensorType([3, 2], .int32))
        let x = try graph.apply(.embedding(Embedding()), tokens, graph.parameter("table", [7, 4]))
        return try graph.meanSquared(
          try graph.apply(.dense(Dense()), x, graph.parameter("weight", [5, 4]), graph.parameter("bias", [5])))
      },
      try Example("a vector repeated into a recurrent layer, then dense over the steps") { graph in
        let x = graph.parameter("x", [2, 4])
        let repeated = try graph.apply(.repeated(Repeat(count: 3)), x)
        let weights = graph.recurrentParameters("", .gru, features: 4, units: 3)
        let y = try graph.append(.recurrent(Recurrent(.gru)), [repeated] + weights, layer: "gru")[0]
        return try graph.meanSquared(
          try graph.apply(.dense(Dense()), y, graph.parameter("weight", [5, 3]), graph.parameter("bias", [5])))
      },
      try Example("a matrix repeated and used as it is") { graph in
        let x = graph.parameter("x", [3, 2, 5])
        return try graph.meanSquared(try graph.apply(.repeated(Repeat(count: 4)), x))
      },
    ]
  }
}
