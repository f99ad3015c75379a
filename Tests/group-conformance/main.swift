import Collectives
import Foundation
import GroupConformance
import MPIGroup

// The program that mpirun starts to check `MPIGroup`:
//   group-conformance [chunk-bytes]      makes all checks; rank 0 prints each claim that holds
//   group-conformance time [elements]…   prints how long the reductions take
//   group-conformance fail               rank 1 aborts while the others wait
//   group-conformance lose SIGNAL SECONDS [messages | barrier | values | gather]
//                                        rank 1 gets a signal in the middle of all-reduces, or of another call; the others
//                                        end with 6
//   group-conformance work LIMIT SECONDS [silently]
//                                        rank 1 works for so long while the others wait
//   group-conformance disagree           rank 1 waits for a message, the others in a barrier
//   group-conformance exchange           rank 0 sends more or less than rank 1 expects
// A failure ends all ranks with exit code 1.

do {
  try MPIRuntime.initialize()
  let arguments = CommandLine.arguments.dropFirst()
  let group = try MPIGroup.world(chunkBytes: arguments.first.flatMap(Int.init) ?? 1 << 30)
  do {
    switch arguments.first {
    case "time": try timeReductions(group, arguments.dropFirst().compactMap(Int.init))
    case "fail":
      if group.rank == 1 { try group.abort(code: 9) }
      try group.barrier()
    case "lose": try loseRank(group, Array(arguments.dropFirst()))
    case "work": try workLong(group, Array(arguments.dropFirst()))
    case "disagree": try disagree(group)
    case "exchange": try exchangeOther(group)
    default: try Conformance.run(on: group) { if group.rank == 0 { tell($0, on: .standardOutput) } }
    }
  } catch {
    tell("\(error)", on: .standardError)
    try group.abort(code: 1)
  }
  try MPIRuntime.finalize()
} catch {
  tell("\(error)", on: .standardError)
  exit(1)
}

/// Writes at once: `print` keeps what goes to a pipe, and an abort would lose it.
func tell(_ line: String, on stream: FileHandle) {
  stream.write(Data((line + "\n").utf8))
}
