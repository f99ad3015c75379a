internal import COneDNN

/// Kernel, strides, padding and dilation of a convolution or pooling window, a number for each spatial dimension,
/// outermost first; the same padding on both sides.
package struct WindowGeometry: Sendable {
  package let kernel: [Int]
  package let stride: [Int]
  package let padding: [Int]
  /// Distance between neighbours in the window; 1: they touch.
  package let dilation: [Int]

  package init(kernel: [Int], stride: [Int], padding: [Int], dilation: [Int]? = nil) {
    let dilation = dilation ?? Array(repeating: 1, count: kernel.count)
    precondition([stride.count, padding.count, dilation.count].allSatisfy { $0 == kernel.count })
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
  }

  /// Positions beyond the input that the last window reaches: what oneDNN checks its output size with.
  func trailingPadding(input: [Int], output: [Int]) -> [Int] {
    kernel.indices.map { index in
      let reach = dilation[index] * (kernel[index] - 1) + 1
      return (output[index] - 1) * stride[index] + reach - input[index] - padding[index]
    }
  }

  /// Whether Winograd's F(4×4, 3×3) is faster than the sum itself: it makes 16 outputs of a channel from 36 products
  /// instead of 144 (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016, section 4.3), but
  /// transforms weights, inputs and outputs for it. The weights' transforms cost more than is gained where tiles are
  /// few, the images' where channels are few.
  func suitsWinograd(_ layouts: WeightedLayouts) -> Bool {
    guard kernel == [3, 3], stride == [1, 1], dilation == [1, 1], layouts.weights.shape.count == 4,
      layouts.input.element == .float32
    else { return false }
    let (input, output) = (layouts.input.shape, layouts.output.shape)
    let tiles = input[0] * ((output[2] + 3) / 4) * ((output[3] + 3) / 4)
    let hasWholeTiles = output[2] % 4 == 0 && output[3] % 4 == 0
    return tiles >= 64 && min(input[1], output[1]) >= 32 && (hasWholeTiles || input[1] + output[1] >= 96)
  }
}

extension Primitive {
  /// y = activation(conv(x, W) + b), with x [N, C, I…], weights [O, C, K…] or, in G groups, [G, O/G, C/G, K…],
  /// bias [O], y [N, O, P…].
  package static func convolution(
    _ layouts: WeightedLayouts, _ window: WindowGeometry, activation: PostActivation?
  ) throws -> Primitive {
    try fastest(layouts, window) { method in
      try Description.primitive(forward(layouts, window, method), "convolution", activation: activation)
    }
  }

  package static func convolutionBackwardInput(
    _ layouts: WeightedLayouts, _ window: WindowGeometry
  ) throws -> Primitive {
    let edges = Edges(layouts.input, layouts.output, window)
    var dx = layouts.input.descriptor
    var weights = layouts.weights.descriptor
    var dy = layouts.output.descriptor
    return try fastest(layouts, window) { method in
      var description = dnnl_convolution_desc_t()
      unsafe try check(
        dnnl_dilated_convolution_backward_data_desc_init(
          &description, method, &dx, &weights, &dy, edges.strides, edges.gaps, edges.left, edges.right),
        "convolution backward input")
      return try Description.withHint(forward(layouts, window, method), "convolution backward input") { hint in
        try Description.primitive(description, "convolution backward input", hint: hint)
      }
    }
  }

  package static func convolutionBackwardWeights(
    _ layouts: WeightedLayouts, _ window: WindowGeometry
  ) throws -> Primitive {
    let edges = Edges(layouts.input, layouts.output, window)
    var x = layouts.input.descriptor
    var weights = layouts.weights.descriptor
    var bias = layouts.bias?.descriptor ?? dnnl_memory_desc_t()
    var dy = layouts.output.descriptor
    return try fastest(layouts, window) { method in
      var description = dnnl_convolution_desc_t()
      unsafe try check(
        dnnl_dilated_convolution_backward_weights_desc_init(
          &description, method, &x, &weights, &bias, &dy, edges.strides, edges.gaps, edges.left, edges.right),
        "convolution backward weights")
      return try Description.withHint(forward(layouts.forward, window, method), "convolution backward weights") {
        try Description.primitive(description, "convolution backward weights", hint: $0)
      }
    }
  }

  /// Winograd's method where it is faster and oneDNN has it, else the direct one.
  private static func fastest(
    _ layouts: WeightedLayouts, _ window: WindowGeometry, _ make: (dnnl_alg_kind_t) throws -> Primitive
  ) throws -> Primitive {
    if window.suitsWinograd(layouts), let primitive = try? make(dnnl_convolution_winograd) { return primitive }
    return try make(dnnl_convolution_direct)
  }

  private static func forward(
    _ layouts: WeightedLayouts, _ window: WindowGeometry, _ method: dnnl_alg_kind_t
  ) throws -> dnnl_convolution_desc_t {
    let edges = Edges(layouts.input, layouts.output, window)
    var x = layouts.input.descriptor
    var weights = layouts.weights.descriptor
    var bias = layouts.bias?.descriptor ?? dnnl_memory_desc_t()
    var y = layouts.output.descriptor
    var description = dnnl_convolution_desc_t()
    unsafe try check(
      dnnl_dilated_convolution_forward_desc_init(
        &description, dnnl_forward_training, method, &x, &weights, &bias, &y, edges.strides,
        edges.gaps, edges.left, edges.right), "convolution")
    return description
  }
}

/// What oneDNN is told of a window: its numbers in its own type.
struct Edges {
  let kernel: [Int64]
  let strides: [Int64]
  /// Elements skipped between neighbours of the window: the dilation less one.
  let gaps: [Int64]
  let left: [Int64]
  let right: [Int64]

  init(_ input: Layout, _ output: Layout, _ window: WindowGeometry) {
    kernel = window.kernel.map { Int64($0) }
    strides = window.stride.map { Int64($0) }
    gaps = window.dilation.map { Int64($0 - 1) }
    left = window.padding.map { Int64($0) }
    right = window.trailingPadding(input: input.spatial, output: output.spatial).map { Int64($0) }
  }
}

extension Layout {
  /// The extents behind samples and channels.
  var spatial: [Int] { Array(shape.dropFirst(2)) }
}
