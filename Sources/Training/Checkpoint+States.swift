import Collectives
import Execution
import ModelGraph
import Safetensors

/// Carried states in checkpoints: for each a tensor [batch, units], whose rows are the streams, whatever ranks had them.
extension Checkpoint {
  private static func tensorName(_ state: Graph.CarriedState) -> String { "carried/\(state.name)" }

  /// - Parameter carried: of every shard the states in the order of `Graph.carriedStates`, shard after shard.
  static func carriedTensors(_ carried: [Float], of graph: Graph) throws -> [SafetensorsFile.Tensor] {
    let counts = graph.carriedStates.map { graph[$0.initial].type.shape.elementCount }
    let shardCount = carried.count / max(counts.reduce(0, +), 1)
    var first = 0
    return try graph.carriedStates.indices.map { index in
      let state = graph.carriedStates[index]
      let shape = graph[state.initial].type.shape
      let rows = (0..<shardCount).flatMap { shard in
        carried[(first + shard * counts.reduce(0, +))...].prefix(counts[index])
      }
      first += counts[index]
      return try SafetensorsFile.Tensor(name: tensorName(state), shape: [shape[0] * shardCount, shape[1]], rows)
    }
  }

  /// The carried states of `shards` among `shardCount`, as `ShardStates` keeps them.
  /// - Throws: `TrainingError` with `.invalidInput` if the checkpoint is of another model or batch.
  func carried(_ shards: Range<Int>, of shardCount: Int, graph: Graph) throws -> [Float] {
    let states = try graph.carriedStates.map { state in
      let shape = graph[state.initial].type.shape
      return (shape.elementCount, try elements(Self.tensorName(state), [shape[0] * shardCount, shape[1]]))
    }
    return shards.flatMap { shard in states.flatMap { count, rows in rows[shard * count..<(shard + 1) * count] } }
  }
}

extension ShardStates {
  /// What the shards of all ranks hand on, shard after shard, on rank 0; empty elsewhere. Collective.
  func gathered(_ group: any Group) throws -> [Float] {
    guard elementCount > 0 else { return [] }
    let own = values
    let bytes = unsafe own.withUnsafeBytes { unsafe [UInt8]($0) }
    let all = try group.gatherMessages(bytes, root: 0) ?? []
    return all.flatMap { bytes in
      unsafe bytes.withUnsafeBytes { raw in
        stride(from: 0, to: raw.count, by: 4).map { unsafe raw.loadUnaligned(fromByteOffset: $0, as: Float.self) }
      }
    }
  }
}
