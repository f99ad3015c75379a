import Execution
import ModelGraph
import Testing

/// A small differentiated graph with elements for all that it takes.
struct Example: Sendable, CustomTestStringConvertible {
  let name: String
  let graph: Graph
  let loss: ValueID
  let given: [ValueID: [Double]]
  let dropout = DropoutState(seed: 77, step: 3, firstSample: 5)

  var testDescription: String { name }

  /// - Parameters:
  ///   - labels: elements of the int32 inputs; every other value is given `pattern`.
  ///   - build: appends the forward graph and gives its loss.
  init(_ name: String, labels: [Double] = [], _ build: (inout Graph) throws -> ValueID) throws {
    var forward = Graph()
    loss = try build(&forward)
    graph = try forward.differentiated(loss)
    self.name = name
    var given: [ValueID: [Double]] = [:]
    for id in graph.inputs + graph.stored {
      let type = graph[id].type
      given[id] =
        type.elementType == .float32 ? Self.pattern(type.shape.elementCount, salt: id.index) : labels
    }
    self.given = given
  }

  func check() throws -> GradientCheck { try GradientCheck(graph, loss: loss, at: given, dropout: dropout) }

  /// Elements in −1 ... 1 without order, no two of the first 2003 equal.
  static func pattern(_ count: Int, salt: Int) -> [Double] {
    (0..<count).map { index -> Double in
      let mixed = (index * 7919 + salt * 104_729 + 13) % 2003
      return Double(mixed) / 1001.5 - 1
    }
  }
}

extension Graph {
  mutating func parameter(_ name: String, _ shape: Shape) -> ValueID { parameter(name, shape, .zeros) }

  mutating func apply(_ operation: ModelGraph.Operation, _ inputs: ValueID...) throws -> ValueID {
    try append(operation, inputs, layer: operation.name)[0]
  }

  /// The mean squared difference from an input `target`: a loss that any float32 value can end in.
  mutating func meanSquared(_ value: ValueID) throws -> ValueID {
    let target = input("target", self[value].type)
    return try apply(
      .elementLoss(ElementLoss(.squaredError, divisor: self[value].type.shape.elementCount)), value, target)
  }
}
