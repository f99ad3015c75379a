import ArgumentParser

/// The command. Each subcommand is a file: options, `validate()`, one call, one print.
@main
struct Apus: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apus",
    abstract: "Trains neural networks over MPI ranks.",
    subcommands: [TrainCommand.self, EvaluateCommand.self, BenchCommand.self])

  /// Parses, runs, and turns what went wrong into the exit code that README.md lists.
  static func main() {
    do {
      var command = try parseAsRoot()
      do {
        try command.run()
      } catch {
        exit(reporting: error)
      }
    } catch {
      // The parser's own: usage errors are exit code 2 here, help and version 0.
      let code = exitCode(for: error)
      let text = fullMessage(for: error)
      if code == .success { Console.print(text) } else { Console.complain(text) }
      Console.exit(code == .success ? .done : .usage)
    }
  }

  private static func exit(reporting error: any Error) -> Never {
    let failure = Failure(error)
    if let text = failure.text { Console.complain(text) }
    Console.exit(failure.code)
  }
}
