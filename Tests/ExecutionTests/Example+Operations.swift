import ModelGraph

extension Example {
  /// One or more small graphs for every operation. Inputs are parameters where their gradient is wanted too.
  static func operations() throws -> [Example] {
    try dense() + convolutions() + pooling() + normalisation() + rowNormalisation() + recurrent() + sequences()
      + elementwise()
      + activations() + shaping() + losses()
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
    let rules: [(rule: Convolution, x: Shape, weight: Shape)] = [
      (Convolution(stride: Extent(2, 1), padding: Extent(1, 2)), [2, 3, 7, 6], [4, 3, 3, 2]),
      (Convolution(stride: Extent(2, 3), padding: Extent(0, 1), hasBias: false), [2, 3, 7, 6], [4, 3, 3, 2]),
      (Convolution(), [2, 3, 7, 6], [4, 3, 3, 2]),
      (Convolution(stride: Extent(2), padding: Extent(2), dilation: Extent(3)), [2, 3, 11], [4, 3, 3]),
      (Convolution(padding: Extent(1), dilation: Extent(2, 1), groups: 2), [2, 6, 7, 4], [4, 3, 2, 3]),
      (Convolution(stride: Extent(2, 1), groups: 3, hasBias: false), [2, 3, 5, 4], [6, 1, 3, 2]),
      (
        Convolution(stride: Extent(1, 2, 1), padding: Extent(1, 0, 2), dilation: Extent(1, 1, 2)), [2, 2, 4, 5, 6],
        [3, 2, 2, 3, 2]
      ),
    ]
    return try rules.map { rule, x, weight in
      try Example("convolution of \(x) by \(weight), \(rule.groups) groups") { graph in
        var inputs = [graph.parameter("x", x), graph.parameter("weight", weight)]
        if rule.hasBias { inputs.append(graph.parameter("bias", [weight[0]])) }
        return try graph.meanSquared(try graph.append(.convolution(rule), inputs, layer: "convolution")[0])
      }
    }
  }

  private static func pooling() throws -> [Example] {
    let windows: [(window: Window, x: Shape)] = [
      (Window(kernel: Extent(3, 2), stride: Extent(2, 1), padding: Extent(1, 1)), [2, 3, 8, 7]),
      (Window(kernel: Extent(2, 3), stride: Extent(3, 2)), [2, 3, 8, 7]),
      (Window(kernel: Extent(3), stride: Extent(2), roundsUp: true), [2, 3, 8, 6]),
      (Window(kernel: Extent(3), stride: Extent(2), padding: Extent(1)), [2, 3, 10]),
      (Window(kernel: Extent(2, 1, 3), stride: Extent(1, 2, 2)), [2, 3, 4, 5, 6]),
    ]
    return try windows.flatMap { window, shape in
      try [
        Operation.maxPool(MaxPool(window: window)),
        .averagePool(AveragePool(window: window, countsPadding: false)),
      ].map { operation in
        try Example("\(operation.name) of \(shape), kernel \(window.kernel)") { graph in
          try graph.meanSquared(try graph.apply(operation, graph.parameter("x", shape)))
        }
      }
    } + [
      try Example("adaptive average-pool to fewer and to more") { graph in
        let x = graph.parameter("x", [2, 3, 7, 2])
        return try graph.meanSquared(
          try graph.apply(.adaptiveAveragePool(AdaptiveAveragePool(output: Extent(3, 5))), x))
      },
      try Example("average-pool that counts padding") { graph in
        let window = Window(kernel: Extent(3, 2), stride: Extent(2, 1), padding: Extent(1, 1))
        let x = graph.parameter("x", [2, 3, 8, 7])
        return try graph.meanSquared(try graph.apply(.averagePool(AveragePool(window: window)), x))
      },
    ]
  }

