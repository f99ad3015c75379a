internal import COneDNN

/// A kernel made for fixed shapes and layouts. Making one compiles code; running it is one call.
@safe package final class Primitive {
  /// The role of a tensor in a call; raw values are oneDNN's.
  package struct Argument: RawRepresentable, Hashable, Sendable {
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let source = Argument(rawValue: 1)
    package static let source2 = Argument(rawValue: 2)
    package static let destination = Argument(rawValue: 17)
    package static let weights = Argument(rawValue: 33)
    package static let bias = Argument(rawValue: 41)
    package static let workspace = Argument(rawValue: 64)
    package static let scratchpad = Argument(rawValue: 80)
    package static let sourceGradient = Argument(rawValue: 129)
    package static let destinationGradient = Argument(rawValue: 145)
    package static let weightsGradient = Argument(rawValue: 161)
    package static let biasGradient = Argument(rawValue: 169)

    /// One of several sources, the first one 0.
    package static func source(_ position: Int) -> Argument { Argument(rawValue: 1024 + Int32(position)) }
  }

  let descriptor: dnnl_primitive_desc_t
  let handle: dnnl_primitive_t

  /// Takes ownership of `descriptor`.
  init(owning descriptor: dnnl_primitive_desc_t, _ name: String) throws {
    unsafe self.descriptor = unsafe descriptor
    var handle: dnnl_primitive_t?
    let status = unsafe dnnl_primitive_create(&handle, descriptor)
    if status != dnnl_success { unsafe dnnl_primitive_desc_destroy(descriptor) }
    try check(status, name)
    unsafe self.handle = handle!
  }

  deinit {
    unsafe dnnl_primitive_destroy(handle)
    unsafe dnnl_primitive_desc_destroy(descriptor)
  }

  /// The layout this kernel wants or gives.
  package func layout(_ argument: Argument) -> Layout {
    let found = unsafe dnnl_primitive_desc_query_md(descriptor, dnnl_query_exec_arg_md, argument.rawValue)
    return unsafe Layout(found!.pointee)
  }

  /// Memory the kernel needs while it runs, besides its arguments. 0 if none.
  package var scratchpadByteCount: Int { layout(.scratchpad).byteCount }

  /// Which code was chosen, such as `jit:avx512_core` or `ref:any`.
  package var implementation: String {
    var text: UnsafePointer<CChar>?
    let status = unsafe dnnl_primitive_desc_query(descriptor, dnnl_query_impl_info_str, 0, &text)
    guard status == dnnl_success, let text = unsafe text else { return "unknown" }
    return unsafe String(cString: text)
  }

  /// oneDNN falls back to plain loops, hundreds of times slower, where it has no code for a layout.
  package var isReference: Bool { implementation.hasPrefix("ref") || implementation.hasPrefix("simple") }
}

/// An operation of oneDNN described but not compiled: what version 2 calls an operation descriptor. Version 3 makes
/// primitive descriptors directly, so this file and the ones that fill a description are all that change.
enum Description {
  /// A forward operation's descriptor, which backward operations ask for; alive while the closure runs.
  @safe struct Hint {
    let handle: dnnl_primitive_desc_t
  }

  /// Builds the primitive for an operation descriptor.
  static func primitive<Operation>(
    _ operation: Operation, _ name: String, activation: PostActivation? = nil, accumulates: Bool = false,
    hint: Hint? = nil
  ) throws -> Primitive {
    let descriptor = unsafe try primitiveDescriptor(
      operation, name, activation: activation, accumulates: accumulates, hint: hint)
    return unsafe try Primitive(owning: descriptor, name)
  }

  /// Runs `body` with the descriptor of a forward operation, which backward operations ask for as a hint.
  static func withHint<Operation, Result>(
    _ forward: Operation, _ name: String, _ body: (Hint) throws -> Result
  ) throws -> Result {
    let hint = unsafe try primitiveDescriptor(forward, name, activation: nil, accumulates: false, hint: nil)
    defer { unsafe dnnl_primitive_desc_destroy(hint) }
    return unsafe try body(Hint(handle: hint))
  }

  private static func primitiveDescriptor<Operation>(
    _ operation: Operation, _ name: String, activation: PostActivation?, accumulates: Bool, hint: Hint?
  ) throws -> dnnl_primitive_desc_t {
    var attributes: dnnl_primitive_attr_t?
    unsafe try check(dnnl_primitive_attr_create(&attributes), "dnnl_primitive_attr_create")
    defer { unsafe dnnl_primitive_attr_destroy(attributes) }
    unsafe try check(
      dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), "set_scratchpad_mode")
    unsafe try setPostOperations(attributes!, activation: activation, accumulates: accumulates)
    var operation = operation
    var descriptor: dnnl_primitive_desc_t?
    let engine = try Engine.current()
    let status = unsafe withUnsafePointer(to: &operation) {
      unsafe dnnl_primitive_desc_create(&descriptor, $0, attributes, engine.handle, hint?.handle)
    }
    try check(status, name)
    return unsafe descriptor!
  }

  /// What happens to a result before it is stored: added to what is there, then through an activation.
  private static func setPostOperations(
    _ attributes: dnnl_primitive_attr_t, activation: PostActivation?, accumulates: Bool
  ) throws {
    guard activation != nil || accumulates else { return }
    var operations: dnnl_post_ops_t?
    unsafe try check(dnnl_post_ops_create(&operations), "dnnl_post_ops_create")
    defer { unsafe dnnl_post_ops_destroy(operations) }
    if accumulates { unsafe try check(dnnl_post_ops_append_sum(operations, 1), "dnnl_post_ops_append_sum") }
    if let activation {
      unsafe try check(
        dnnl_post_ops_append_eltwise(operations, 1, activation.forwardAlgorithm, activation.parameter, 0),
        "dnnl_post_ops_append_eltwise")
    }
    unsafe try check(dnnl_primitive_attr_set_post_ops(attributes, operations), "dnnl_primitive_attr_set_post_ops")
  }
}
