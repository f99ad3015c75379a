package import Datasets
import Execution
package import Jobs
package import ModelGraph

/// What the command line says about a run, besides the job.
package struct TrainingOptions: Sendable {
  /// Cores a rank's kernels use.
  package var threads: Int
  /// Nil: chosen by the coordinator.
  package var runDirectory: String?
  package var resume: Bool

  package init(threads: Int, runDirectory: String? = nil, resume: Bool = false) {
    self.threads = threads
    self.runDirectory = runDirectory
    self.resume = resume
  }
}

/// The job's data in memory: the whole set on every rank, of which a rank reads its shards of each batch.
package struct JobData: Sendable {
  package let training: ImageDataset
  /// Samples that the job keeps from training; nil if it keeps none.
  package let validation: ImageDataset?
  package let test: ImageDataset?
  package let normalisation: Normalisation

  /// Pixels as fractions of 255, where the job does not normalise.
  package static func identity(channels: Int) -> Normalisation {
    Normalisation(means: Array(repeating: 0, count: channels), deviations: Array(repeating: 1, count: channels))
  }

  /// Reads what `job` names.
  /// - Throws: `InvalidJob` at the line that names the file.
  package init(_ file: JobFile) throws {
    let data = file.job.data
    let samples = try Self.read(data.train, "data.train", file)
    (training, validation) = try Self.split(samples, file)
    test = try data.test.map { try Self.read($0, "data.test", file) }
    if let test, test.sampleShape != training.sampleShape {
      throw InvalidJob([
        file.problem(
          at: "data.test.images",
          "test images are \(Shape(test.sampleShape)), training images \(Shape(training.sampleShape)); "
            + "give a test set of the same size")
      ])
    }
    do {
      normalisation =
        data.normalize == .training
        ? try Normalisation(of: training) : Self.identity(channels: training.sampleShape[0])
    } catch {
      throw InvalidJob([file.problem(at: "data.normalize", "\(error); or write 'normalize: none'")])
    }
  }

  static func read(_ files: DataFiles, _ key: String, _ file: JobFile) throws -> ImageDataset {
    do {
      return try ImageDataset(
        idxImages: files.images, idxLabels: files.labels, classCount: file.job.data.classes.count)
    } catch {
      let part = error.path == files.labels ? "labels" : "images"
      throw InvalidJob([file.problem(at: "\(key).\(part)", "\(error)")])
    }
  }

  /// - Throws: `InvalidJob` if there is not one whole batch.
  func order(_ file: JobFile) throws -> DataOrder {
    let training = file.job.training
    do {
      return try DataOrder(
        kind: .training(seed: file.job.seed), sampleCount: self.training.count, batchSize: training.batch,
        shardCount: training.shards)
    } catch {
      throw InvalidJob([file.problem(at: "training.batch", "\(error)")])
    }
  }

  package var sampleShape: Shape { Shape(training.sampleShape) }

  /// The shape of a sample, from the training images alone.
  /// - Throws: `InvalidJob` at the line that names the file.
  package static func sampleShape(_ file: JobFile) throws -> Shape {
    do {
      let images = try IDX(path: file.job.data.train.images, dimensionCount: 3)
      return Shape([1] + images.dimensions.dropFirst())
    } catch {
      throw InvalidJob([file.problem(at: "data.train.images", "\(error)")])
    }
  }

  /// A number that ranks share if they have read the same data.
  var fingerprint: UInt64 {
    var fingerprint = Fingerprint()
    for dataset in [training, validation, test].compactMap(\.self) {
      fingerprint.add(dataset.sampleShape.map { UInt8(truncatingIfNeeded: $0) })
      fingerprint.add(words: dataset.labels)
      fingerprint.add(words: dataset.pixels)
    }
    return fingerprint.value
  }
}

extension JobFile {
  /// Forward and loss over as many samples as a shard has, so that evaluation needs no more memory than training.
  /// - Throws: `InvalidJob` at the line of the layer that does not fit.
  package func evaluationGraph(sampleShape: Shape) throws -> Graph {
    do {
      return try job.evaluationGraph(sampleShape: sampleShape, batch: job.training.shardSamples)
    } catch let error as GraphError {
      throw InvalidJob([problem(for: error)])
    }
  }
}
