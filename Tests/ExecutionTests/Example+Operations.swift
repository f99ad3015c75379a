import ModelGraph

extension Example {
  /// One or more small graphs for every operation. Inputs are parameters where their gradient is wanted too.
  static func operations() throws -> [Example] {
    try dense() + convolutions() + pooling() + elementwise() + activations() + losses()
  }

  private static func dense() throws -> [Example] {
    [
      try Example("dense") { graph in
        let x = graph.parameter("x", [3, 4])
        let y = try graph.apply(.dense(Dense()), x, graph.parameter("weight", [5, 4]), graph.parameter("bias", [5]))
        return try graph.meanSquared(y)
      },
      try Example("dense without bias, of an input, then another") { graph in
        let x = graph.input("x", TensorType([3, 4]))
        let y = try graph.apply(.dense(Dense(hasBias: false)), x, graph.parameter("first", [5, 4]))
        let z = try graph.apply(.dense(Dense(hasBias: false)), y, graph.parameter("second", [2, 5]))
        return try graph.meanSquared(z)
      },
    ]
  }

  private static func convolutions() throws -> [Example] {
    try [
      Convolution2D(stride: Extent2D(2, 1), padding: Extent2D(1, 2)),
      Convolution2D(stride: Extent2D(2, 3), padding: Extent2D(0, 1), hasBias: false), Convolution2D(),
    ].map { rule in
      try Example("convolution, stride \(rule.stride), padding \(rule.padding)") { graph in
        var inputs = [graph.parameter("x", [2, 3, 7, 6]), graph.parameter("weight", [4, 3, 3, 2])]
        if rule.hasBias { inputs.append(graph.parameter("bias", [4])) }
        return try graph.meanSquared(try graph.append(.convolution2D(rule), inputs, layer: "convolution")[0])
      }
    }
  }

  private static func pooling() throws -> [Example] {
    try [
      Window2D(kernel: Extent2D(3, 2), stride: Extent2D(2, 1), padding: Extent2D(1, 1)),
      Window2D(kernel: Extent2D(2, 3), stride: Extent2D(3, 2)),
    ].map { window in
      try Example("max-pool, kernel \(window.kernel), stride \(window.stride)") { graph in
        let x = graph.parameter("x", [2, 3, 8, 7])
        return try graph.meanSquared(try graph.apply(.maxPool2D(MaxPool2D(window: window)), x))
      }
    }
  }

  private static func elementwise() throws -> [Example] {
    [
      try Example("reshape") { graph in
        let x = graph.parameter("x", [2, 3, 4])
        let flat = try graph.apply(.reshape(Reshape(to: [2, 12])), x)
        return try graph.meanSquared(
          try graph.apply(.dense(Dense(hasBias: false)), flat, graph.parameter("weight", [5, 12])))
      },
      try Example("a value used three times, once beside itself") { graph in
        let x = graph.parameter("x", [3, 4])
        let y = try graph.apply(.dense(Dense(hasBias: false)), x, graph.parameter("weight", [4, 4]))
        let twice = try graph.apply(.add(Add()), y, y)
        return try graph.meanSquared(
          try graph.apply(.add(Add()), twice, try graph.apply(.activation(Activation(.tanh)), y)))
      },
      try Example("two parameters with one gradient") { graph in
        let (a, b) = (graph.parameter("a", [3, 5]), graph.parameter("b", [3, 5]))
        return try graph.meanSquared(try graph.apply(.add(Add()), a, b))
      },
      try Example("one weight in two layers") { graph in
        let x = graph.input("x", TensorType([3, 4]))
        let weight = graph.parameter("weight", [4, 4])
        let y = try graph.apply(.dense(Dense(hasBias: false)), x, weight)
        let z = try graph.apply(.activation(Activation(.sigmoid)), y)
        return try graph.meanSquared(try graph.apply(.dense(Dense(hasBias: false)), z, weight))
      },
      try Example("two dropouts") { graph in
        let x = graph.parameter("x", [4, 3, 5])
        let y = try graph.apply(.dropout(Dropout(rate: 0.4, key: 1)), x)
        let z = try graph.apply(.activation(Activation(.tanh)), y)
        return try graph.meanSquared(try graph.apply(.dropout(Dropout(rate: 0.2, key: 2)), z))
      },
    ]
  }

  private static func activations() throws -> [Example] {
    try ActivationFunction.allCases.map { function in
      try Example(function.rawValue) { graph in
        let x = graph.parameter("x", [3, 2, 5])
        return try graph.meanSquared(try graph.apply(.activation(Activation(function)), x))
      }
    } + [
      try Example("softmax") { graph in
        let x = graph.parameter("x", [3, 2, 5])
        return try graph.meanSquared(try graph.apply(.softmax(Softmax()), x))
      }
    ]
  }

  private static func losses() throws -> [Example] {
    [
      try Example("softmax cross-entropy with one label left out", labels: [2, -1, 0, 6]) { graph in
        let x = graph.parameter("x", [4, 7])
        let labels = graph.input("labels", TensorType([4], .int32))
        return try graph.apply(.softmaxCrossEntropy(SoftmaxCrossEntropy(divisor: 9)), x, labels)
      },
      try Example("mean squared error between two parameters") { graph in
        let (a, b) = (graph.parameter("a", [3, 5]), graph.parameter("b", [3, 5]))
        return try graph.apply(.meanSquaredError(MeanSquaredError(divisor: 4)), a, b)
      },
      try Example("mean squared error whose target leads to the parameter") { graph in
        let (a, b) = (graph.input("a", TensorType([3, 5])), graph.parameter("b", [3, 5]))
        return try graph.apply(.meanSquaredError(MeanSquaredError(divisor: 4)), a, b)
      },
      try Example("a small network of many operations", labels: [1, 0, 3]) { graph in
        let x = graph.input("x", TensorType([3, 2, 8, 7]))
        let y = try graph.apply(
          .convolution2D(Convolution2D(padding: Extent2D(1))), x, graph.parameter("c.weight", [3, 2, 3, 3]),
          graph.parameter("c.bias", [3]))
        let relu = try graph.apply(.activation(Activation(.relu)), y)
        let window = Window2D(kernel: Extent2D(2), stride: Extent2D(2))
        let pooled = try graph.apply(.maxPool2D(MaxPool2D(window: window)), relu)
        let flat = try graph.apply(.reshape(Reshape(to: [3, 36])), pooled)
        let dropped = try graph.apply(.dropout(Dropout(rate: 0.25, key: 0)), flat)
        let logits = try graph.apply(
          .dense(Dense()), dropped, graph.parameter("f.weight", [4, 36]), graph.parameter("f.bias", [4]))
        let labels = graph.input("labels", TensorType([3], .int32))
        return try graph.apply(.softmaxCrossEntropy(SoftmaxCrossEntropy(divisor: 3)), logits, labels)
      },
    ]
  }
}
