import ModelGraph
import Models
import Testing
import Units

/// The sums of the hand formulas over a network's layers, taken down from its paper; see `FormulaTests`.
private struct HandCount {
  let samples: Int
  private(set) var parameters = 0
  private(set) var forward = 0
  private(set) var backward = 0

  init(samples: Int) { self.samples = samples }

  private mutating func each(_ elements: Int, forward f: Int, backward b: Int) {
    forward += samples * elements * f
    backward += samples * elements * b
  }

  /// A square convolution to O × side × side, its input wanting a gradient unless it is the first.
  mutating func convolution(_ i: Int, _ o: Int, _ kernel: Int, side: Int, bias: Bool, isFirst: Bool = false) {
    parameters += o * i * kernel * kernel + (bias ? o : 0)
    each(o * side * side, forward: 2 * i * kernel * kernel, backward: (isFirst ? 2 : 4) * i * kernel * kernel)
    if bias { each(o * side * side, forward: 1, backward: 1) }
  }

  mutating func dense(_ i: Int, _ o: Int) {
    parameters += o * i + o
    each(o, forward: 2 * i + 1, backward: 4 * i + 1)
  }

  mutating func norm(_ channels: Int, side: Int) {
    parameters += 2 * channels
    each(channels * side * side, forward: 9, backward: 21)
  }

  mutating func relu(_ elements: Int) { each(elements, forward: 1, backward: 1) }
  mutating func dropout(_ elements: Int) { each(elements, forward: 1, backward: 1) }

  mutating func maxPool(_ channels: Int, _ kernel: Int, side: Int) {
    each(channels * side * side, forward: kernel * kernel, backward: 1)
  }

  /// Windows of `kernel` × `kernel`.
  mutating func averagePool(_ channels: Int, _ kernel: Int, side: Int) {
    each(channels * side * side, forward: kernel * kernel, backward: kernel * kernel)
  }

  mutating func add(_ elements: Int) { each(elements, forward: 1, backward: 0) }

  /// Where several layers read one tensor, its gradients are added.
  mutating func readers(_ count: Int, of elements: Int) { each(elements, forward: 0, backward: count - 1) }

  mutating func loss(_ classes: Int) { each(classes, forward: 5, backward: 2) }

  /// Convolution, batch norm and ReLU.
  mutating func unit(
    _ i: Int, _ o: Int, _ kernel: Int, side: Int, isFirst: Bool = false, isRectified: Bool = true
  ) {
    convolution(i, o, kernel, side: side, bias: false, isFirst: isFirst)
    norm(o, side: side)
    if isRectified { relu(o * side * side) }
  }

  // MARK: Once a step, whatever the samples

  mutating func addLosses(_ count: Int) { forward += count }
}

@Suite struct ZooFormulaTests {
  private static let samples = 3

  private func expect(_ zoo: Zoo, _ count: HandCount) throws {
    let graph = try zoo.model().trainingGraph(
      sampleShape: zoo.sampleShape(), shardSamples: Self.samples, globalBatch: 2 * Self.samples,
      loss: .crossEntropy)
    #expect(graph.parameterCount == count.parameters)
    #expect(graph.cost { $0.pass == .forward }.flops == FLOPs(count.forward))
    #expect(graph.cost { $0.pass == .backward }.flops == FLOPs(count.backward))
  }

  /// Krizhevsky 2014.
  @Test func alexnet() throws {
    var count = HandCount(samples: Self.samples)
    var channels = 3
    for (index, layer) in [(64, 11, 55), (192, 5, 27), (384, 3, 13), (256, 3, 13), (256, 3, 13)].enumerated() {
      let (o, kernel, side) = layer
      count.convolution(channels, o, kernel, side: side, bias: true, isFirst: index == 0)
      count.relu(o * side * side)
      if [0, 1, 4].contains(index) { count.maxPool(o, 3, side: (side - 3) / 2 + 1) }
      channels = o
    }
    count.dropout(256 * 6 * 6)
    count.dense(9216, 4096)
    count.relu(4096)
    count.dropout(4096)
    count.dense(4096, 4096)
    count.relu(4096)
    count.dense(4096, 1000)
    count.loss(1000)
    try expect(.alexnet, count)
  }

