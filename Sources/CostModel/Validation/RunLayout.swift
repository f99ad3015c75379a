/// How a published run shared its work, with what its row leaves out derived from the rest.
struct RunLayout: Hashable, Sendable {
  var data = 1.0
  var tensor = 1.0
  var pipeline = 1.0
  var context = 1.0
  var experts = 1.0
  var virtualStages = 1.0
  var zeroStage = 0
  var shardsWithinHost = false
  var sequenceParallel = false
  var recomputation = Recomputation.none
  var microBatch = 1.0
  var microBatches = 1.0

  init(_ run: PublishedRun) throws {
    tensor = try run.count("tp") ?? 1
    pipeline = try run.count("pp") ?? 1
    context = try run.count("cp") ?? 1
    experts = try run.count("ep") ?? 1
    virtualStages = try run.count("vpp") ?? 1
    let total = try run.count("total_accels") ?? 1
    data = try run.count("dp") ?? max(1, total / (tensor * pipeline * context))
    let zero = run["zero_stage"]
    zeroStage = Int(zero.prefix(1)) ?? 0
    shardsWithinHost = zero.contains("HSDP")
    sequenceParallel = ["y", "t", "1"].contains { run["seq_par"].lowercased().hasPrefix($0) }
    let recompute = run["recompute"].lowercased()
    recomputation =
      recompute.hasPrefix("full") || recompute.hasPrefix("yes")
      ? .full : recompute.hasPrefix("sel") ? .selective : .none
    try setBatch(
      run, micro: run.count("micro_batch"), accumulation: run.count("grad_accum"), global: run.count("global_batch"))
  }

  /// Global batch = micro-batch × accumulation × data-parallel ranks; two of them give the third, and the batch size of a
  /// step decides where all three are given and disagree.
  private mutating func setBatch(_ run: PublishedRun, micro: Double?, accumulation: Double?, global: Double?) throws {
    switch (micro, global) {
    case (let micro?, let global?):
      microBatch = micro
      let derived = global / (data * micro)
      microBatches = accumulation.map { abs(derived / $0 - 1) < 0.1 ? $0 : derived } ?? derived
    case (let micro?, nil):
      microBatch = micro
      microBatches = accumulation ?? 1
    case (nil, let global?):
      let local = global / data
      if let accumulation {
        microBatches = accumulation
        microBatch = local / accumulation
      } else {
        microBatch = pipeline > 1 ? 1 : min(local, 8)
        microBatches = local / microBatch
      }
    case (nil, nil): throw RunProblem("the row gives neither the micro-batch nor the global batch")
    }
    guard microBatch > 0, microBatches > 0 else { throw RunProblem("the batch sizes of the row contradict each other") }
  }
}
