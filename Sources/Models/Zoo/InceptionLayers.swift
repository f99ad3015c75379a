import ModelGraph

/// A convolution in a branch of an inception module, behind which a batch norm and ReLU stand.
struct InceptionStep {
  /// What its module's name is followed by.
  let name: String
  let channels: Int
  let kernel: Extent
  let stride: Int
  /// Whether the input is padded so that the size stays at a stride of 1.
  let isPadded: Bool

  init(_ name: String, _ channels: Int, _ kernel: Int..., stride: Int = 1, isPadded: Bool? = nil) {
    self.name = name
    self.channels = channels
    self.kernel = Extent(kernel)
    self.stride = stride
    self.isPadded = isPadded ?? (stride == 1)
  }
}

/// One way through an inception module.
enum InceptionBranch {
  case convolutions([InceptionStep])
  /// Convolutions, and behind them two side by side.
  case forked([InceptionStep], InceptionStep, InceptionStep)
  /// The mean of 3×3 and a convolution.
  case averaged(InceptionStep)
  /// The largest of 3×3 and a convolution.
  case largest(InceptionStep)
  /// The largest of 3×3 with a stride of 2, of a module that makes the image smaller; named `pool`.
  case reduced
}

extension NetworkLayers {
  /// `<name>.conv` and `<name>.bn` with ReLU.
  mutating func inceptionUnit(
    _ name: String, channels: Int, kernel: Extent, stride: Int = 1, padding: Extent? = nil, from: String? = nil
  ) {
    convolution("\(name).conv", channels: channels, kernel: kernel, stride: stride, padding: padding, from: from)
    norm("\(name).bn", .relu)
  }

  /// Branches side by side from `input`, put one behind the other in a layer named `name`.
  /// - Parameter poolPadding: of `reduced` branches.
  mutating func inceptionModule(_ name: String, poolPadding: Int = 0, _ branches: [InceptionBranch]) {
    let input = last
    var ends: [String] = []
    for branch in branches {
      var source = input
      func append(_ step: InceptionStep) {
        inceptionUnit(
          "\(name).\(step.name)", channels: step.channels, kernel: step.kernel, stride: step.stride,
          padding: step.isPadded ? nil : Extent(0), from: source)
        source = last
      }
      switch branch {
      case .convolutions(let steps): steps.forEach(append)
      case .forked(let steps, let a, let b):
        steps.forEach(append)
        let fork = source
        append(a)
        ends.append(source)
        source = fork
        append(b)
      case .averaged(let step):
        averagePool("\(name).pool", kernel: 3, stride: 1, padding: 1, from: source)
        source = last
        append(step)
      case .largest(let step):
        maxPool("\(name).pool", kernel: 3, stride: 1, padding: 1, from: source)
        source = last
        append(step)
      case .reduced:
        maxPool("\(name).pool", kernel: 3, stride: 2, padding: poolPadding, from: source)
        source = last
      }
      ends.append(source)
    }
    list.append(.init(.concatenate(ends), name: name))
  }
}
