import Kernels
package import ModelGraph
package import Units

/// What one kernel of a program does and how long it takes.
package struct KernelProfile: Sendable {
  package let layer: String
  package let operation: String
  /// The code chosen, such as `jit:avx512_core`; "apus" for the kernels of Apus itself.
  package let implementation: String
  /// What the operation needs by its definition, whichever way the kernel computes it.
  package let flops: FLOPs
  /// Within a whole run, its operands where the kernels before it left them.
  package let time: Seconds
  /// Run several times in a row, with nothing in between.
  package let timeAlone: Seconds
}

extension Program {
  /// Median times of each kernel over `repetitions` whole runs, and over as many runs of that kernel alone, at most 20.
  ///
  /// Results are meaningless afterwards: kernels that ran alone wrote where others keep their operands.
  package func profile(repetitions: Int) throws -> [KernelProfile] {
    let dropout = DropoutState(seed: 1, step: 1, firstSample: 0)
    var times = [[Seconds]](repeating: [], count: steps[0].count)
    for _ in 0..<repetitions {
      for (index, step) in steps[0].enumerated() { times[index].append(try time { try step.run(stream, dropout) }) }
    }
    let alone = try steps[0].map { step in
      try (0...min(repetitions, 20)).map { _ in try time { try step.run(stream, dropout) } }.dropFirst().median
    }
    return compiled.implementations.enumerated().map { index, chosen in
      KernelProfile(
        layer: chosen.layer, operation: chosen.operation, implementation: chosen.implementation,
        flops: compiled.steps[index].flops, time: times[index].median, timeAlone: alone[index])
    }
  }

  /// How long the product of two square matrices takes, packed as the kernel likes them: what a kernel's speed is held
  /// against.
  /// - Returns: operations a second, 2·side³ over the median time.
  package func matrixProductSpeed(side: Int = 1024, precision: Precision, repetitions: Int = 20) throws -> Double {
    let open = try Layout.any([side, side], precision.element)
    let primitive = try Primitive.matrixProduct(open, open, open.with(.float32))
    let arguments: [Primitive.Argument] = [.source, .weights, .destination, .scratchpad]
    let arenas = try arguments.map { try Arena(byteCount: primitive.layout($0).byteCount) }
    let call = try KernelCall(primitive, zip(arguments, arenas).map { unsafe Operand($0, $1.base) })
    let times = try (0...repetitions).map { _ in try time { try call.run(on: stream) } }
    return withExtendedLifetime(arenas) {
      2 * Double(side * side * side) / Array(times.dropFirst()).median.count
    }
  }

  /// How fast memory is copied that no cache holds: bytes read a second, with as many written.
  package func copySpeed() -> Double {
    let count = 4 << 20
    let source = [Float](repeating: 1, count: count)
    var target = [Float](repeating: 0, count: count)
    var times: [Seconds] = []
    for _ in 0..<3 {
      times.append(
        time { unsafe target.withUnsafeMutableBufferPointer { room in _ = unsafe room.update(from: source) } })
    }
    return 4 * Double(count) / max(1e-9, times.median.count)
  }

  private func time(_ body: () throws -> Void) rethrows -> Seconds { Seconds(try ContinuousClock().measure(body)) }
}

extension Collection where Element: Comparable {
  fileprivate var median: Element { sorted()[count / 2] }
}
