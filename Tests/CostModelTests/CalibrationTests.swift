import Catalog
import CostModel
import Foundation
import ModelGraph
import TestSupport
import Testing
import Units

@Suite struct CalibrationTests {
  /// Runs that the model itself timed, with constants moved from their priors and noise that sums to nothing.
  private static func synthetic(_ truth: Constants) -> [Fit.Run] {
    var runs: [Fit.Run] = []
    for rows in [64.0, 256, 1024, 4096, 16_384] {
      for peak in [15e12, 60e12, 312e12] {
        for bytes in [1e6, 1e8] {
          let kernels = [
            Kernel(
              work: .product(Kernel.Product(rows: rows, columns: 2048, depth: 1024)), pass: .forward,
              role: .replicated, section: .block, activations: rows * 3072, weights: 2048 * 1024, count: 12),
            Kernel(
              work: .traffic(.normalisation), pass: .forward, role: .replicated, section: .block, activations: bytes,
              weights: 0, count: 12),
          ]
          let device = Device(
            key: "part", arithmetic: .bf16, peak: FLOPRate(peak),
            memoryBandwidth: Bandwidth(gigabytesPerSecond: 900), memory: Bytes(gibibytes: 40), units: 80,
            usesMatrixUnits: true)
          let shape = StepShape(
            device: device, attentionPeak: device.peak, isHopperOrLater: false, fusesAttention: true, block: kernels,
            edge: [], samples: 4, dispatches: 24, microBatches: 4, parameters: 1e6, gradientBytes: 2,
            network: NetworkShape(oneHostOver: .linkPCIe))
          let seconds = shape.breakdown(truth).total.count
          runs.append(
            Fit.Run(shape: shape, seconds: seconds, traits: RunTraits())
          )
        }
      }
    }
    return runs
  }

  @Test func fitFindsTheConstantsThatMadeTheTimes() {
    let priors = Constants.priors(accelerators: [], frameworks: [])
    var truth = priors
    truth[General.productMatrixUnits.rawValue] = 0.65
    truth[General.normalisation.rawValue] = 2.1
    truth[General.dispatch.rawValue] = 8e-5
    let runs = Self.synthetic(truth)
    let fit = Fit(runs)
    let before = fit.logResiduals(priors).map(abs).max() ?? 0
    let fitted = fit.fitted(from: priors)
    let after = fit.logResiduals(fitted).map(abs).max() ?? 1
    #expect(before > 0.3)
    #expect(after < before / 5)
    expectClose(fitted[.normalisation], 2.1, relative: 0.1)
    expectClose(fitted[.dispatch], 8e-5, relative: 0.15)
    // What no run depends on stays where it was.
    #expect(fitted[.linkNeuron] == priors[.linkNeuron])
  }

  /// A run of a platform, of which it is all that is known.
  private static func run(of platform: String, samples: Double = 1) -> RunTraits {
    var run = RunTraits()
    run[.platform] = platform
    run[.familyAndAccelerator] = "kind"
    run.logBatch = log(samples)
    return run
  }

  @Test func likeRunsAreDrawnTowardsNothingByHowFewTheyAre() {
    func run(_ name: String) -> RunTraits {
      var run = RunTraits()
      run[.port] = name
      return run
    }
    let many = Array(repeating: (run("many"), 0.2), count: 40)
    let all = many + [(run("one"), 0.2)]
    let effects = SoftwareEffects(all.map(\.0), residuals: all.map(\.1))
    let known = effects.estimate(run("many"))
    let rare = effects.estimate(run("one"))
    let unknown = effects.estimate(run("none"))
    #expect(known.mean > 0.19 && known.mean < 0.2)
    #expect(rare.mean > 0.05 && rare.mean < 0.17)
    #expect(unknown.mean == 0)
    #expect(known.deviation < rare.deviation)
    #expect(rare.deviation < unknown.deviation)
    #expect(unknown.unknown == known.unknown + 1)
  }

