internal import COneDNN

extension Primitive {
  /// result = left · right (+ bias), or result += left · right: matrices of any strides.
  ///
  /// Arguments: `source` [M, K], `weights` [K, N], `bias` [1, N], `destination` [M, N].
  /// - Parameters:
  ///   - right: `.any` to let the kernel choose; the matrix is then reordered once and used often.
  ///   - accumulates: whether the product is added to what the result holds.
  package static func matrixProduct(
    _ left: Layout, _ right: Layout, bias: Layout? = nil, _ result: Layout, accumulates: Bool = false
  ) throws -> Primitive {
    var left = left.descriptor
    var right = right.descriptor
    var bias = bias?.descriptor ?? dnnl_memory_desc_t()
    var result = result.descriptor
    var description = dnnl_matmul_desc_t()
    unsafe try check(dnnl_matmul_desc_init(&description, &left, &right, &bias, &result), "matrix product")
    return try Description.primitive(description, "matrix product", accumulates: accumulates)
  }
}
