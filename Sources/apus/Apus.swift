import ArgumentParser

/// The command. Each subcommand is a file: options, `validate()`, one call, one print.
@main
struct Apus: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apus",
    abstract: "Plan the training of neural networks, and train them over MPI ranks.",
    discussion: """
      Start with: apus train cluster/jobs/lenet5-fashion-mnist.yaml
      On two ranks: mpirun -np 2 apus train cluster/jobs/lenet5-fashion-mnist.yaml
      What to rent: apus plan cluster/jobs/gpt2-planned.yaml

      Exit codes: 0 done, 2 usage, 3 invalid input, 4 no feasible plan, 5 launch failed, 6 rank lost, 7 numerical \
      failure, 130 and 143 stopped by a signal.
      """,
    version: "0.1.0",
    subcommands: [
      TrainCommand.self, EvaluateCommand.self, PredictCommand.self, DescribeCommand.self, CheckGradientsCommand.self,
      TuneCommand.self, BenchCommand.self, PlanCommand.self, ValidateCommand.self,
      CatalogCommand.self,
    ])

  /// Parses, runs, and turns what went wrong into the exit code that README.md lists.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      let code = exitCode(for: error)
      // The parser's own: help and version are success, usage errors are exit code 2 here.
      if code == .success || code == .validationFailure {
        let text = fullMessage(for: error)
        if Ranks.isFirst { if code == .success { Console.print(text) } else { Console.complain(text) } }
        Console.exit(code == .success ? .done : .usage)
      }
      let failure = Failure(error)
      if let text = failure.text { Console.complain(text) }
      Console.exit(failure.code)
    }
  }
}
