import Foundation
import ModelGraph

// Shapes: x [N, C, …]; everything by channel [C].

extension ReferenceTensor {
  /// The sum of a number of each element, by channel.
  fileprivate func channelSums(_ number: (Int) -> Double) -> [Double] {
    var sums = Array(repeating: 0.0, count: shape[1])
    for index in elements.indices { sums[channel(index)] += number(index) }
    return sums
  }
}

extension BatchNormalisation: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (x, scale, shift) = (inputs[0], inputs[1].elements, inputs[2].elements)
    let count = Double(x.elements.count / x.shape[1])
    let mean = x.channelSums { x.elements[$0] }.map { $0 / count }
    let squares = x.channelSums { pow(x.elements[$0] - mean[x.channel($0)], 2) }
    let inverse = squares.map { 1 / ($0 / count + epsilon).squareRoot() }
    let y = x.elements.indices.map { index in
      let c = x.channel(index)
      return scale[c] * (x.elements[index] - mean[c]) * inverse[c] + shift[c]
    }
    return [y, mean, inverse, squares.map { $0 / (count - 1) }]
  }
}

extension BatchNormalisationBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (x, dy, scale) = (inputs[0], inputs[1].elements, inputs[2].elements)
    let (mean, inverse) = (inputs[3].elements, inputs[4].elements)
    let count = Double(x.elements.count / x.shape[1])
    func normalised(_ index: Int) -> Double { (x.elements[index] - mean[x.channel(index)]) * inverse[x.channel(index)] }
    let shiftGradient = x.channelSums { dy[$0] }
    let scaleGradient = x.channelSums { dy[$0] * normalised($0) }
    let dx = x.elements.indices.map { index in
      let c = x.channel(index)
      return scale[c] * inverse[c]
        * (dy[index] - shiftGradient[c] / count - normalised(index) * scaleGradient[c] / count)
    }
    return [dx, scaleGradient, shiftGradient]
  }
}

extension AffineNormalisation: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (x, scale, shift) = (inputs[0], inputs[1].elements, inputs[2].elements)
    let (mean, variance) = (inputs[3].elements, inputs[4].elements)
    return [
      x.elements.indices.map { index in
        let c = x.channel(index)
        return scale[c] * (x.elements[index] - mean[c]) / (variance[c] + epsilon).squareRoot() + shift[c]
      }
    ]
  }
}
