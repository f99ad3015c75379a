import ModelGraph

/// The U-Nets of Imagen (Saharia et al. 2022) by the recipes of NeMo: 64×64 from a text, and 256×256 from the
/// smaller image. The texts' 128 vectors are given.
struct ImagenNetwork: PublishedArchitecture {
  /// Channels of the first level, and of each level as multiples of them.
  let channels: Int
  let multiples: [Int]
  /// Residual blocks of each level on the way down.
  let blocks: [Int]
  /// The first level with attention.
  let attends: Int
  /// Width of the text's vectors inside.
  let condition: Int
  /// Side of the images that it is trained on.
  let side: Int

  static let textTokens = 128
  static let textWidth = 1024
  private static let headWidth = 64

  var samplesUnit: SampleUnit { .image }

  @Sendable static func named(_ description: ModelDescription) throws -> (any PublishedArchitecture)? {
    let key = description.key
    guard key.contains("imagen") else { return nil }
    if key.contains("600m") || key.contains("eff") {
      throw PublishedModelError(
        .inconsistentShapes,
        "'\(description.name)': the blocks of its published recipe make 815 million parameters, not the 600 of its name"
      )
    }
    if key.contains("sr") {
      return ImagenNetwork(
        channels: 128, multiples: [1, 2, 4, 6, 6], blocks: [2, 2, 3, 4, 3], attends: 3, condition: 512, side: 256)
    }
    guard key.contains("2b") || key.contains("500m") else {
      throw PublishedModelError(.missingShape, "'\(description.name)': of Imagen's base, 500M and 2B are known")
    }
    let isLarge = key.contains("2b")
    return ImagenNetwork(
      channels: isLarge ? 512 : 256, multiples: [1, 2, 3, 4], blocks: [3, 3, 3, 3], attends: 1,
      condition: isLarge ? 2048 : 512, side: 64)
  }

  func parts(_ run: RunShape) throws -> [ModelPart] {
    var net = NetworkBuilder(.group(32))
    let sides = [run.height ?? side, run.width ?? side]
    // Above the base, the smaller image is stretched and joins the input.
    let image = net.input("input", [run.microBatch, side == 64 ? 3 : 6] + sides)
    let text = net.input("text", [run.microBatch, Self.textTokens, Self.textWidth])
    let context = try net.layerNorm("text/norm", try net.dense("text/in", text, condition))
    let time = net.input("time", [run.microBatch, channels])
    let hidden = try net.activation("time/silu", try net.dense("time/up", time, 4 * channels), .swish)
    let step = try net.activation("time/silu2", try net.dense("time/down", hidden, 4 * channels), .swish)
    var x = try net.convolution("conv_in", image, channels, kernel: [3])
    var skips = [x]
    for (level, multiple) in multiples.enumerated() {
      let width = channels * multiple
      for block in 0..<blocks[level] {
        let name = "down\(level).\(block)"
        x = try residual(&net, name, x, step, width)
        if level >= attends { x = try attention(&net, name, x, context) }
        skips.append(x)
      }
      guard level < multiples.count - 1 else { continue }
      x = try net.convolution("down\(level).half", x, width, kernel: [3], stride: [2])
      skips.append(x)
    }
    x = try middle(&net, x, step, context)
    for (level, multiple) in multiples.enumerated().reversed() {
      let width = channels * multiple
      for block in 0...blocks[level] {
        let name = "up\(level).\(block)"
        x = try net.concatenate("\(name).concat", [x, skips.removeLast()])
        x = try residual(&net, name, x, step, width)
        if level >= attends { x = try attention(&net, name, x, context) }
      }
      guard level > 0 else { continue }
      x = try net.convolution("up\(level).double", try net.upsample("up\(level).up", x), width, kernel: [3])
    }
    x = try net.activation("out.silu", try net.norm("out.norm", x), .swish)
    try net.elementLoss("loss", try net.convolution("conv_out", x, 3, kernel: [3]), .squaredError)
    return [net.part("Imagen")]
  }

  private func middle(
    _ net: inout NetworkBuilder, _ x: ValueID, _ step: ValueID, _ context: ValueID
  ) throws -> ValueID {
    let width = channels * multiples[multiples.count - 1]
    let y = try attention(&net, "middle", try residual(&net, "middle.0", x, step, width), context)
    return try residual(&net, "middle.1", y, step, width)
  }

  /// Two convolutions; the time scales and shifts the second norm.
  private func residual(
    _ net: inout NetworkBuilder, _ name: String, _ x: ValueID, _ step: ValueID, _ width: Int
  ) throws -> ValueID {
    var y = try net.activation("\(name).silu1", try net.norm("\(name).norm1", x), .swish)
    y = try net.norm("\(name).norm2", try net.convolution("\(name).conv1", y, width, kernel: [3]))
    let both = try net.dense("\(name).time", step, 2 * width)
    for (part, start) in [("scale", 0), ("shift", width)] {
      let own = try net.slice("\(name).\(part).own", both, dimension: 1, start: start, count: width)
      let spread = try net.reshape("\(name).\(part).spread", own, [net.shape(x)[0], width, 1, 1])
      y = try net.multiply("\(name).\(part)", y, spread)
    }
    y = try net.convolution("\(name).conv2", try net.activation("\(name).silu2", y, .swish), width, kernel: [3])
    let shortcut = net.shape(x)[1] == width ? x : try net.convolution("\(name).shortcut", x, width, kernel: [1])
    return try net.add("\(name).add", [shortcut, y])
  }

  /// Of the positions to themselves and to the text, in one.
  private func attention(
    _ net: inout NetworkBuilder, _ name: String, _ x: ValueID, _ context: ValueID
  ) throws -> ValueID {
    let sides = net.shape(x)
    let width = sides[1]
    let flat = try net.reshape(
      "\(name).flat", try net.norm("\(name).attention.norm", x), [sides[0], width, sides[2] * sides[3]])
    let rows = try net.transpose("\(name).rows", flat, [0, 2, 1])
    let query = try net.dense("\(name).attention.query", rows, width)
    func joined(_ part: String) throws -> ValueID {
      let own = try net.dense("\(name).attention.\(part)", rows, width)
      let given = try net.dense("\(name).attention.text-\(part)", context, width)
      return try net.concatenate("\(name).attention.both-\(part)", [own, given])
    }
    let y = try net.attention(
      "\(name).attention.core", query, try joined("key"), try joined("value"), heads: width / Self.headWidth)
    let columns = try net.transpose("\(name).columns", try net.dense("\(name).attention.output", y, width), [0, 2, 1])
    return try net.add("\(name).attention.add", [x, try net.reshape("\(name).image", columns, sides)])
  }
}
