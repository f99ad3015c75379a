import CostModel

extension LayoutSpace {
  /// Why no layout is legal: the rules that the least wrong one breaks, with what to do instead; nil if one is legal.
  package var obstacle: String? {
    let n = rules.accelerators
    let given: [(letter: String, degree: Int)] = [
      ("tensor", choices.tensor), ("context", choices.context), ("pipeline", choices.pipeline), ("data", choices.data),
    ].compactMap { letter, degree in degree.map { (letter, $0) } }
    let product = given.reduce(1) { $0 * $1.degree }
    let names = given.map { "\($0.letter) \($0.degree)" }.joined(separator: " × ")
    if given.count == 4, product != n {
      return "\(names) are \(product) accelerators, and there are \(n); let one of the degrees be the planner's"
    }
    if !n.isMultiple(of: product) {
      let why = given.count == 1 ? names : "\(names) = \(product)"
      return "\(why) does not divide the \(n) accelerators; give a divisor of \(n), or other nodes"
    }
    var least: [LayoutProblem]?
    for layout in candidates(n) {
      let problems = rules.problems(of: layout)
      if problems.isEmpty { return nil }
      if problems.count < least?.count ?? .max { least = problems }
    }
    // Heads of keys and values that are those of queries have the same fault.
    let told = least?.filter { problem in
      problem.code != .keyValueHeads || least?.contains { $0.code == .heads } == false
    }
    return told?.map(\.message).joined(separator: "; ")
  }

  /// Layouts that keep the choices, legal or not: of what is open all degrees, else the simplest.
  private func candidates(_ n: Int) -> [ParallelLayout] {
    func degrees(_ choice: Int?, of n: Int) -> [Int] {
      if let choice { return [choice] }
      return (1...max(1, n)).filter { n.isMultiple(of: $0) }
    }
    var result: [ParallelLayout] = []
    for t in degrees(choices.tensor, of: n) where n.isMultiple(of: t) {
      for p in degrees(choices.pipeline, of: n / t) where (n / t).isMultiple(of: p) {
        let c = choices.context ?? choices.data.map { n / (t * p * $0) } ?? 1
        guard c >= 1, (n / (t * p)).isMultiple(of: c) else { continue }
        var layout = ParallelLayout(
          tensor: t, context: c, pipeline: p, data: choices.data ?? n / (t * p * c), expert: choices.expert ?? 1)
        layout.virtualStages = choices.virtualStages ?? 1
        layout.microBatch = choices.microBatch ?? 1
        layout.zeroStage = choices.zeroStage ?? 0
        layout.recomputation = choices.recomputation ?? .none
        layout.sequenceParallel = choices.sequenceParallel ?? false
        result.append(layout)
      }
    }
    return result
  }
}
