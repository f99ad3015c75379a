internal import COneDNN

extension Primitive {
  /// y [N,C,P,Q] and a workspace with each winner's position, from x [N,C,H,W].
  package static func maxPool(input: Layout, output: Layout, _ window: WindowGeometry) throws -> Primitive {
    try Description.primitive(forward(input, output, window), "max-pool")
  }

  /// dx from dy and the workspace of a forward kernel made with the same layouts.
  package static func maxPoolBackward(input: Layout, output: Layout, _ window: WindowGeometry) throws -> Primitive {
    let right = window.trailingPadding(input: input.spatial, output: output.spatial).map { Int64($0) }
    var dx = input.descriptor
    var dy = output.descriptor
    var description = dnnl_pooling_desc_t()
    unsafe try check(
      dnnl_pooling_backward_desc_init(
        &description, dnnl_pooling_max, &dx, &dy, window.stride.map { Int64($0) }, window.kernel.map { Int64($0) },
        window.padding.map { Int64($0) }, right), "max-pool backward")
    return try Description.withHint(forward(input, output, window), "max-pool backward") { hint in
      try Description.primitive(description, "max-pool backward", hint: hint)
    }
  }

  private static func forward(
    _ input: Layout, _ output: Layout, _ window: WindowGeometry
  ) throws -> dnnl_pooling_desc_t {
    let right = window.trailingPadding(input: input.spatial, output: output.spatial).map { Int64($0) }
    var x = input.descriptor
    var y = output.descriptor
    var description = dnnl_pooling_desc_t()
    unsafe try check(
      dnnl_pooling_forward_desc_init(
        &description, dnnl_forward_training, dnnl_pooling_max, &x, &y, window.stride.map { Int64($0) },
        window.kernel.map { Int64($0) }, window.padding.map { Int64($0) }, right), "max-pool")
    return description
  }
}
