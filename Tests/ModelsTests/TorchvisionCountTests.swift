import Foundation
import ModelGraph
import Models
import Testing
import Units

/// What torchvision's networks have and do, as `scripts/golden --counts` wrote it.
struct TorchvisionCounts: Decodable {
  let parameters: Int
  /// Of convolutions and matrix products of a forward pass, without biases.
  let flops: Int?
  let input: [Int]?

  static let all: [String: TorchvisionCounts] = {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/torchvision.json")
    let decoded = try? JSONDecoder().decode([String: TorchvisionCounts].self, from: Data(contentsOf: file))
    return decoded ?? [:]
  }()
}

extension ModelGraph.Graph {
  /// Twice the multiply-adds of the forward convolutions and dense layers of the layers named, without biases.
  func productFLOPs(of isCounted: (String) -> Bool = { _ in true }) -> Int {
    nodes.filter { isCounted($0.layer) }.reduce(0) { sum, node in
      let (inputs, outputs) = (node.inputs.map { self[$0].type }, node.outputs.map { self[$0].type })
      let products =
        switch node.operation {
        case .convolution(let rule):
          Int(rule.flops(inputs: inputs, outputs: outputs).count) - (rule.hasBias ? outputs[0].shape.elementCount : 0)
        case .dense(let rule):
          Int(rule.flops(inputs: inputs, outputs: outputs).count) - (rule.hasBias ? outputs[0].shape.elementCount : 0)
        default: 0
        }
      return sum + products
    }
  }
}

@Suite struct TorchvisionCountTests {
  @Test(arguments: TorchvisionCounts.all.keys.filter { Zoo(rawValue: $0) != nil }.sorted())
  func aNetworkCountsAsTorchvisionsDoes(_ name: String) throws {
    let (zoo, counts) = (try Zoo(named: name), try #require(TorchvisionCounts.all[name]))
    let input = try #require(counts.input)
    #expect(zoo.sampleShape().fields[0].batch(of: input[0]) == TensorType(Shape(input)))
    let graph = try zoo.model().graph(sampleShape: zoo.sampleShape(), batch: input[0], mode: .inference)
    #expect(graph.parameterCount == counts.parameters)
    #expect(graph.productFLOPs() == counts.flops)
  }

  @Test func everyCountIsHeldToANetwork() {
    #expect(TorchvisionCounts.all.keys.count { Zoo(rawValue: $0) != nil } == 30)
  }

  /// Networks that torchvision does not have, as their authors or the libraries that have them count: the papers'
  /// tables, NVIDIA's and Cadène's model listings, Page's and Zagoruyko's repositories; convolutions without biases.
  @Test(arguments: [
    (Zoo.resnext101, 44_177_704), (.seResnext101, 48_955_416), (.resnet18CIFAR, 11_173_962), (.resnet9, 6_573_120),
    (.wideResnet28, 36_479_194), (.inceptionV4, 42_679_816), (.mobilenetV1, 4_231_976),
    (.inceptionBN, 11_295_240 - 10_016), (.resnet50V2, 25_549_352), (.resnet101V2, 44_541_480),
    (.resnet152V2, 60_185_128),
  ])
  func hasAsManyParametersAsItsAuthorsSay(_ zoo: Zoo, count: Int) throws {
    let graph = try zoo.model().graph(sampleShape: zoo.sampleShape(), batch: 1, mode: .inference)
    #expect(graph.parameterCount == count)
  }
}