  private static func normalisation() throws -> [Example] {
    let shapes: [Shape] = [[3, 5, 2, 4], [7, 4], [2, 3, 5], [2, 3, 2, 3, 2]]
    return try shapes.map { shape in
      try Example("batch normalisation of \(shape)") { graph in
        let inputs = [
          graph.parameter("x", shape), graph.parameter("scale", [shape[1]]), graph.parameter("shift", [shape[1]]),
        ]
        return try graph.meanSquared(
          try graph.append(.batchNormalisation(BatchNormalisation(epsilon: 0.01)), inputs, layer: "norm")[0])
      }
    } + [
      try Example("a normalisation with given statistics, then a dense layer") { graph in
        let x = graph.input("x", TensorType([3, 4]))
        var inputs = [x]
        for name in ["scale", "shift", "mean"] { inputs.append(graph.input(name, TensorType([4]))) }
        inputs.append(graph.statistic("variance", [4], .constant(1), momentum: 0.1))
        let y = try graph.append(.affineNormalisation(AffineNormalisation(epsilon: 2)), inputs, layer: "norm")[0]
        return try graph.meanSquared(
          try graph.apply(.dense(Dense(hasBias: false)), y, graph.parameter("weight", [5, 4])))
      }
    ]
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

  static let functions: [ActivationFunction] = [
    .relu, .tanh, .sigmoid, .leakyReLU(slope: 0.2), .elu(alpha: 1.3), .swish, .gelu(.erf), .gelu(.tanh),
  ]

  private static func activations() throws -> [Example] {
    try functions.map { function in
      try Example(function == .gelu(.tanh) ? "gelu by tanh" : function.name) { graph in
        let x = graph.parameter("x", [3, 2, 5])
        return try graph.meanSquared(try graph.apply(.activation(Activation(function)), x))
      }
    } + softmaxes()
      + [([3, 4, 5], [4]), ([3, 4, 5], [1]), ([2, 3, 17], [3]), ([6, 5], [5]), ([7], [1])].map { x, slope in
        try Example("prelu of \(Shape(x)) by \(slope[0]) slopes") { graph in
          let inputs = [graph.parameter("x", Shape(x)), graph.parameter("slope", Shape(slope))]
          return try graph.meanSquared(try graph.append(.prelu(PReLU()), inputs, layer: "prelu")[0])
        }
      } + [
        try Example("prelu and swish behind blocked convolutions of 16 and 20 channels") { graph in
          let x = graph.parameter("x", [2, 3, 6, 5])
          let y = try graph.apply(
            .convolution(Convolution(hasBias: false)), x, graph.parameter("w1", [16, 3, 2, 2]))
          let z = try graph.apply(.prelu(PReLU()), y, graph.parameter("s1", [16]))
          let u = try graph.apply(
            .convolution(Convolution(hasBias: false)), z, graph.parameter("w2", [20, 16, 2, 1]))
          let v = try graph.apply(.activation(Activation(.swish)), u)
          let w = try graph.apply(.prelu(PReLU()), v, graph.parameter("s2", [20]))
          let steps = try graph.apply(.activation(Activation(.binaryStep)), w)
          let sum = try graph.apply(.add(Add()), steps, w)
          return try graph.meanSquared(
            try graph.apply(.convolution(Convolution(hasBias: false)), sum, graph.parameter("w3", [4, 20, 2, 2])))
        },
        try Example("maxout") { graph in
          let x = graph.parameter("x", [2, 3, 12])
          return try graph.meanSquared(try graph.apply(.maxout(Maxout(pieces: 4)), x))
        },
        try Example("binary step before a weight and behind another") { graph in
          let x = graph.input("x", TensorType([3, 4]))
          let y = try graph.apply(.dense(Dense(hasBias: false)), x, graph.parameter("blocked", [5, 4]))
          let steps = try graph.apply(.activation(Activation(.binaryStep)), y)
          return try graph.meanSquared(
            try graph.apply(.dense(Dense(hasBias: false)), steps, graph.parameter("learns", [2, 5])))
        },
      ]
  }

  private static func softmaxes() throws -> [Example] {
    try [false, true].flatMap { isLogarithm in
      try [([3, 2, 5], -1), ([3, 4, 5], 1), ([3, 4, 2, 3], 0), ([4, 3], -2), ([6], 0)].map { x, dimension in
        let rule = Softmax(dimension: dimension, isLogarithm: isLogarithm)
        return try Example("\(rule.name) of \(Shape(x)) along \(dimension)") { graph in
          try graph.meanSquared(try graph.apply(.softmax(rule), graph.parameter("x", Shape(x))))
        }
      }
    }
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
        return try graph.apply(.elementLoss(ElementLoss(.squaredError, divisor: 4)), a, b)
      },
      try Example("softmax cross-entropy of a sequence with weights", labels: [2, -1, 0, 6, 3, -1]) { graph in
        let x = graph.parameter("x", [2, 3, 7])
        let labels = graph.input("labels", TensorType([2, 3], .int32))
        let weights = [1, 0.5, 2, 0.25, 1.5, 3, 0.75]
        return try graph.apply(.softmaxCrossEntropy(SoftmaxCrossEntropy(divisor: 6, weights: weights)), x, labels)
      },
      try Example("softmax cross-entropy of 70 smoothed and weighted classes", labels: [2, 69, -1]) { graph in
        let x = graph.parameter("x", [3, 70])
        let labels = graph.input("labels", TensorType([3], .int32))
        let rule = SoftmaxCrossEntropy(divisor: 2, smoothing: 0.2, weights: (0..<70).map { 0.5 + Double($0 % 7) })
        return try graph.apply(.softmaxCrossEntropy(rule), x, labels)
      },
      try Example("mean absolute error between two parameters") { graph in
        let (a, b) = (graph.parameter("a", [3, 5]), graph.parameter("b", [3, 5]))
        return try graph.apply(.elementLoss(ElementLoss(.absoluteError, divisor: 4)), a, b)
      },
      try Example("huber loss between two parameters") { graph in
        let (a, b) = (graph.parameter("a", [9, 30]), graph.parameter("b", [9, 30]))
        return try graph.apply(.elementLoss(ElementLoss(.huber(delta: 0.4), divisor: 4)), a, b)
      },
      try Example("binary cross-entropy") { graph in
        let (x, target) = (graph.parameter("x", [4, 5]), graph.input("target", TensorType([4, 5])))
        return try graph.apply(.elementLoss(ElementLoss(.binaryCrossEntropy(weights: []), divisor: 3)), x, target)
      },
      try Example("binary cross-entropy with weights") { graph in
        let (x, target) = (graph.parameter("x", [4, 3]), graph.input("target", TensorType([4, 3])))
        let function = ElementLossFunction.binaryCrossEntropy(weights: [0.5, 2, 3])
        return try graph.apply(.elementLoss(ElementLoss(function, divisor: 3)), x, target)
      },
      // The pattern's targets below 0 are left out.
      try Example("binary cross-entropy of one output with a weight for each answer") { graph in
        let (x, target) = (graph.parameter("x", [21, 1]), graph.input("target", TensorType([21, 1])))
        let function = ElementLossFunction.binaryCrossEntropy(weights: [0.5, 3])
        return try graph.apply(.elementLoss(ElementLoss(function, divisor: 5)), x, target)
      },
      try Example("mean squared error whose target leads to the parameter") { graph in
        let (a, b) = (graph.input("a", TensorType([3, 5])), graph.parameter("b", [3, 5]))
        return try graph.apply(.elementLoss(ElementLoss(.squaredError, divisor: 4)), a, b)
      },
      try Example("a small network of many operations", labels: [1, 0, 3]) { graph in
        let x = graph.input("x", TensorType([3, 2, 8, 7]))
        let y = try graph.apply(
          .convolution(Convolution(padding: Extent(1))), x, graph.parameter("c.weight", [3, 2, 3, 3]),
          graph.parameter("c.bias", [3]))
        let relu = try graph.apply(.activation(Activation(.relu)), y)
        let window = Window(kernel: Extent(2), stride: Extent(2))
        let pooled = try graph.apply(.maxPool(MaxPool(window: window)), relu)
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
