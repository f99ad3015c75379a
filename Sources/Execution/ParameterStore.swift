package import Kernels
package import ModelGraph

/// The trained state of a model: parameters and optimizer states in one arena, gradient slots in another, which may be
/// memory that several processes share.
///
/// Each section holds the parameters in the order in which their gradients become ready, then the statistics, in the
/// layouts that the kernels read, each from a 64-byte boundary. All sections have the same offsets, so an optimizer is one pass over
/// flat arrays, and a bucket of gradients is a range. Padding is zero in every section and stays zero.
@safe package final class ParameterStore {
  package let graph: Graph
  /// By position in `Graph.stored`.
  package let layouts: [Layout]
  /// Floats in a section of parameters or optimizer states.
  package let elementCount: Int
  /// Floats in a gradient slot: the gradients, then the loss and what else is summed over shards with it.
  package let slotElementCount: Int
  package let slotCount: Int
  package let stateCount: Int
  /// Offset of each parameter and statistic in floats, by position in `Graph.stored`.
  package let offsets: [Int]
  /// Where the parameters that an optimizer moves lie, in the order of the flat arrays; the statistics lie behind.
  let places: [Place]
  /// Every parameter that an optimizer updates, all decayed.
  package let allRanges: UpdateRanges
  /// Where the statistics begin: the parameters that an optimizer moves, and their gradients, lie before.
  package let parameterEnd: Int
  /// Which rank updates which of them, by rank; one range, of all, where every rank updates all.
  package let shares: [Range<Int>]
  /// The elements of each section of optimizer states that are here.
  package let stateRange: Range<Int>

  /// A parameter tensor's part of a section, padding included.
  struct Place: Hashable, Sendable {
    let name: String
    let range: Range<Int>
    /// Without padding.
    let elementCount: Int
    /// Rather than a bias, scale, shift or slope.
    let isWeight: Bool
  }

  /// Numbers behind the gradients of a slot: the loss first.
  package static let tailCount = 16

  private let arena: Arena
  private let slotArena: Arena
  private let alignmentInFloats = WorkspacePlan.alignment / 4

  /// - Parameters:
  ///   - slotCount: gradient slots; a rank needs as many as partial sums are alive at once.
  ///   - stateCount: optimizer states a parameter (momentum: 1, Adam: 2).
  ///   - share: the one whose optimizer states are kept here, and of how many; all states if it is the only one.
  ///   - slots: memory for the gradient slots, `slotElementCount` floats for each; nil for memory of its own.
  package init(
    _ compiled: CompiledGraph, slotCount: Int, stateCount: Int, share: (index: Int, count: Int) = (0, 1),
    slots: Arena? = nil
  ) throws {
    graph = compiled.graph
    layouts = compiled.parameterLayouts
    self.slotCount = slotCount
    self.stateCount = stateCount
    let (offsets, elementCount) = Self.offsets(compiled)
    self.offsets = offsets
    self.elementCount = elementCount
    let graph = compiled.graph
    places = Self.readyOrder(graph).filter { $0 < graph.parameters.count }.map { index in
      let parameter = graph.parameters[index]
      let value = graph[parameter]
      let count = WorkspacePlan.rounded(compiled.parameterLayouts[index].byteCount) / 4
      return Place(
        name: value.name, range: offsets[index]..<offsets[index] + count,
        elementCount: value.type.shape.elementCount, isWeight: graph.isWeight(parameter))
    }
    parameterEnd = places.last?.range.upperBound ?? 0
    shares = ParameterShares.ranges(places, count: share.count)
    stateRange = share.count == 1 ? 0..<elementCount : shares[share.index]
    allRanges = UpdateRanges(places, decaysBiases: true, shares: shares, own: stateRange)
    slotElementCount = elementCount + Self.tailCount
    arena = try Arena(byteCount: 4 * (elementCount + stateRange.count * stateCount))
    let slotBytes = 4 * slotElementCount * slotCount
    precondition(slots.map { $0.byteCount >= slotBytes } ?? true, "room for fewer slots")
    slotArena = try slots ?? Arena(byteCount: slotBytes)
  }

  /// Floats in a section of parameters of such a store, known without making one.
  package static func elementCount(_ compiled: CompiledGraph) -> Int { offsets(compiled).count }

  /// Floats in a gradient slot of such a store.
  package static func slotElementCount(_ compiled: CompiledGraph) -> Int { elementCount(compiled) + tailCount }

  private static func offsets(_ compiled: CompiledGraph) -> (offsets: [Int], count: Int) {
    let layouts = compiled.parameterLayouts
    var offsets = [Int](repeating: 0, count: layouts.count)
    var next = 0
    for index in readyOrder(compiled.graph) {
      offsets[index] = next
      next += WorkspacePlan.rounded(layouts[index].byteCount) / 4
    }
    return (offsets, next)
  }

  /// Positions in `Graph.stored`, first gradient ready first, statistics last.
  package static func readyOrder(_ graph: Graph) -> [Int] {
    let positions = Dictionary(uniqueKeysWithValues: graph.parameters.enumerated().map { ($1, $0) })
    let ready = graph.parameterGradients.compactMap { positions[$0.parameter] }
    return ready + graph.stored.indices.filter { !ready.contains($0) }
  }

  package var byteCount: Int { arena.byteCount + slotArena.byteCount }

  /// A number that two stores share if their flat arrays mean the same.
  package var fingerprint: UInt64 {
    zip(layouts, offsets).reduce(0) { ($0 &* 31) ^ $1.0.fingerprint ^ UInt64($1.1) }
  }

  // MARK: Sections

  @unsafe var parameters: UnsafeMutablePointer<Float> { unsafe arena.base.assumingMemoryBound(to: Float.self) }

  /// A section of states as if all of it were here: only `stateRange` of it may be touched.
  @unsafe func state(_ index: Int) -> UnsafeMutablePointer<Float> {
    unsafe parameters + elementCount + stateRange.count * index - stateRange.lowerBound
  }

  @unsafe func slot(_ index: Int) -> UnsafeMutablePointer<Float> {
    unsafe slotArena.base.assumingMemoryBound(to: Float.self) + slotElementCount * index
  }

  /// Gradients and tail of a slot, `slotElementCount` floats, in ready order.
  package func withSlot<Result, Failure: Error>(
    _ index: Int, _ body: (inout MutableSpan<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(index < slotCount)
    var span = unsafe MutableSpan(_unsafeStart: slot(index), count: slotElementCount)
    return try body(&span)
  }

  /// All slots, one behind the other, `slotElementCount` floats each.
  package func withSlots<Result, Failure: Error>(
    _ body: (inout MutableSpan<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var span = unsafe MutableSpan(_unsafeStart: slot(0), count: slotElementCount * slotCount)
    return try body(&span)
  }

  /// All parameters as they lie in memory, padding included.
  package func withParameters<Result, Failure: Error>(
    _ body: (inout MutableSpan<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var span = unsafe MutableSpan(_unsafeStart: parameters, count: elementCount)
    return try body(&span)
  }

  /// The part of a section of optimizer states that is here: elements `stateRange`.
  package func withState<Result, Failure: Error>(
    _ index: Int, _ body: (inout MutableSpan<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(index < stateCount)
    var span = unsafe MutableSpan(_unsafeStart: state(index) + stateRange.lowerBound, count: stateRange.count)
    return try body(&span)
  }

  /// Adds slot `source` to slot `destination`, tail included.
  package func addSlot(_ source: Int, to destination: Int) {
    precondition(source != destination && source < slotCount && destination < slotCount)
    let from = unsafe slot(source)
    let to = unsafe slot(destination)
    for index in 0..<slotElementCount { unsafe to[index] += from[index] }
  }

  /// Moves each statistic towards what a step has observed: s ← s + momentum · (Σ observations / shards − s), the sums in
  /// slot 0.
  package func updateStatistics(shards: Int) {
    for (position, statistic) in graph.statistics.enumerated() {
      guard case .statistic(_, let momentum) = graph[statistic].role else { continue }
      let index = graph.parameters.count + position
      let (kept, seen) = unsafe (parameters + offsets[index], slot(0) + offsets[index])
      let (share, scale) = (Float(momentum), 1 / Float(shards))
      for element in 0..<graph[statistic].type.shape.elementCount {
        unsafe kept[element] += share * (seen[element] * scale - kept[element])
      }
    }
  }

  // MARK: Canonical copies

  /// What a section holds.
  package enum Section: Hashable, Sendable {
    case parameters
    case state(Int)
    case gradient(slot: Int)
  }

  /// The elements of one parameter's tensor, row-major. Of states that are all here.
  package func read(_ parameter: Int, _ section: Section = .parameters) throws -> [Float] {
    if case .state = section { precondition(stateRange == 0..<elementCount, "states of other ranks") }
    let plain = try layouts[parameter].plain
    let count = graph[graph.stored[parameter]].type.shape.elementCount
    return try unsafe [Float](unsafeUninitializedCapacity: count) { buffer, initialised in
      unsafe try Self.copy(layouts[parameter], start(section) + offsets[parameter], to: plain, buffer.baseAddress!)
      initialised = count
    }
  }

  /// The row-major elements of one parameter's tensor in a whole section of `elementCount` floats.
  package func read(_ parameter: Int, of section: [Float]) throws -> [Float] {
    precondition(section.count == elementCount, "a section of another store")
    let plain = try layouts[parameter].plain
    let count = graph[graph.stored[parameter]].type.shape.elementCount
    return try unsafe section.withUnsafeBufferPointer { whole in
      // oneDNN takes the source of a reorder by a mutable pointer and only reads it.
      let source = unsafe UnsafeMutablePointer(mutating: whole.baseAddress!) + offsets[parameter]
      return try unsafe [Float](unsafeUninitializedCapacity: count) { buffer, initialised in
        unsafe try Self.copy(layouts[parameter], source, to: plain, buffer.baseAddress!)
        initialised = count
      }
    }
  }

  /// Sets one parameter's tensor from row-major elements; of states, what of it is here.
  package func write(_ elements: [Float], to parameter: Int, _ section: Section = .parameters) throws {
    let shape = graph[graph.stored[parameter]].type.shape
    guard elements.count == shape.elementCount else {
      throw ExecutionError(
        .parameterMismatch,
        "parameter '\(graph[graph.stored[parameter]].name)' is \(shape), given \(elements.count) elements")
    }
    // oneDNN takes the source of a reorder by a mutable pointer and only reads it.
    try unsafe elements.withUnsafeBufferPointer { buffer in
      let source = unsafe UnsafeMutablePointer(mutating: buffer.baseAddress!)
      let (plain, own) = try (layouts[parameter].plain, layouts[parameter])
      guard case .state(let index) = section, stateRange != 0..<elementCount else {
        unsafe try Self.copy(plain, source, to: own, start(section) + offsets[parameter])
        return
      }
      let tensor = try Arena(byteCount: WorkspacePlan.rounded(own.byteCount))
      let floats = unsafe tensor.base.assumingMemoryBound(to: Float.self)
      unsafe try Self.copy(plain, source, to: own, floats)
      let here = (offsets[parameter]..<offsets[parameter] + tensor.byteCount / 4).clamped(to: stateRange)
      for place in here { unsafe state(index)[place] = floats[place - offsets[parameter]] }
    }
  }

  /// The first parameter or statistic, by position in `Graph.stored`, in which there is a number that is not finite, or
  /// in whose optimizer states that are here.
  package var firstNonFinite: (parameter: Int, isState: Bool)? {
    for index in graph.stored.indices {
      let range = offsets[index]..<offsets[index] + WorkspacePlan.rounded(layouts[index].byteCount) / 4
      for place in range where unsafe !parameters[place].isFinite { return (index, false) }
      for state in 0..<stateCount {
        for place in range.clamped(to: stateRange) where unsafe !self.state(state)[place].isFinite {
          return (index, true)
        }
      }
    }
    return nil
  }

  @unsafe private func start(_ section: Section) -> UnsafeMutablePointer<Float> {
    switch section {
    case .parameters: unsafe parameters
    case .state(let index): unsafe state(index)
    case .gradient(let slot): unsafe self.slot(slot)
    }
  }

  @unsafe static func copy(
    _ from: Layout, _ source: UnsafeMutablePointer<Float>, to: Layout, _ destination: UnsafeMutablePointer<Float>
  ) throws {
    let primitive = try Primitive.reorder(from: from, to: to)
    let scratchpad = try Arena(byteCount: primitive.scratchpadByteCount)
    let call = unsafe try KernelCall(
      primitive,
      [
        Operand(.source, UnsafeMutableRawPointer(source)), Operand(.destination, UnsafeMutableRawPointer(destination)),
        Operand(.scratchpad, scratchpad.base),
      ])
    try call.run(on: Stream())
  }
}
