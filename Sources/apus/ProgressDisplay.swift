import Foundation
import Jobs
import Training
import Units

/// Shows a run on standard error: a moving bar on a terminal, one line a second in a log.
final class ProgressDisplay {
  private let clock = ContinuousClock()
  private var start: RunStart?
  private var lastShown = ContinuousClock.now - .seconds(10)
  private var rate = 0.0
  private var isBarVisible = false

  func show(_ event: TrainingEvent) {
    switch event {
    case .started(let start): begin(start)
    case .step(let record): step(record)
    case .epoch(let record): line(Self.text(record, of: start?.epochs ?? record.epoch))
    case .checkpoint: break
    case .note(let text): line(text)
    case .warning(let text): line("warning: \(text)")
    case .alreadyFinished(let step):
      line("nothing left to train: the run is finished after step \(step); go on with more epochs by --epochs")
    case .finished(let report): finish(report)
    }
  }

  /// Removes the bar.
  func end() {
    if isBarVisible { Console.write("\r\u{1B}[K", to: 2) }
    isBarVisible = false
  }

  private func line(_ text: String) {
    end()
    Console.complain(text)
  }

  private func begin(_ start: RunStart) {
    self.start = start
    let ranks = start.placement.ranks
    let hosts = Set(ranks.map(\.host)).count
    let threads = Set(ranks.map(\.threads)).sorted().map(String.init).joined(separator: "–")
    let validation = start.validationSamples > 0 ? ", \(start.validationSamples.grouped) validation" : ""
    line(
      "\(start.job): \(start.parameterCount.grouped) parameters, \(start.trainingSamples.grouped) training\(validation) and "
        + "\(start.testSamples.grouped) test samples")
    line(
      "\(ranks.count) \(ranks.count == 1 ? "rank" : "ranks") × \(threads) \(threads == "1" ? "thread" : "threads") on "
        + "\(hosts) \(hosts == 1 ? "host" : "hosts"), batch \(start.batch) in \(start.shards) shards, "
        + "\(start.reduction.rawValue) reduction, \(start.memory) a rank")
    if start.resumedFromStep > 0 { line("resumed after step \(start.resumedFromStep)") }
    line("run directory: \(start.runDirectory)")
  }

  private func step(_ record: StepRecord) {
    guard let start else { return }
    let instant = Double(start.batch) / max(record.seconds.count, 1e-9)
    rate = rate == 0 ? instant : 0.98 * rate + 0.02 * instant
    let interval: Duration = Console.isTerminal ? .milliseconds(100) : .seconds(1)
    guard clock.now - lastShown >= interval else { return }
    lastShown = clock.now
    let total = start.stepsPerEpoch * start.epochs
    let left = Seconds(Double((total - record.step) * start.batch) / rate)
    let inEpoch = (record.step - 1) % start.stepsPerEpoch + 1
    let facts =
      "epoch \(record.epoch)/\(start.epochs)  step \(inEpoch)/\(start.stepsPerEpoch)  loss \(record.loss.fixed(4))  "
      + "\(Int(rate).grouped) samples/s  \(left.clock) left"
    guard Console.isTerminal else { return Console.complain(facts) }
    let room = min(30, Console.width - facts.count - 4)
    let done = Double(record.step) / Double(total)
    let bar = room >= 5 ? "[" + Self.bar(done, room) + "] " : ""
    Console.write("\r\u{1B}[K" + String((bar + facts).prefix(Console.width - 1)), to: 2)
    isBarVisible = true
  }

  private static func bar(_ share: Double, _ width: Int) -> String {
    let full = Int((share * Double(width)).rounded(.down))
    return String(repeating: "█", count: full) + String(repeating: "·", count: width - full)
  }

  private static func text(_ record: EpochRecord, of epochs: Int) -> String {
    var text =
      "epoch \(record.epoch)/\(epochs)  training loss \(record.trainingLoss.fixed(4))"
    if let loss = record.validationLoss { text += "  validation loss \(loss.fixed(4))" }
    text += rates("validation", record.validationAccuracy, record.validationMicroF1)
    if let loss = record.testLoss { text += "  test loss \(loss.fixed(4))" }
    text += rates("test", record.testAccuracy, record.testMicroF1)
    if let sparsity = record.sparsity { text += "  sparsity \((sparsity * 100).fixed(2)) %" }
    return text + "  \(record.seconds)  \(Int(record.samplesPerSecond).grouped) samples/s"
  }

  /// Of several labels the accuracy alone, which wants all of a sample's right, says little.
  private static func rates(_ samples: String, _ accuracy: Double?, _ microF1: Double?) -> String {
    let f1 = microF1.map { "  \(samples) micro F1 \(($0 * 100).fixed(2)) %" } ?? ""
    return f1 + (accuracy.map { "  \(samples) accuracy \(($0 * 100).fixed(2)) %" } ?? "")
  }

  private func finish(_ report: RunReport) {
    end()
    var rows = [
      "trained \(report.epochs) epochs, \(report.steps.grouped) steps in \(report.trainingSeconds) "
        + "(\(report.totalSeconds) with evaluation and checkpoints): \(Int(report.samplesPerSecond).grouped) samples/s"
    ]
    if let stopping = report.earlyStopping { rows.append(Self.text(stopping, report)) }
    if let sparsity = report.sparsity {
      rows.append("sparsity: \((sparsity * 100).fixed(2)) % of \(report.parameterCount.grouped) parameters are zero")
    }
    if let communication = report.communication { rows.append(Self.text(communication, report)) }
    if let peak = report.memory.processPeak {
      rows.append("memory of a rank: \(report.memory.planned) of tensors, \(peak) peak of the process")
    }
    rows.append("checkpoint: \(report.checkpoint)")
    for row in rows { Console.complain(row) }
  }

  private static func text(_ communication: CommunicationReport, _ report: RunReport) -> String {
    let buckets =
      communication.buckets == 1 ? "one bucket" : "\(communication.buckets) buckets"
    let hidden = communication.hiddenShare.map { "\(($0 * 100).fixed(0)) % of it hidden by backward" } ?? ""
    let ways = communication.algorithms.joined(separator: " and ")
    return
      "all-reduce: \(report.reduction.rawValue)\(ways.isEmpty ? "" : " (\(ways))"), \(communication.seconds) in \(buckets) of up to "
      + "\(communication.largestBucket) a step, \(communication.isOverlapped ? hidden : "after backward")"
  }

  private static func text(_ stopping: EarlyStoppingReport, _ report: RunReport) -> String {
    let value =
      stopping.metric == .loss ? stopping.best.value.fixed(4) : "\((stopping.best.value * 100).fixed(2)) %"
    return (stopping.isStopped ? "stopped early after epoch \(report.epochs); " : "")
      + "best epoch \(stopping.best.epoch), \(stopping.metric.rawValue) \(value)"
      + (stopping.isBestRestored ? ", whose weights are restored" : "")
  }
}

extension Double {
  /// With `places` decimals.
  func fixed(_ places: Int) -> String { fixedPoint(self, decimals: places) }
}

extension Seconds {
  /// 0:42, 1:02:03
  var clock: String {
    guard count.isFinite, count < 1e9 else { return "–" }
    let whole = Int(count.rounded())
    let pad = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
    return whole < 3600
      ? "\(whole / 60):\(pad(whole % 60))" : "\(whole / 3600):\(pad(whole / 60 % 60)):\(pad(whole % 60))"
  }
}
