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
  package static func add(_ layout: Layout) throws -> Primitive {
    var a = layout.descriptor
    var b = layout.descriptor
    var sum = layout.descriptor
    var description = dnnl_binary_desc_t()
    unsafe try check(dnnl_binary_desc_init(&description, dnnl_binary_add, &a, &b, &sum), "add")
    return try Description.primitive(description, "add")
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

  /// Copies `source` to `destination`, from one layout to another of the same shape.
  package static func reorder(from source: Layout, to destination: Layout) throws -> Primitive {
    var attributes: dnnl_primitive_attr_t?
    unsafe try check(dnnl_primitive_attr_create(&attributes), "dnnl_primitive_attr_create")
    defer { unsafe dnnl_primitive_attr_destroy(attributes) }
    unsafe try check(
      dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), "set_scratchpad_mode")
    let engine = unsafe try Engine.current().handle
    var from = source.descriptor
    var to = destination.descriptor
    var descriptor: dnnl_primitive_desc_t?
    unsafe try check(
      dnnl_reorder_primitive_desc_create(&descriptor, &from, engine, &to, engine, attributes), "reorder")
    return unsafe try Primitive(owning: descriptor!, "reorder")
  }
}
