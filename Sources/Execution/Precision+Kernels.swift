import Kernels
package import ModelGraph

extension Precision {
  var element: Layout.Element { self == .bfloat16 ? .bfloat16 : .float32 }

  /// Whether this processor has instructions for it: without them it would be slower than float32.
  package var isSupported: Bool { self == .float32 || Processor.computesInBFloat16 }
}
