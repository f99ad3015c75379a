internal import COneDNN

/// What a pooling takes from each window.
package enum PoolingKind: Sendable {
  /// The largest element. The forward kernel also writes a workspace with each winner's position.
  case maximum
  /// The mean, of the elements that are there or of all positions of the window.
  case average(countsPadding: Bool)

  fileprivate var algorithm: dnnl_alg_kind_t {
    switch self {
    case .maximum: dnnl_pooling_max
    case .average(countsPadding: true): dnnl_pooling_avg_include_padding
    case .average(countsPadding: false): dnnl_pooling_avg_exclude_padding
    }
  }
}

extension Primitive {
  /// y [N, C, P…] from x [N, C, I…].
  package static func pooling(
    _ kind: PoolingKind, input: Layout, output: Layout, _ window: WindowGeometry
  ) throws -> Primitive {
    try Description.primitive(forward(kind, input, output, window), "pooling")
  }

  /// dx from dy and, for the maximum, the workspace of a forward kernel made with the same layouts.
  package static func poolingBackward(
    _ kind: PoolingKind, input: Layout, output: Layout, _ window: WindowGeometry
  ) throws -> Primitive {
    let edges = Edges(input, output, window)
    var dx = input.descriptor
    var dy = output.descriptor
    var description = dnnl_pooling_desc_t()
    unsafe try check(
      dnnl_pooling_backward_desc_init(
        &description, kind.algorithm, &dx, &dy, edges.strides, edges.kernel, edges.left, edges.right),
      "pooling backward")
    return try Description.withHint(forward(kind, input, output, window), "pooling backward") { hint in
      try Description.primitive(description, "pooling backward", hint: hint)
    }
  }

  private static func forward(
    _ kind: PoolingKind, _ input: Layout, _ output: Layout, _ window: WindowGeometry
  ) throws -> dnnl_pooling_desc_t {
    let edges = Edges(input, output, window)
    var x = input.descriptor
    var y = output.descriptor
    var description = dnnl_pooling_desc_t()
    unsafe try check(
      dnnl_pooling_forward_desc_init(
        &description, dnnl_forward_training, kind.algorithm, &x, &y, edges.strides, edges.kernel, edges.left,
        edges.right), "pooling")
    return description
  }
}