  /// Simonyan & Zisserman 2015, configuration D.
  @Test func vgg16() throws {
    var count = HandCount(samples: Self.samples)
    var channels = 3
    for (stage, widths) in [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]].enumerated() {
      let side = 224 >> stage
      for width in widths {
        count.convolution(channels, width, 3, side: side, bias: true, isFirst: channels == 3)
        count.relu(width * side * side)
        channels = width
      }
      count.maxPool(channels, 2, side: side / 2)
    }
    count.dense(512 * 7 * 7, 4096)
    count.relu(4096)
    count.dropout(4096)
    count.dense(4096, 4096)
    count.relu(4096)
    count.dropout(4096)
    count.dense(4096, 1000)
    count.loss(1000)
    try expect(.vgg16, count)
  }

  /// He et al. 2016, table 1: two convolutions of 3×3 a block, or 1×1, 3×3 and 1×1 to four times the channels.
  @Test(arguments: [
    (Zoo.resnet18, [2, 2, 2, 2], 1), (.resnet34, [3, 4, 6, 3], 1), (.resnet50, [3, 4, 6, 3], 4),
    (.resnet101, [3, 4, 23, 3], 4), (.resnet152, [3, 8, 36, 3], 4),
  ])
  func residual(_ zoo: Zoo, blocks: [Int], expansion: Int) throws {
    var count = HandCount(samples: Self.samples)
    count.unit(3, 64, 7, side: 112, isFirst: true)
    count.maxPool(64, 3, side: 56)
    var channels = 64
    for (stage, blockCount) in blocks.enumerated() {
      let (width, side) = (64 << stage, 56 >> stage)
      let out = expansion * width
      for block in 0..<blockCount {
        let before = stage > 0 && block == 0 ? 2 * side : side
        // The block and the shortcut, or what makes it fit.
        count.readers(2, of: channels * before * before)
        if expansion == 1 {
          count.unit(channels, width, 3, side: side)
          count.unit(width, out, 3, side: side, isRectified: false)
        } else {
          count.unit(channels, width, 1, side: before)
          count.unit(width, width, 3, side: side)
          count.unit(width, out, 1, side: side, isRectified: false)
        }
        if channels != out || before != side { count.unit(channels, out, 1, side: side, isRectified: false) }
        count.add(out * side * side)
        count.relu(out * side * side)
        channels = out
      }
    }
    count.averagePool(channels, 7, side: 1)
    count.dense(channels, 1000)
    count.loss(1000)
    try expect(zoo, count)
  }

  /// Szegedy et al. 2015, table 1, with batch norms, and 3×3 for the 5×5 of a module's third branch.
  @Test(arguments: [Zoo.googlenet, .googlenetAuxiliary]) func googlenet(_ zoo: Zoo) throws {
    var count = HandCount(samples: Self.samples)
    count.unit(3, 64, 7, side: 112, isFirst: true)
    count.maxPool(64, 3, side: 56)
    count.unit(64, 64, 1, side: 56)
    count.unit(64, 192, 3, side: 56)
    count.maxPool(192, 3, side: 28)
    var channels = 192
    func module(_ one: Int, _ three: (Int, Int), _ five: (Int, Int), _ pooled: Int, side: Int) {
      count.readers(4, of: channels * side * side)
      count.unit(channels, one, 1, side: side)
      count.unit(channels, three.0, 1, side: side)
      count.unit(three.0, three.1, 3, side: side)
      count.unit(channels, five.0, 1, side: side)
      count.unit(five.0, five.1, 3, side: side)
      count.maxPool(channels, 3, side: side)
      count.unit(channels, pooled, 1, side: side)
      channels = one + three.1 + five.1 + pooled
    }
    /// 14 to 4: windows of 4, which overlap.
    func head() {
      guard zoo == .googlenetAuxiliary else { return }
      count.readers(2, of: channels * 14 * 14)
      count.averagePool(channels, 4, side: 4)
      count.unit(channels, 128, 1, side: 4)
      count.dense(2048, 1024)
      count.relu(1024)
      count.dropout(1024)
      count.dense(1024, 1000)
      count.loss(1000)
    }
    module(64, (96, 128), (16, 32), 32, side: 28)
    module(128, (128, 192), (32, 96), 64, side: 28)
    count.maxPool(480, 3, side: 14)
    module(192, (96, 208), (16, 48), 64, side: 14)
    head()
    module(160, (112, 224), (24, 64), 64, side: 14)
    module(128, (128, 256), (24, 64), 64, side: 14)
    module(112, (144, 288), (32, 64), 64, side: 14)
    head()
    module(256, (160, 320), (32, 128), 128, side: 14)
    count.maxPool(832, 2, side: 7)
    module(256, (160, 320), (32, 128), 128, side: 7)
    module(384, (192, 384), (48, 128), 128, side: 7)
    count.averagePool(1024, 7, side: 1)
    count.dropout(1024)
    count.dense(1024, 1000)
    count.loss(1000)
    if zoo == .googlenetAuxiliary { count.addLosses(2) }
    try expect(zoo, count)
  }
}
