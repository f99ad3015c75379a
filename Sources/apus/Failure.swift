import ArgumentParser
import Catalog
import Collectives
import Datasets
import Execution
import Jobs
import Kernels
import ModelGraph
import Models
import Safetensors
import Training

/// What the process tells its caller.
enum ExitStatus: Int32 {
  case done = 0
  case internalError = 1
  case usage = 2
  case invalidInput = 3
  case noFeasiblePlan = 4
  case launchFailed = 5
  case rankLost = 6
  case numericalFailure = 7
  /// Stopped by SIGINT or SIGTERM after a checkpoint: 128 + the signal, as shells have it.
  case interrupted = 130
  case terminated = 143
}

/// An error as the user meets it.
struct Failure {
  let code: ExitStatus
  /// Nil if another rank tells the story.
  let text: String?

  init(_ error: any Error) {
    switch error {
    case let error as PeerFailed:
      code = ExitStatus(rawValue: error.exitCode) ?? .internalError
      text = nil
    case let error as TrainingError:
      code =
        switch error.code {
        case .invalidInput, .disagreement: .invalidInput
        case .numerical: .numericalFailure
        case .storage: .internalError
        }
      text = "error: \(error)"
    case let error as GroupError:
      code =
        switch error.code {
        case .peerLost, .aborted: .rankLost
        case .launch: .launchFailed
        default: .internalError
        }
      text = "error: \(error)"
    case is InvalidJob, is DatasetError, is DataOrderError, is GraphError, is UnknownModel, is SafetensorsError,
      is CatalogError, is InvalidCatalog:
      code = .invalidInput
      text = "error: \(error)"
    case let error as ExitCode:
      code = ExitStatus(rawValue: error.rawValue) ?? .internalError
      text = nil
    case is ValidationError:
      code = .usage
      text = "error: \(error)"
    default:
      code = .internalError
      text = "error: \(error)"
    }
  }
}
