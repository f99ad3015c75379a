/// sum[i] = first[i] + second[i] for `count` floats in one pass, each element by itself.
///
/// `sum` may be `first` or `second`, which is why the vectors are spelled out: a plain loop would be compiled with a test
/// for overlap and run one element at a time then.
func addVectors(
  _ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>, into sum: UnsafeMutablePointer<Float>, count: Int
) {
  typealias Lanes = SIMD16<Float>
  let left = unsafe UnsafeRawPointer(first)
  let right = unsafe UnsafeRawPointer(second)
  let target = UnsafeMutableRawPointer(sum)
  let lanes = Lanes.scalarCount
  let whole = count - count % (2 * lanes)
  var index = 0
  while index < whole {
    let near = index * MemoryLayout<Float>.stride
    let far = near + MemoryLayout<Lanes>.stride
    let low =
      unsafe left.loadUnaligned(fromByteOffset: near, as: Lanes.self)
      + right.loadUnaligned(fromByteOffset: near, as: Lanes.self)
    let high =
      unsafe left.loadUnaligned(fromByteOffset: far, as: Lanes.self)
      + right.loadUnaligned(fromByteOffset: far, as: Lanes.self)
    unsafe target.storeBytes(of: low, toByteOffset: near, as: Lanes.self)
    unsafe target.storeBytes(of: high, toByteOffset: far, as: Lanes.self)
    index += 2 * lanes
  }
  while index < count {
    unsafe sum[index] = unsafe first[index] + second[index]
    index += 1
  }
}
