internal import COneDNN

// Kernels that move elements: oneDNN makes them without an operation descriptor.

extension Primitive {
  /// Copies `source` to `destination`, from one layout to another of the same shape.
  package static func reorder(from source: Layout, to destination: Layout) throws -> Primitive {
    var from = source.descriptor
    var to = destination.descriptor
    return unsafe try made("reorder") { descriptor, engine, attributes in
      unsafe dnnl_reorder_primitive_desc_create(&descriptor, &from, engine, &to, engine, attributes)
    }
  }

  /// `source(0)`, `source(1)` … one behind the other along a dimension → `destination`.
  package static func concatenation(_ sources: [Layout], along dimension: Int, to destination: Layout) throws
    -> Primitive
  {
    let parts = sources.map(\.descriptor)
    var whole = destination.descriptor
    return unsafe try made("concatenation") { descriptor, engine, attributes in
      unsafe dnnl_concat_primitive_desc_create(
        &descriptor, &whole, Int32(parts.count), Int32(dimension), parts, attributes, engine)
    }
  }

  /// `source(0)` + `source(1)` + … → `destination`, all in one layout.
  package static func sum(_ layout: Layout, count: Int) throws -> Primitive {
    let terms = Array(repeating: layout.descriptor, count: count)
    let factors = Array(repeating: Float(1), count: count)
    var result = layout.descriptor
    return unsafe try made("sum") { descriptor, engine, attributes in
      unsafe dnnl_sum_primitive_desc_create(&descriptor, &result, Int32(count), factors, terms, attributes, engine)
    }
  }

  @unsafe private static func made(
    _ name: String,
    _ create: (inout dnnl_primitive_desc_t?, dnnl_engine_t, dnnl_primitive_attr_t?) -> dnnl_status_t
  ) throws -> Primitive {
    var attributes: dnnl_primitive_attr_t?
    unsafe try check(dnnl_primitive_attr_create(&attributes), "dnnl_primitive_attr_create")
    defer { unsafe dnnl_primitive_attr_destroy(attributes) }
    unsafe try check(
      dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), "set_scratchpad_mode")
    var descriptor: dnnl_primitive_desc_t?
    let engine = unsafe try Engine.current().handle
    unsafe try check(create(&descriptor, engine, attributes), name)
    return unsafe try Primitive(owning: descriptor!, name)
  }
}
