internal import COneDNN

/// A call of the compute library that failed: its status is never dropped.
package struct KernelError: Error, Sendable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// No implementation for this shape, layout or processor.
    case unimplemented
    case outOfMemory
    case invalidArguments
    case runtime
  }

  package let code: Code
  package let call: String

  package var description: String {
    switch code {
    case .unimplemented: "oneDNN has no implementation for \(call) on this processor"
    case .outOfMemory: "oneDNN ran out of memory in \(call); use a smaller shard or fewer ranks on this host"
    case .invalidArguments: "oneDNN refused the arguments of \(call)"
    case .runtime: "oneDNN failed in \(call)"
    }
  }
}

func check(_ status: dnnl_status_t, _ call: @autoclosure () -> String) throws {
  guard status != dnnl_success else { return }
  let code: KernelError.Code =
    switch status {
    case dnnl_unimplemented: .unimplemented
    case dnnl_out_of_memory: .outOfMemory
    case dnnl_invalid_arguments: .invalidArguments
    default: .runtime
    }
  throw KernelError(code: code, call: call())
}
