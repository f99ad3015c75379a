import Kernels

/// Memory for a kernel's argument, aligned as kernels want it.
@safe final class AlignedBuffer {
  let address: UnsafeMutableRawPointer
  let byteCount: Int

  /// Filled with `byte`, so that what a kernel leaves alone shows.
  init(byteCount: Int, filledWith byte: UInt8 = 0xFF) {
    self.byteCount = byteCount
    unsafe address = .allocate(byteCount: max(byteCount, 1), alignment: 64)
    for index in 0..<byteCount { unsafe address.storeBytes(of: byte, toByteOffset: index, as: UInt8.self) }
  }

  convenience init(_ elements: [Float]) {
    self.init(byteCount: 4 * elements.count)
    for (index, element) in elements.enumerated() {
      unsafe address.storeBytes(of: element, toByteOffset: 4 * index, as: Float.self)
    }
  }

  deinit { unsafe address.deallocate() }

  var floats: [Float] {
    (0..<(byteCount / 4)).map { unsafe address.load(fromByteOffset: 4 * $0, as: Float.self) }
  }

  var bytes: [UInt8] { (0..<byteCount).map { unsafe address.load(fromByteOffset: $0, as: UInt8.self) } }
}

extension Primitive {
  /// Runs once over `arguments`, with a scratchpad of its own.
  func run(_ arguments: [(Argument, AlignedBuffer)]) throws {
    let scratchpad = AlignedBuffer(byteCount: scratchpadByteCount)
    let operands = (arguments + [(.scratchpad, scratchpad)]).map { unsafe Operand($0.0, $0.1.address) }
    try KernelCall(self, operands).run(on: Stream())
    withExtendedLifetime(arguments) {}
    withExtendedLifetime(scratchpad) {}
  }
}

/// Row-major elements in `layout`, as a kernel reads them.
func reordered(_ elements: [Float], shape: [Int], to layout: Layout) throws -> AlignedBuffer {
  let plain = AlignedBuffer(elements)
  let result = AlignedBuffer(byteCount: layout.byteCount)
  try Primitive.reorder(from: .plain(shape), to: layout).run([(.source, plain), (.destination, result)])
  return result
}

/// The row-major elements of a buffer that lies in `layout`.
func plain(_ buffer: AlignedBuffer, shape: [Int], from layout: Layout) throws -> [Float] {
  let result = AlignedBuffer(byteCount: 4 * shape.reduce(1, *))
  try Primitive.reorder(from: layout, to: .plain(shape)).run([(.source, buffer), (.destination, result)])
  return result.floats
}

/// Elements in −1 ... 1, no two of the first 2003 equal.
func pattern(_ count: Int, salt: Int) -> [Float] {
  (0..<count).map { Float(($0 * 7919 + salt * 104_729) % 2003) / 1001.5 - 1 }
}
