internal import COneDNN
internal import COpenBLAS

/// The thread pools of the compute libraries, and the cores they run on.
package enum Threads {
  /// Sets how many threads oneDNN (through OpenMP) and OpenBLAS use for kernels that the calling thread starts.
  ///
  /// OpenMP keeps the number by thread: call it on the thread that builds and runs a program, before building it.
  package static func use(_ count: Int) {
    precondition(count >= 1, "a rank computes on at least one thread")
    omp_set_num_threads(Int32(count))
    openblas_set_num_threads(Int32(count))
  }

  /// Starts the threads of the pool by a kernel that all of them share, so that their stacks are not taken for what a
  /// later kernel needs.
  package static func start() throws {
    let layout = try Layout.plain([1 << 18])
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 3 * layout.byteCount, alignment: 64)
    defer { unsafe memory.deallocate() }
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: 3 * layout.byteCount)
    let call = try KernelCall(
      Primitive.add(layout),
      [
        unsafe Operand(.source, memory), unsafe Operand(.source2, memory + layout.byteCount),
        unsafe Operand(.destination, memory + 2 * layout.byteCount),
      ])
    try call.run(on: Stream())
  }

  /// Cores that the calling thread may run on, as the system or a launcher has decided.
  package static var allowedCores: [Int] {
    var mask = [UInt8](repeating: 0, count: maskBytes)
    guard unsafe apus_get_affinity(&mask, maskBytes) > 0 else { return [] }
    return (0..<maskBytes * 8).filter { mask[$0 / 8] & (1 << ($0 % 8)) != 0 }
  }

  /// Keeps the calling thread, and all that it starts from now on, on `cores`.
  /// - Returns: whether the system agreed.
  package static func bind(to cores: some Collection<Int>) -> Bool {
    var mask = [UInt8](repeating: 0, count: maskBytes)
    for core in cores where core < maskBytes * 8 { mask[core / 8] |= 1 << (core % 8) }
    return unsafe apus_set_affinity(&mask, maskBytes) == 0
  }

  /// Room for 8192 cores, the most that Linux is built for.
  private static let maskBytes = 1024
}
