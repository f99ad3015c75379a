import ModelGraph

extension Reshape: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] { [inputs[0].elements] }
}

extension Add: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    [inputs.dropFirst().reduce(inputs[0].elements) { sum, term in zip(sum, term.elements).map { $0 + $1 } }]
  }
}

extension Dropout: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let x = inputs[0]
    let mask = DropoutMask(self, context.dropout)
    // The first dimension counts samples; a scalar is one sample of one element.
    let elementsPerSample = x.shape.dimensions.dropFirst().reduce(1, *)
    return [
      x.elements.enumerated().map { index, element in
        mask.keeps(sample: index / elementsPerSample, element: index % elementsPerSample)
          ? element * Double(mask.scale) : 0
      }
    ]
  }
}
