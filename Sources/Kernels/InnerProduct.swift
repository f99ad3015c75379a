internal import COneDNN

extension Primitive {
  /// y = activation(x Wᵀ + b), with x [N, I], weights [O, I], bias [O], y [N, O].
  package static func innerProduct(
    _ layouts: WeightedLayouts, activation: PostActivation?
  ) throws -> Primitive {
    try Description.primitive(forward(layouts), "inner product", activation: activation)
  }

  package static func innerProductBackwardInput(_ layouts: WeightedLayouts) throws -> Primitive {
    var dx = layouts.input.descriptor
    var weights = layouts.weights.descriptor
    var dy = layouts.output.descriptor
    var description = dnnl_inner_product_desc_t()
    unsafe try check(
      dnnl_inner_product_backward_data_desc_init(&description, &dx, &weights, &dy), "inner product backward input")
    return try Description.withHint(forward(layouts), "inner product backward input") { hint in
      try Description.primitive(description, "inner product backward input", hint: hint)
    }
  }

  package static func innerProductBackwardWeights(_ layouts: WeightedLayouts) throws -> Primitive {
    var x = layouts.input.descriptor
    var weights = layouts.weights.descriptor
    var bias = layouts.bias?.descriptor ?? dnnl_memory_desc_t()
    var dy = layouts.output.descriptor
    var description = dnnl_inner_product_desc_t()
    unsafe try check(
      dnnl_inner_product_backward_weights_desc_init(&description, &x, &weights, &bias, &dy),
      "inner product backward weights")
    return try Description.withHint(forward(layouts.forward), "inner product backward weights") { hint in
      try Description.primitive(description, "inner product backward weights", hint: hint)
    }
  }

  private static func forward(_ layouts: WeightedLayouts) throws -> dnnl_inner_product_desc_t {
    var x = layouts.input.descriptor
    var weights = layouts.weights.descriptor
    var bias = layouts.bias?.descriptor ?? dnnl_memory_desc_t()
    var y = layouts.output.descriptor
    var description = dnnl_inner_product_desc_t()
    unsafe try check(
      dnnl_inner_product_forward_desc_init(&description, dnnl_forward_training, &x, &weights, &bias, &y),
      "inner product")
    return description
  }
}
