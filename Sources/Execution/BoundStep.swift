import Kernels
import ModelGraph

/// A step with its addresses.
enum BoundStep {
  case call(KernelCall)
  case host(HostRun)

  @inline(__always)
  func run(_ stream: Stream, _ dropout: DropoutState) throws {
    switch self {
    case .call(let call): try call.run(on: stream)
    case .host(let run): try run(stream, dropout)
    }
  }
}

/// A host kernel bound to memory: called once a step.
typealias HostRun = (Stream, DropoutState) throws -> Void

/// A step that no library has: plain Swift over the program's memory, perhaps with library calls between.
///
/// A value, made when the graph is compiled; its addresses come when the program is bound.
protocol HostKernel {
  /// Prepares a run over `memory`, whose operands are those that the compiler named, in the same order.
  func bind(_ memory: HostMemory) throws -> HostRun
}

/// Where the operands of a host kernel lie.
@safe struct HostMemory {
  private let addresses: [UnsafeMutableRawPointer]

  @unsafe init(_ addresses: [UnsafeMutableRawPointer]) { unsafe self.addresses = addresses }

  @unsafe subscript(operand: Int) -> UnsafeMutableRawPointer { unsafe addresses[operand] }

  @unsafe func floats(_ operand: Int) -> UnsafeMutablePointer<Float> {
    unsafe addresses[operand].assumingMemoryBound(to: Float.self)
  }

  @unsafe func integers(_ operand: Int) -> UnsafeMutablePointer<Int32> {
    unsafe addresses[operand].assumingMemoryBound(to: Int32.self)
  }

  @unsafe func bytes(_ operand: Int) -> UnsafeMutablePointer<UInt8> {
    unsafe addresses[operand].assumingMemoryBound(to: UInt8.self)
  }
}

/// Turns storages into addresses.
struct Binder {
  let compiled: CompiledGraph
  let store: ParameterStore
  let workspace: Arena

  func bind(_ step: Step, slot: Int) throws -> BoundStep {
    switch step.work {
    case .primitive(let primitive, let arguments):
      let operands = arguments.map { unsafe Operand($0.argument, address($0.storage, slot: slot)) }
      return .call(try KernelCall(primitive, operands))
    case .host(let kernel, let storages):
      let memory = unsafe HostMemory(storages.map { unsafe address($0, slot: slot) })
      return .host(try kernel.bind(memory))
    }
  }

  @unsafe func address(_ storage: Storage, slot: Int) -> UnsafeMutableRawPointer {
    switch storage {
    case .workspace(let buffer): unsafe workspace.base + compiled.offsets[buffer]
    case .parameter(let index): unsafe UnsafeMutableRawPointer(store.parameters + store.offsets[index])
    case .gradient(let index): unsafe UnsafeMutableRawPointer(store.slot(slot) + store.offsets[index])
    case .loss: unsafe UnsafeMutableRawPointer(store.slot(slot) + store.elementCount)
    }
  }
}

extension Storage {
  /// Whether the address depends on the gradient slot.
  var isInSlot: Bool {
    switch self {
    case .gradient, .loss: true
    case .workspace, .parameter: false
    }
  }
}
