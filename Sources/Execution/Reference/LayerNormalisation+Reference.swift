import ModelGraph

// Layer and group normalisation differ in which parameter an element has: its place in the row, or its channel.

extension LayerNormalisation: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let width = inputs[1].elements.count
    return normalised(inputs, width: width, epsilon: epsilon) { $0 % width }
  }
}

extension LayerNormalisationBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let width = inputs[2].elements.count
    return normalisedBackward(inputs, width: width) { $0 % width }
  }
}

extension GroupNormalisation: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let x = inputs[0]
    let width = x.elements.count / (x.shape[0] * groups)
    return normalised(inputs, width: width, epsilon: epsilon) { x.channel($0) }
  }
}

extension GroupNormalisationBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let x = inputs[0]
    return normalisedBackward(inputs, width: x.elements.count / (x.shape[0] * groups)) { x.channel($0) }
  }
}

/// y, mean and 1 / deviation of runs of `width` elements; `parameter` is the index of an element's weight and bias.
private func normalised(
  _ inputs: [ReferenceTensor], width: Int, epsilon: Double, parameter: (Int) -> Int
) -> [[Double]] {
  let (x, weight, bias) = (inputs[0].elements, inputs[1].elements, inputs[2].elements)
  let rows = stride(from: 0, to: x.count, by: width).map { x[$0..<$0 + width] }
  let mean = rows.map { $0.reduce(0, +) / Double(width) }
  let inverse = zip(rows, mean).map { row, mean in
    1 / (row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width) + epsilon).squareRoot()
  }
  let y = x.indices.map { index in
    let row = index / width
    return weight[parameter(index)] * (x[index] - mean[row]) * inverse[row] + bias[parameter(index)]
  }
  return [y, mean, inverse]
}

/// dx, dweight and dbias.
private func normalisedBackward(_ inputs: [ReferenceTensor], width: Int, parameter: (Int) -> Int) -> [[Double]] {
  let (x, dy, weight) = (inputs[0].elements, inputs[1].elements, inputs[2].elements)
  let (mean, inverse) = (inputs[3].elements, inputs[4].elements)
  let xHat = x.indices.map { (x[$0] - mean[$0 / width]) * inverse[$0 / width] }
  let gradient = x.indices.map { weight[parameter($0)] * dy[$0] }
  var gradientMean = mean.map { _ in 0.0 }
  var productMean = gradientMean
  var weightGradient = weight.map { _ in 0.0 }
  var biasGradient = weightGradient
  for index in x.indices {
    gradientMean[index / width] += gradient[index] / Double(width)
    productMean[index / width] += gradient[index] * xHat[index] / Double(width)
    weightGradient[parameter(index)] += dy[index] * xHat[index]
    biasGradient[parameter(index)] += dy[index]
  }
  let dx = x.indices.map { index in
    let row = index / width
    return (gradient[index] - gradientMean[row] - xHat[index] * productMean[row]) * inverse[row]
  }
  return [dx, weightGradient, biasGradient]
}
