internal import COneDNN

extension Primitive {
  /// y = f(x) in any layout; y may be x.
  package static func activation(_ function: PostActivation, _ layout: Layout) throws -> Primitive {
    try Description.primitive(forward(function, function.forwardAlgorithm, layout), "activation")
  }

  /// dx = f′ dy, from dy and the output y (`destination`) or, where the function wants it, the input x (`source`); dx may
  /// be dy.
  package static func activationBackward(_ function: PostActivation, _ layout: Layout) throws -> Primitive {
    var data = layout.descriptor
    var gradient = layout.descriptor
    var description = dnnl_eltwise_desc_t()
    unsafe try check(
      dnnl_eltwise_backward_desc_init(
        &description, function.backwardAlgorithm, &gradient, &data, function.parameter, 0), "activation backward")
    return try Description.withHint(
      forward(function, function.backwardAlgorithm, layout), "activation backward"
    ) { hint in
      try Description.primitive(description, "activation backward", hint: hint)
    }
  }

  private static func forward(
    _ function: PostActivation, _ algorithm: dnnl_alg_kind_t, _ layout: Layout
  ) throws -> dnnl_eltwise_desc_t {
    var data = layout.descriptor
    var description = dnnl_eltwise_desc_t()
    unsafe try check(
      dnnl_eltwise_forward_desc_init(
        &description, dnnl_forward_training, algorithm, &data, function.parameter, 0), "activation")
    return description
  }

  /// `source` + `source2` → `destination`, all in one layout; the destination may be the first source.
  package static func add(_ layout: Layout) throws -> Primitive { try binary(dnnl_binary_add, layout, "add") }

  /// `source` − `source2` → `destination`, all in one layout; the destination may be the first source.
  package static func subtract(_ layout: Layout) throws -> Primitive { try binary(dnnl_binary_sub, layout, "subtract") }

  /// `source` · `source2` → `destination`, all in one layout; the destination may be the first source.
  package static func multiply(_ layout: Layout) throws -> Primitive { try binary(dnnl_binary_mul, layout, "multiply") }

  private static func binary(_ algorithm: dnnl_alg_kind_t, _ layout: Layout, _ name: String) throws -> Primitive {
    var a = layout.descriptor
    var b = layout.descriptor
    var result = layout.descriptor
    var description = dnnl_binary_desc_t()
    unsafe try check(dnnl_binary_desc_init(&description, algorithm, &a, &b, &result), name)
    return try Description.primitive(description, name)
  }

  /// `factor` · `source` → `destination`; the destination may be the source.
  package static func scale(_ layout: Layout, by factor: Float) throws -> Primitive {
    var data = layout.descriptor
    var description = dnnl_eltwise_desc_t()
    unsafe try check(
      dnnl_eltwise_forward_desc_init(&description, dnnl_forward_training, dnnl_eltwise_linear, &data, factor, 0),
      "scale")
    return try Description.primitive(description, "scale")
  }

  /// y = softmax(x) along the last dimension, or its logarithm.
  package static func softmax(_ layout: Layout, isLogarithm: Bool) throws -> Primitive {
    try Description.primitive(softmaxForward(layout, isLogarithm: isLogarithm), "softmax")
  }

  /// dx from y (`destination`) and dy.
  package static func softmaxBackward(_ layout: Layout, isLogarithm: Bool) throws -> Primitive {
    var gradient = layout.descriptor
    var data = layout.descriptor
    var description = dnnl_softmax_desc_t()
    let initialise = unsafe isLogarithm ? dnnl_logsoftmax_backward_desc_init : dnnl_softmax_backward_desc_init
    unsafe try check(initialise(&description, &gradient, &data, data.ndims - 1), "softmax backward")
    return try Description.withHint(softmaxForward(layout, isLogarithm: isLogarithm), "softmax backward") { hint in
      try Description.primitive(description, "softmax backward", hint: hint)
    }
  }

  private static func softmaxForward(_ layout: Layout, isLogarithm: Bool) throws -> dnnl_softmax_desc_t {
    var data = layout.descriptor
    var description = dnnl_softmax_desc_t()
    let initialise = unsafe isLogarithm ? dnnl_logsoftmax_forward_desc_init : dnnl_softmax_forward_desc_init
    unsafe try check(initialise(&description, dnnl_forward_training, &data, data.ndims - 1), "softmax")
    return description
  }
}
