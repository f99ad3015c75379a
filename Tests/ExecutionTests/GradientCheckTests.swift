import Execution
import Foundation
import ModelGraph
import Testing

@Suite struct GradientCheckTests {
  @Test(arguments: try Example.operations())
  func analyticAndNumericGradientsAgree(_ example: Example) throws {
    let report = try example.check().run()
    #expect(report.parameters.count == example.graph.parameters.count)
    for parameter in report.parameters {
      #expect(parameter.checkedCount == parameter.elementCount)
      #expect(parameter.kinkCount == 0, "\(parameter.name)")
      let worst = try #require(parameter.worst)
      #expect(worst.relativeError < 1e-6, "\(parameter.name): \(worst)")
    }
    // A gradient of zeros would agree with a loss that does not depend on anything.
    let gradients = try ReferenceExecutor(example.graph).run(example.given, dropout: example.dropout)
    let blocked = example.graph.blockedParameters.map(\.parameter)
    for pair in example.graph.parameterGradients {
      let name = example.graph[pair.parameter].name
      #expect(
        gradients[pair.gradient].contains { abs($0) > 1e-4 } != blocked.contains(pair.parameter), "\(name) is all zero")
    }
  }

  /// A new operation that can be run fails here until it is checked; one without kernel and reference cannot be run.
  @Test func everyOperationIsChecked() throws {
    let nodes = try Example.operations().flatMap(\.graph.nodes)
    let cases = try operationCases()
    #expect(cases.count > 20)
    #expect(Set(nodes.map { caseName($0.operation) }) == cases)
  }

  @Test func aWrongGradientIsReportedWithItsPlace() throws {
    var graph = Graph()
    let x = graph.parameter("x", [2, 3])
    let target = graph.input("target", TensorType([2, 3]))
    let right = try graph.apply(.elementLoss(ElementLoss(.squaredError, divisor: 6)), x, target)
    let wrong = try graph.apply(.elementLoss(ElementLoss(.squaredError, divisor: 4)), x, target)
    let differentiated = try graph.differentiated(right)
    // The gradient of one loss against the differences of another: 4 / 6 of it.
    let check = try GradientCheck(
      differentiated, loss: wrong, at: [x: [0, 1, 0, 3, 0, 0.5], target: Array(repeating: 0, count: 6)],
      dropout: DropoutState(seed: 0, step: 0, firstSample: 0))
    let report = try check.run()
    let worst = try #require(report.parameters[0].worst)
    #expect(abs(worst.relativeError - 1 / 3.0) < 1e-6)
    #expect([1, 3, 5].contains(worst.element))
    #expect(report.parameters[0].kinkCount == 0)
    #expect(report.worstRelativeError == worst.relativeError)
  }

  @Test func elementsAtAKinkAreCountedAndNotCompared() throws {
    var graph = Graph()
    let x = graph.parameter("x", [5])
    let loss = try graph.meanSquared(try graph.apply(.activation(Activation(.relu)), x))
    let differentiated = try graph.differentiated(loss)
    let target = graph.inputs[0]
    // 0 is the kink itself, ±4·10⁻⁶ is within the step of 10⁻⁵, ±0.5 is smooth.
    let report = try GradientCheck(
      differentiated, loss: loss, at: [x: [0, 4e-6, 0.5, -4e-6, -0.5], target: [1, 1, 1, 1, 1]],
      dropout: DropoutState(seed: 0, step: 0, firstSample: 0)
    ).run()
    #expect(report.parameters[0].kinkCount == 3)
    #expect(report.parameters[0].checkedCount == 5)
    #expect(report.worstRelativeError < 1e-6)
  }

  @Test func aTieInAWindowIsAKink() throws {
    var graph = Graph()
    let x = graph.parameter("x", [1, 1, 2, 3])
    let window = Window(kernel: Extent(2, 3), stride: Extent(1))
    let loss = try graph.meanSquared(try graph.apply(.maxPool(MaxPool(window: window)), x))
    let report = try GradientCheck(
      try graph.differentiated(loss), loss: loss, at: [x: [1, 7, 2, 7, 3, 4], graph.inputs[0]: [0]],
      dropout: DropoutState(seed: 0, step: 0, firstSample: 0)
    ).run()
    #expect(report.parameters[0].kinkCount == 2)
  }

  @Test func aSeededSampleIsTheSameTwiceAndNotLargerThanAsked() throws {
    let example = try #require(try Example.operations().last)
    let check = try example.check()
    let report = try check.run(samplesPerParameter: 4, seed: 9)
    #expect(report.parameters.map(\.checkedCount).sorted() == [3, 4, 4, 4])
    #expect(try check.run(samplesPerParameter: 4, seed: 9) == report)
    #expect(try check.run(samplesPerParameter: 4, seed: 10) != report)
  }

  @Test func aSampleOfEveryTensorOfLeNet5Agrees() throws {
    let golden = try GoldenCase("lenet5")
    let loss = try #require(golden.graph.outputs["loss"])
    let check = try GradientCheck(
      golden.graph, loss: loss, at: golden.given, dropout: DropoutState(seed: 0, step: 0, firstSample: 0))
    let report = try check.run(samplesPerParameter: 6, seed: 4)
    #expect(report.parameters.count == 10)
    #expect(report.parameters.allSatisfy { $0.checkedCount == 6 && $0.worst != nil })
    #expect(report.worstRelativeError < 1e-6)
  }

  @Test func theReportIsSortedWorstFirstAndSurvivesJSON() throws {
    let example = try #require(try Example.operations().last)
    let report = try example.check().run()
    let errors = report.parameters.compactMap(\.worst?.relativeError)
    #expect(errors == errors.sorted(by: >))
    #expect(report.worstRelativeError == errors[0])
    #expect(try JSONDecoder().decode(GradientReport.self, from: JSONEncoder().encode(report)) == report)
  }

  @Test func float32GradientsAreComparedWithTheirTensorsLargest() throws {
    let example = try #require(try Example.operations().first { $0.name == "dense" })
    let values = try ReferenceExecutor(example.graph).run(example.given, dropout: example.dropout)
    var gradients = Dictionary(
      uniqueKeysWithValues: example.graph.parameterGradients.map { ($0.parameter, values[$0.gradient].map(Float.init)) }
    )
    let check = try example.check()
    #expect(try check.compare(float32: gradients).allSatisfy { $0.relativeError < 1e-7 })

    let weight = try #require(example.graph.parameters.first { example.graph[$0].name == "weight" })
    let largest = try #require(gradients[weight]?.map(abs).max())
    gradients[weight]?[13] += largest / 8
    let worst = try check.compare(float32: gradients)[0]
    #expect(worst.name == "weight" && worst.element == 13)
    #expect(abs(worst.relativeError - 0.125) < 1e-6)

    gradients[weight] = [1]
    #expect(throws: ReferenceError.self) { try check.compare(float32: gradients) }
  }

  @Test func whatCannotBeComparedIsRefused() throws {
    let example = try #require(try Example.operations().first)
    var given = example.given
    given[example.graph.parameters[0]]?[1] = .nan
    let bad = given
    let error = #expect(throws: ReferenceError.self) {
      try GradientCheck(example.graph, loss: example.loss, at: bad, dropout: example.dropout)
    }
    #expect(error?.code == .notFinite)

    var plain = Graph()
    let x = plain.parameter("x", [2])
    let loss = try plain.meanSquared(x)
    let undifferentiated = plain
    let refused = #expect(throws: ReferenceError.self) {
      try GradientCheck(undifferentiated, loss: loss, at: [:], dropout: example.dropout)
    }
    #expect(refused?.code == .notDifferentiated)
  }

  /// The cases of `Operation`, from its source: the enumeration cannot list them, their rules have values.
  private func operationCases() throws -> Set<String> {
    let source = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Sources/Execution/Reference/ReferenceRule.swift")
    let text = try String(contentsOf: source, encoding: .utf8)
    return Set(text.matches(of: /(?m)^    case \.(\w+)\(let rule\): rule$/).map { String($0.1) })
  }

  private func caseName(_ operation: ModelGraph.Operation) -> String {
    Mirror(reflecting: operation).children.first?.label ?? ""
  }
}
