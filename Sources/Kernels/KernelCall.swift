internal import COneDNN

/// Where one argument of a primitive lies: memory that outlives the call, aligned to 64 bytes.
@safe package struct Operand {
  let argument: Primitive.Argument
  let address: UnsafeMutableRawPointer

  @unsafe package init(_ argument: Primitive.Argument, _ address: UnsafeMutableRawPointer) {
    self.argument = argument
    unsafe self.address = unsafe address
  }
}

/// oneDNN's handle of a layout at an address.
@safe private final class MemoryHandle {
  let handle: dnnl_memory_t

  init(_ layout: Layout, _ address: UnsafeMutableRawPointer) throws {
    var descriptor = layout.descriptor
    var memory: dnnl_memory_t?
    unsafe try check(
      dnnl_memory_create(&memory, &descriptor, Engine.current().handle, address), "dnnl_memory_create")
    unsafe handle = memory!
  }

  deinit { unsafe dnnl_memory_destroy(handle) }
}

/// A primitive with the memory it reads and writes: prepared once, run every step.
///
/// A run allocates nothing here; oneDNN 2.6 itself makes and frees a table of the arguments in each.
@safe package final class KernelCall {
  package let primitive: Primitive
  private let memories: [MemoryHandle]
  private let arguments: UnsafeMutableBufferPointer<dnnl_exec_arg_t>

  package init(_ primitive: Primitive, _ operands: [Operand]) throws {
    self.primitive = primitive
    memories = try operands.map { unsafe try MemoryHandle(primitive.layout($0.argument), $0.address) }
    unsafe arguments = .allocate(capacity: operands.count)
    for (index, operand) in operands.enumerated() {
      unsafe arguments[index] = dnnl_exec_arg_t(arg: operand.argument.rawValue, memory: memories[index].handle)
    }
  }

  deinit { unsafe arguments.deallocate() }

  package func run(on stream: Stream) throws {
    unsafe try check(
      dnnl_primitive_execute(primitive.handle, stream.handle, Int32(arguments.count), arguments.baseAddress),
      "dnnl_primitive_execute")
  }
}
