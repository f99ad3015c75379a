import Datasets
package import Execution
import Collectives
import Kernels
package import ModelGraph
package import Units

/// One rank's model: the program of a shard, its parameters and gradients, and perhaps a program that evaluates.
///
/// Made on the thread that runs it.
package final class Replica {
  package let store: ParameterStore
  package let program: Program
  package let evaluation: Program?
  package private(set) var memory: MemoryPlan
  /// Of the program of a shard, and of that which evaluates.
  let inputs: SampleInputs
  let evaluationInputs: SampleInputs?
  /// What its shards hand on from step to step.
  let states: ShardStates
  /// Where the gradient slots lie, if ranks share that memory.
  let slots: SharedMemory?
  private let workspace: Arena

  /// - Parameters:
  ///   - fields: those of the samples that it will be given; an input of the graphs for each.
  ///   - slotCount: gradient slots that the rank's reducer needs.
  ///   - slots: memory for them that the ranks of the host share; nil for memory of its own.
  ///   - shards: those that it will compute.
  ///   - share: of the optimizer states, the one that is kept here, and of how many.
  init(
    _ network: CompiledNetwork, fields: [SampleField], optimizer: Optimizer, slotCount: Int,
    slots: SharedMemory? = nil, shards: Range<Int>, share: (index: Int, count: Int) = (0, 1)
  ) throws {
    let (compiled, compiledEvaluation) = (network.training, network.evaluation)
    let workspaceBytes = max(compiled.workspaceByteCount, compiledEvaluation?.workspaceByteCount ?? 0)
    store = try ParameterStore(
      compiled, slotCount: slotCount, stateCount: optimizer.stateCount, share: share,
      slots: slots.map { unsafe Arena(UnsafeMutableRawBufferPointer($0.floats), owner: $0) })
    self.slots = slots
    workspace = try Arena(byteCount: workspaceBytes)
    let store = store
    let workspace = workspace
    program = try Program(compiled, store, workspace: workspace)
    evaluation = try compiledEvaluation.map { try Program($0, store, workspace: workspace) }
    memory = MemoryPlan(
      parameters: Bytes(4 * store.elementCount), gradients: Bytes(4 * store.slotElementCount * slotCount),
      optimizerStates: Bytes(4 * store.stateRange.count * store.stateCount), workspace: Bytes(workspaceBytes))
    inputs = SampleInputs(program, fields)
    evaluationInputs = evaluation.map { SampleInputs($0, fields) }
    states = ShardStates(program, shards: shards)
    memory.carriedStates = Bytes(states.byteCount)
  }

  /// Adds to the plan what the rank's reducers have allocated.
  func count(reduction bytes: Int) { memory.reduction = Bytes(bytes) }

  /// Adds to the plan the copy of the parameters that early stopping keeps.
  func countBestParameters() { memory.bestParameters = Bytes(4 * store.graph.parameterCount) }

  /// What of the plan lies in memory that the ranks of a host share.
  var sharedByteCount: Bytes {
    guard let slots, slots.coversGroup else { return Bytes(0) }
    return memory.gradients + memory.reduction
  }

  /// Draws the initial parameters.
  /// - Parameter values: row-major elements of a parameter.
  package func initialise(_ values: (ValueID) -> [Float]) throws {
    for (index, value) in store.graph.stored.enumerated() { try store.write(values(value), to: index) }
  }

  /// Gives the program what it takes for `shard`: its samples, at `places` of `buffer`, and the states it begins with.
  func give(_ shard: Int, _ buffer: SampleBuffer, _ places: Range<Int>) {
    inputs.set(buffer, places)
    states.give(shard)
  }

  /// Computes one shard: its gradients and loss overwrite `slot`.
  ///
  /// - Parameters:
  ///   - places: where the shard's samples are in `buffer`.
  ///   - marks: steps of the program behind which `reached` is called, as `Program.run` does.
  func compute(
    _ shard: Int, _ buffer: SampleBuffer, _ places: Range<Int>, slot: Int, dropout: DropoutState,
    marks: [Int] = [], reached: (Int) throws -> Void = { _ in }
  ) throws {
    give(shard, buffer, places)
    store.withSlot(slot) { values in
      for index in store.elementCount..<store.slotElementCount { values[index] = 0 }
    }
    try program.run(slot: slot, dropout: dropout, marks: marks, reached: reached)
    states.take(shard)
  }
}

/// A network's graphs with their kernels; nothing is allocated.
struct CompiledNetwork {
  let training: CompiledGraph
  let evaluation: CompiledGraph?

  /// - Parameters:
  ///   - graph: forward, loss and backward of one shard.
  ///   - evaluationGraph: forward and loss of an evaluation batch, over the same parameters.
  ///   - precision: of what convolutions and dense layers compute in.
  init(_ graph: Graph, evaluationGraph: Graph? = nil, precision: Precision = .float32) throws {
    let compiled = try CompiledGraph(graph, precision: precision)
    training = compiled
    evaluation = try evaluationGraph.map { try CompiledGraph($0, sharing: compiled, precision: precision) }
  }

  /// Memory for gradient slots in which the ranks of a host reduce without copies; nil for a rank alone. Collective.
  func sharedSlots(_ slotCount: Int, _ group: any Group) throws -> SharedMemory? {
    guard group.rankCount > 1 else { return nil }
    return try group.sharedMemory(byteCount: 4 * slotCount * ParameterStore.slotElementCount(training))
  }
}

/// What a rank's training state takes, known before the run: every tensor of a step lies in it.
package struct MemoryPlan: Hashable, Codable, Sendable {
  package let parameters: Bytes
  /// All gradient slots, with the loss behind each.
  package let gradients: Bytes
  package let optimizerStates: Bytes
  /// Activations, gradients between layers, inputs and scratchpads, at their peak.
  package let workspace: Bytes

  /// What the reducer receives from other ranks.
  package var reduction = Bytes(0)
  /// Those of the best epoch, where early stopping keeps them.
  package var bestParameters = Bytes(0)
  /// Recurrent states that shards hand on from step to step.
  package var carriedStates = Bytes(0)

  package var total: Bytes {
    parameters + gradients + optimizerStates + workspace + reduction + bestParameters + carriedStates
  }
}
