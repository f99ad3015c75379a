import Kernels
import ModelGraph

/// A step with its addresses.
enum BoundStep {
  case call(KernelCall)
  case host(HostStep)

  @inline(__always)
  func run(_ stream: Stream, _ dropout: DropoutState) throws {
    switch self {
    case .call(let call): try call.run(on: stream)
    case .host(let step): try step.run(dropout)
    }
  }
}

/// A step that no library has: plain Swift over the program's memory.
@safe final class HostStep {
  private let work: Step.Work
  private let address: (Storage) -> UnsafeMutableRawPointer

  @unsafe init(_ work: Step.Work, _ address: @escaping (Storage) -> UnsafeMutableRawPointer) {
    self.work = work
    unsafe self.address = unsafe address
  }

  /// - Throws: `ExecutionError` with `.invalidLabel` if a label is beyond the last class.
  func run(_ state: DropoutState) throws {
    switch work {
    case .primitive: preconditionFailure("primitives are bound as calls")
    case .crossEntropy(let logits, let labels, let loss, let probabilities, let shape):
      let labels = unsafe address(labels).assumingMemoryBound(to: Int32.self)
      unsafe try LossKernels.requireClasses(labels, shape)
      unsafe LossKernels.crossEntropy(
        logits: floats(logits), labels: labels, loss: floats(loss), probabilities: floats(probabilities), shape)
    case .crossEntropyBackward(let probabilities, let labels, let gradient, let shape):
      unsafe LossKernels.crossEntropyBackward(
        probabilities: floats(probabilities), labels: address(labels).assumingMemoryBound(to: Int32.self),
        gradient: floats(gradient), shape)
    case .squaredError(let prediction, let target, let loss, let count, let divisor):
      unsafe LossKernels.squaredError(
        prediction: floats(prediction), target: floats(target), loss: floats(loss), count: count, divisor: divisor)
    case .squaredErrorBackward(let prediction, let target, let gradient, let count, let divisor):
      unsafe LossKernels.squaredErrorBackward(
        prediction: floats(prediction), target: floats(target), gradient: floats(gradient), count: count,
        divisor: divisor)
    case .dropout(let from, let to, let rule, let samples, let elements):
      let count = samples * elements
      unsafe DropoutMask(rule, state).apply(
        UnsafeBufferPointer(start: floats(from), count: count),
        to: UnsafeMutableBufferPointer(start: floats(to), count: count), elementsPerSample: elements)
    }
  }

  @unsafe private func floats(_ storage: Storage) -> UnsafeMutablePointer<Float> {
    unsafe address(storage).assumingMemoryBound(to: Float.self)
  }
}

/// Turns storages into addresses.
struct Binder {
  let compiled: CompiledGraph
  let store: ParameterStore
  let workspace: Arena

  func bind(_ step: Step, slot: Int) throws -> BoundStep {
    guard case .primitive(let primitive, let arguments) = step.work else {
      let binder = self
      return unsafe .host(HostStep(step.work) { unsafe binder.address($0, slot: slot) })
    }
    let operands = arguments.map { unsafe Operand($0.argument, address($0.storage, slot: slot)) }
    return .call(try KernelCall(primitive, operands))
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
