/// The tensors of an operation with weights, forward or backward: those of a convolution or an inner product.
///
/// A gradient has the layout named for its tensor: the input's gradient lies in `input`, and so on.
package struct WeightedLayouts: Sendable {
  package var input: Layout
  package var weights: Layout
  package var bias: Layout?
  package var output: Layout

  package init(input: Layout, weights: Layout, bias: Layout?, output: Layout) {
    self.input = input
    self.weights = weights
    self.bias = bias
    self.output = output
  }

  /// Those of the forward operation that a gradient of weights belongs to: the gradient is float32 even where the
  /// weights, like the input, are not.
  var forward: WeightedLayouts {
    var forward = self
    forward.weights = weights.with(input.element)
    return forward
  }
}
