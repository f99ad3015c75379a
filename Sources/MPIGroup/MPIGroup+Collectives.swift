import CMPI
package import Collectives

extension MPIGroup {
  package func barrier() throws(GroupError) {
    try unsafe complete("MPI_Ibarrier") { request in unsafe MPI_Ibarrier(communicator.handle, request) }
  }

  package func broadcast(_ bytes: inout MutableRawSpan, root: Int) throws(GroupError) {
    try checkPeer(root, "broadcast")
    try unsafe bytes.withUnsafeMutableBytes { raw throws(GroupError) in
      for start in stride(from: 0, to: raw.count, by: chunkBytes) {
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: raw[start..<min(raw.count, start + chunkBytes)])
        try unsafe complete("MPI_Ibcast") { request in
          unsafe MPI_Ibcast(part.baseAddress, Int32(part.count), cmpi_byte(), Int32(root), communicator.handle, request)
        }
      }
    }
  }

  package func allReduce<Element: GroupElement>(
    _ values: inout MutableSpan<Element>, _ reduction: Reduction
  ) throws(GroupError) {
    try unsafe values.withUnsafeMutableBufferPointer { all throws(GroupError) in
      let step = chunkBytes / MemoryLayout<Element>.stride
      for start in stride(from: 0, to: all.count, by: step) {
        let part = unsafe UnsafeMutableBufferPointer(rebasing: all[start..<min(all.count, start + step)])
        try unsafe complete("MPI_Iallreduce") { request in
          unsafe MPI_Iallreduce(
            cmpi_in_place(), part.baseAddress, Int32(part.count), datatype(Element.kind), operation(reduction),
            communicator.handle, request)
        }
      }
    }
  }

  /// `MPI_Allreduce`, which waits as long as it takes.
  package func sumByTransport(_ values: inout MutableSpan<Float>) throws(GroupError) {
    try checkInt32(values.count, "sumByTransport")
    try unsafe values.withUnsafeMutableBufferPointer { all throws(GroupError) in
      try check(
        unsafe MPI_Allreduce(
          cmpi_in_place(), all.baseAddress, Int32(all.count), cmpi_float(), cmpi_sum(), communicator.handle),
        "MPI_Allreduce")
    }
  }

  package func gather(
    _ bytes: RawSpan, into gathered: inout MutableRawSpan, root: Int
  ) throws(GroupError) {
    try checkPeer(root, "gather")
    try checkGathered(gathered.byteCount, part: bytes.byteCount, root: root)
    try checkInt32(bytes.byteCount * rankCount, "gather")
    try unsafe bytes.withUnsafeBytes { own throws(GroupError) in
      try unsafe gathered.withUnsafeMutableBytes { room throws(GroupError) in
        try unsafe complete("MPI_Igather") { request in
          unsafe MPI_Igather(
            own.baseAddress, Int32(own.count), cmpi_byte(), room.baseAddress, Int32(own.count), cmpi_byte(),
            Int32(root), communicator.handle, request)
        }
      }
    }
  }

  package func reduceScatter<Element: GroupElement>(
    _ values: Span<Element>, into result: inout MutableSpan<Element>, counts: [Int], _ reduction: Reduction
  ) throws(GroupError) {
    try checkCounts(counts, own: result.count, total: values.count, "reduceScatter")
    try checkInt32(values.count, "reduceScatter")
    let counts = counts.map(Int32.init)
    try unsafe values.withUnsafeBufferPointer { all throws(GroupError) in
      try unsafe result.withUnsafeMutableBufferPointer { part throws(GroupError) in
        try unsafe counts.withUnsafeBufferPointer { counts throws(GroupError) in
          try unsafe complete("MPI_Ireduce_scatter") { request in
            unsafe MPI_Ireduce_scatter(
              all.baseAddress, part.baseAddress, counts.baseAddress, datatype(Element.kind), operation(reduction),
              communicator.handle, request)
          }
        }
      }
    }
  }

  package func allGather(
    _ bytes: RawSpan, into gathered: inout MutableRawSpan, byteCounts: [Int]
  ) throws(GroupError) {
    try checkCounts(byteCounts, own: bytes.byteCount, total: gathered.byteCount, "allGather")
    try checkInt32(gathered.byteCount, "allGather")
    var starts: [Int32] = [0]
    for count in byteCounts.dropLast() { starts.append(starts[starts.count - 1] + Int32(count)) }
    // MPI reads them until the call is done.
    let places = byteCounts.map(Int32.init) + starts
    try unsafe bytes.withUnsafeBytes { own throws(GroupError) in
      try unsafe gathered.withUnsafeMutableBytes { room throws(GroupError) in
        try unsafe places.withUnsafeBufferPointer { places throws(GroupError) in
          guard let counts = places.baseAddress else { return }
          try unsafe complete("MPI_Iallgatherv") { request in
            unsafe MPI_Iallgatherv(
              own.baseAddress, Int32(own.count), cmpi_byte(), room.baseAddress, counts, counts + byteCounts.count,
              cmpi_byte(), communicator.handle, request)
          }
        }
      }
    }
  }

  private func checkInt32(_ count: Int, _ call: String) throws(GroupError) {
    guard count <= Int(Int32.max) else {
      throw GroupError(
        .invalidArgument, "\(call) of \(count) elements in all; MPI counts to \(Int32.max)",
        remedy: "do it in parts")
    }
  }
}

private func datatype(_ kind: ElementKind) -> MPI_Datatype {
  switch kind {
  case .float: unsafe cmpi_float()
  case .double: unsafe cmpi_double()
  case .int32: unsafe cmpi_int32()
  case .int64: unsafe cmpi_int64()
  case .uint8: unsafe cmpi_uint8()
  }
}

private func operation(_ reduction: Reduction) -> MPI_Op {
  switch reduction {
  case .sum: unsafe cmpi_sum()
  case .minimum: unsafe cmpi_min()
  case .maximum: unsafe cmpi_max()
  }
}
