internal import COneDNN

/// Strides and padding of a 2D convolution or pooling window: height first, the same padding on both sides.
package struct WindowGeometry: Sendable {
  package let kernel: [Int]
  package let stride: [Int]
  package let padding: [Int]

  package init(kernel: [Int], stride: [Int], padding: [Int]) {
    precondition(kernel.count == 2 && stride.count == 2 && padding.count == 2)
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
  }

  /// Rows below (columns right of) the input that the last window reaches: what oneDNN checks its output size with.
  func trailingPadding(input: [Int], output: [Int]) -> [Int] {
    (0..<2).map { (output[$0] - 1) * stride[$0] + kernel[$0] - input[$0] - padding[$0] }
  }
}

extension Primitive {
  /// y = activation(conv(x, W) + b), with x [N,C,H,W], weights [O,C,K,L], bias [O], y [N,O,P,Q].
  package static func convolution(
    _ layouts: WeightedLayouts, _ window: WindowGeometry, activation: PostActivation?
  ) throws -> Primitive {
    try Description.primitive(forward(layouts, window), "convolution", activation: activation)
  }

  package static func convolutionBackwardInput(
    _ layouts: WeightedLayouts, _ window: WindowGeometry
  ) throws -> Primitive {
    let padding = edges(layouts, window)
    var dx = layouts.input.descriptor
    var weights = layouts.weights.descriptor
    var dy = layouts.output.descriptor
    var description = dnnl_convolution_desc_t()
    unsafe try check(
      dnnl_convolution_backward_data_desc_init(
        &description, dnnl_convolution_direct, &dx, &weights, &dy, padding.strides, padding.left, padding.right),
      "convolution backward input")
    return try Description.withHint(forward(layouts, window), "convolution backward input") { hint in
      try Description.primitive(description, "convolution backward input", hint: hint)
    }
  }

  package static func convolutionBackwardWeights(
    _ layouts: WeightedLayouts, _ window: WindowGeometry
  ) throws -> Primitive {
    let padding = edges(layouts, window)
    var x = layouts.input.descriptor
    var weights = layouts.weights.descriptor
    var bias = layouts.bias?.descriptor ?? dnnl_memory_desc_t()
    var dy = layouts.output.descriptor
    var description = dnnl_convolution_desc_t()
    unsafe try check(
      dnnl_convolution_backward_weights_desc_init(
        &description, dnnl_convolution_direct, &x, &weights, &bias, &dy, padding.strides, padding.left, padding.right),
      "convolution backward weights")
    return try Description.withHint(forward(layouts, window), "convolution backward weights") { hint in
      try Description.primitive(description, "convolution backward weights", hint: hint)
    }
  }

  private static func forward(
    _ layouts: WeightedLayouts, _ window: WindowGeometry
  ) throws -> dnnl_convolution_desc_t {
    let padding = edges(layouts, window)
    var x = layouts.input.descriptor
    var weights = layouts.weights.descriptor
    var bias = layouts.bias?.descriptor ?? dnnl_memory_desc_t()
    var y = layouts.output.descriptor
    var description = dnnl_convolution_desc_t()
    unsafe try check(
      dnnl_convolution_forward_desc_init(
        &description, dnnl_forward_training, dnnl_convolution_direct, &x, &weights, &bias, &y, padding.strides,
        padding.left, padding.right), "convolution")
    return description
  }

  private static func edges(
    _ layouts: WeightedLayouts, _ window: WindowGeometry
  ) -> (strides: [Int64], left: [Int64], right: [Int64]) {
    let right = window.trailingPadding(input: layouts.input.spatial, output: layouts.output.spatial)
    return (window.stride.map { Int64($0) }, window.padding.map { Int64($0) }, right.map { Int64($0) })
  }
}

extension Layout {
  /// Height and width of [N, C, H, W].
  var spatial: [Int] { [Int(descriptor.dims.2), Int(descriptor.dims.3)] }
}
