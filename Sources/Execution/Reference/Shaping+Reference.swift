import ModelGraph

extension Concatenate: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let dimension = try inputs[0].shape.index(of: dimension, layer: context.layer)
    let cuts = inputs.map { DimensionCut($0.shape, at: dimension..<dimension + 1) }
    return [
      (0..<cuts[0].outer).flatMap { outer in
        zip(inputs, cuts).flatMap { input, cut in
          input.elements[outer * cut.count * cut.inner..<(outer + 1) * cut.count * cut.inner]
        }
      }
    ]
  }
}

extension Slice: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    [try inputs[0].part(dimension, start..<start + count, context)]
  }
}

extension Split: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    var start = 0
    return try sizes.map { size in
      defer { start += size }
      return try inputs[0].part(dimension, start..<start + size, context)
    }
  }
}

extension SliceBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let dimension = try input.index(of: forward.dimension, layer: context.layer)
    let cut = DimensionCut(input, at: dimension..<dimension + 1)
    return [
      (0..<input.elementCount).map { index in
        let (inner, position) = (index % cut.inner, index / cut.inner % cut.count - forward.start)
        guard (0..<forward.count).contains(position) else { return 0 }
        return inputs[0].elements[(index / (cut.inner * cut.count) * forward.count + position) * cut.inner + inner]
      }
    ]
  }
}

extension ReferenceTensor {
  fileprivate func part(_ dimension: Int, _ range: Range<Int>, _ context: ReferenceContext) throws -> [Double] {
    let index = try shape.index(of: dimension, layer: context.layer)
    let cut = DimensionCut(shape, at: index..<index + 1)
    return elements.indices.filter { range.contains($0 / cut.inner % cut.count) }.map { elements[$0] }
  }

  /// Position along each dimension of an element.
  fileprivate func places(_ index: Int) -> [Int] {
    var rest = index
    return shape.dimensions.reversed().map { extent in
      defer { rest /= extent }
      return rest % extent
    }.reversed()
  }

  /// The element at a position along each dimension; where the extent is 1, at the only one.
  fileprivate func element(at places: [Int]) -> Double {
    elements[zip(places, shape.dimensions).reduce(0) { $0 * $1.1 + ($1.1 == 1 ? 0 : $1.0) }]
  }
}

extension Transpose: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let x = inputs[0]
    let axes = try axes(x.shape, layer: context.layer)
    let y = ReferenceTensor(shape: Shape(axes.map { x.shape[$0] }), elements: [])
    return [
      x.elements.indices.map { index in
        let places = y.places(index)
        return x.element(at: axes.indices.map { axis in places[axes.firstIndex(of: axis) ?? axis] })
      }
    ]
  }
}

extension Subtract: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    [zip(inputs[0].elements, inputs[1].elements).map { $0 - $1 }]
  }
}

extension Multiply: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let extents = zip(inputs[0].shape.dimensions, inputs[1].shape.dimensions).map { max($0, $1) }
    let y = ReferenceTensor(shape: Shape(extents), elements: [])
    return [
      (0..<y.shape.elementCount).map { index in
        let places = y.places(index)
        return inputs[0].element(at: places) * inputs[1].element(at: places)
      }
    ]
  }
}

extension Scale: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    [inputs[0].elements.map { factor * $0 }]
  }
}

extension Reduce: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let cut = DimensionCut(inputs[0].shape, at: try range(of: inputs[0].shape, layer: context.layer))
    var y = Array(repeating: 0.0, count: cut.outer * cut.inner)
    for (index, x) in inputs[0].elements.enumerated() {
      y[index / (cut.inner * cut.count) * cut.inner + index % cut.inner] += x
    }
    return [kind == .mean ? y.map { $0 / Double(cut.count) } : y]
  }
}

extension ReduceBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let cut = DimensionCut(input, at: try forward.range(of: input, layer: context.layer))
    let part = forward.kind == .mean ? 1 / Double(cut.count) : 1
    return [
      (0..<input.elementCount).map { index in
        part * inputs[0].elements[index / (cut.inner * cut.count) * cut.inner + index % cut.inner]
      }
    ]
  }
}
