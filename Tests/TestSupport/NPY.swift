/// The bytes of a NumPy file of version 1.
///
/// - Parameter type: NumPy's, such as `<f4`.
package func npy<Element: BitwiseCopyable>(_ type: String, _ shape: [Int], _ elements: [Element]) -> [UInt8] {
  let dimensions = shape.map { "\($0)," }.joined(separator: " ")
  var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(dimensions)), }"
  header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
  var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
  bytes += [UInt8(header.utf8.count & 255), UInt8(header.utf8.count >> 8)] + Array(header.utf8)
  unsafe elements.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  return bytes
}