  @Test func whatBatchesShareFadesWithTheirDistance() {
    let effects = SoftwareEffects(
      Array(repeating: Self.run(of: "here", samples: 8), count: 20), residuals: Array(repeating: 0.3, count: 20))
    let means = [8.0, 16, 64, 512].map { effects.estimate(Self.run(of: "elsewhere", samples: $0)).mean }
    #expect(means == means.sorted(by: >))
    #expect(means[0] > 0.2)
    #expect(means[3] < 0.12)
  }

  @Test func communicationOfAPlatformCountsByItsShareOfTheStep() {
    func run(_ share: Double) -> RunTraits {
      var run = RunTraits()
      run[.framework] = "version 1"
      run.communication = share
      return run
    }
    let effects = SoftwareEffects(Array(repeating: run(0.8), count: 30), residuals: Array(repeating: 0.24, count: 30))
    let half = effects.estimate(run(0.4)).mean
    expectClose(half, effects.estimate(run(0.8)).mean / 2, relative: 1e-9)
    #expect(half > 0.1)
    #expect(effects.estimate(run(0)).mean == 0)
  }

  @Test func anOutlierMovesItsLikeLittle() {
    let key = Self.run(of: "host")
    let calm = Array(repeating: 0.1, count: 9)
    let without = SoftwareEffects(Array(repeating: key, count: 9), residuals: calm)
    let with = SoftwareEffects(Array(repeating: key, count: 10), residuals: calm + [2.5])
    #expect(abs(with.estimate(key).mean - without.estimate(key).mean) < 0.03)
  }

  @Test(arguments: [1, 7, 8, 9, 24, 61]) func aFactoredSystemSolves(count: Int) throws {
    // B Bᵀ + I of a B without structure.
    func entry(_ i: Int, _ j: Int) -> Double {
      let number: Int = (i * 37 + j * 101 + i * j * 13) % 29
      return Double(number) / 29 - 0.5
    }
    var matrix = Array(repeating: 0.0, count: count * count)
    for i in 0..<count {
      for j in 0..<count {
        var sum: Double = i == j ? 1 : 0
        for k in 0..<count { sum += entry(i, k) * entry(j, k) }
        matrix[i * count + j] = sum
      }
    }
    let truth = (0..<count).map { Double($0 % 5) - 1.5 }
    let right: [Double] = (0..<count).map { i in
      var sum = 0.0
      for j in 0..<count { sum += matrix[i * count + j] * truth[j] }
      return sum
    }
    let system = try #require(SymmetricSystem(matrix, count: count))
    expectClose(system.solve(right), truth, relative: 1e-10)
    var product = 0.0
    for index in 0..<count { product += right[index] * truth[index] }
    var norm = 0.0
    for value in system.half(right) { norm += value * value }
    expectClose(norm, product, relative: 1e-10)
  }

  @Test func aCalibrationComesBackFromItsFiles() throws {
    let shipped = try Calibration.shipped()
    let folder = try TemporaryFolder()
    for file in shipped.files { try folder.write(file.text, file.name) }
    let read = try Calibration(directory: folder.path)
    #expect(read.constants == shipped.constants)
    #expect(read.ids == shipped.ids)
    #expect(read.traits == shipped.traits)
    #expect(read.effects.weights == shipped.effects.weights)
    #expect(read.intervalFactor == shipped.intervalFactor)
  }

  @Test(arguments: [
    ("value", "nonsense", "is no number"),
    ("value", "1e9", "is not between"),
  ])
  func aBrokenConstantIsRefusedWithItsPlace(column: String, text: String, message: String) throws {
    let shipped = try Calibration.shipped()
    let folder = try TemporaryFolder()
    for file in shipped.files {
      var lines = file.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      if file.name == Calibration.constantsFile {
        var cells = lines[2].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        cells[6] = text
        lines[2] = cells.joined(separator: ",")
      }
      try folder.write(lines.joined(separator: "\n"), file.name)
    }
    let error = #expect(throws: CatalogError.self) { try Calibration(directory: folder.path) }
    #expect(error?.line == 3)
    #expect(error?.message.contains(message) == true)
  }
}
