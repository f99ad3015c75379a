import Units

/// What of a run decides how much its residual tells about another's.
package struct RunTraits: Hashable, Sendable {
  /// What a run can have in common with another.
  package enum Label: Int, CaseIterable, Sendable {
    case frameworkAndArithmetic, modelAndFramework, platform, port, task, framework, familyAndAccelerator, sequence

    package var name: String {
      switch self {
      case .frameworkAndArithmetic: "framework and arithmetic"
      case .modelAndFramework: "model and framework"
      case .platform: "platform"
      case .port: "accelerator, task and version"
      case .task: "arithmetic, task and version"
      case .framework: "version"
      case .familyAndAccelerator: "family and accelerator"
      case .sequence: "arithmetic, accelerator and sequence"
      }
    }
  }

  /// Under each `Label`; nil where it is not known.
  package var labels: [String?]
  /// Shares of the step's time that are products, and communication that is not hidden.
  package var products: Double
  package var communication: Double
  /// Natural logarithms of the samples of a micro-batch and of the ranks.
  package var logBatch: Double
  package var logRanks: Double

  package init(
    labels: [String?] = Array(repeating: nil, count: Label.allCases.count), products: Double = 0.6,
    communication: Double = 0.1, logBatch: Double = 0, logRanks: Double = 0
  ) {
    self.labels = labels
    self.products = products
    self.communication = communication
    self.logBatch = logBatch
    self.logRanks = logRanks
  }

  /// The labels of a run, of which what is nil or empty is not known.
  ///
  /// - Parameters:
  ///   - framework: key of its software constants (`SoftwareKey`), and `version` what its source calls it.
  ///   - family: kind of the model; `model` its name.
  ///   - accelerator: key in the catalog; `isNarrow` where products are in fewer than 32 bits.
  ///   - platform: the host, as its source calls it.
  ///   - task: what is trained for, such as pre-training; only its letters count.
  ///   - sequence: tokens of a sample, as text.
  package init(
    framework: String, version: String?, family: String?, model: String?, accelerator: String, isNarrow: Bool,
    platform: String?, task: String?, sequence: String?
  ) {
    func known(_ text: String?) -> String? { text.flatMap { $0.isEmpty ? nil : $0 } }
    let arithmetic = isNarrow ? "fewer bits" : "32 bits"
    let words = (task ?? "").lowercased().split { !$0.isLetter || !$0.isASCII }.joined(separator: " ")
    self.init()
    self[.frameworkAndArithmetic] = "\(framework) \(arithmetic)"
    self[.modelAndFramework] = known(model).map { "\($0) \(framework)" }
    self[.platform] = known(platform)
    self[.port] = known(version).map { "\(accelerator) \(words), \($0)" }
    self[.task] = known(version).map { "\(arithmetic) \(words), \($0)" }
    self[.framework] = known(version)
    self[.familyAndAccelerator] = known(family).map { "\($0) \(accelerator)" }
    self[.sequence] = "\(arithmetic) \(accelerator) \(sequence ?? "")"
  }

  package subscript(_ label: Label) -> String? {
    get { labels[label.rawValue] }
    set { labels[label.rawValue] = newValue }
  }

  /// Sets what depends on the step's time and shape.
  package mutating func measure(_ breakdown: StepBreakdown, _ shape: StepShape) {
    let total = breakdown.total.count
    products = breakdown[.products] / total
    let exposed: [StepBreakdown.Term] = [
      .tensorParallel, .shardGathers, .pipelineTransfers, .gradientReduction, .expertExchange,
    ]
    communication = exposed.reduce(0) { $0 + breakdown[$1] } / total
    logBatch = log(shape.batch)
    logRanks = log(shape.network.hosts * shape.network.ranksPerHost)
  }
}
