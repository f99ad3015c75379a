import ModelGraph

/// The U-Net of Stable Diffusion 2 (Rombach et al. 2022): residual blocks and transformers on latents of an eighth of the
/// image's side, with a text of 77 tokens of 1,024 features. The latents and the texts are given.
struct DiffusionNetwork: PublishedArchitecture {
  static let channels = [320, 640, 1280, 1280]
  static let textTokens = 77
  static let textWidth = 1024
  private static let headWidth = 64

  var samplesUnit: SampleUnit { .image }

  @Sendable static func named(_ description: ModelDescription) throws -> (any PublishedArchitecture)? {
    let key = description.key
    guard key.contains("stablediffusion") || key.hasPrefix("sd2") else { return nil }
    guard key.contains("diffusion2") || key.contains("diffusionv2") || key.hasPrefix("sd2") else {
      throw PublishedModelError(.unsupported, "'\(description.name)': of Stable Diffusion, version 2 is known")
    }
    return DiffusionNetwork()
  }

  func parts(_ run: RunShape) throws -> [ModelPart] {
    var net = NetworkBuilder(.group(32))
    let (height, width) = ((run.height ?? 512) / 8, (run.width ?? 512) / 8)
    let latents = net.input("input", [run.microBatch, 4, height, width])
    let text = net.input("text", [run.microBatch, Self.textTokens, Self.textWidth])
    let time = net.input("time", [run.microBatch, Self.channels[0]])
    let hidden = try net.activation("time/silu", try net.dense("time/up", time, 1280), .swish)
    let step = try net.activation("time/silu2", try net.dense("time/down", hidden, 1280), .swish)
    var x = try net.convolution("conv_in", latents, Self.channels[0], kernel: [3])
    var skips = [x]
    for (level, channels) in Self.channels.enumerated() {
      for block in 0..<2 {
        x = try residual(&net, "down\(level).\(block)", x, step, channels)
        if level < 3 { x = try transformer(&net, "down\(level).\(block)", x, text) }
        skips.append(x)
      }
      guard level < 3 else { continue }
      x = try net.convolution("down\(level).half", x, channels, kernel: [3], stride: [2])
      skips.append(x)
    }
    x = try residual(&net, "middle.0", x, step, 1280)
    x = try transformer(&net, "middle", x, text)
    x = try residual(&net, "middle.1", x, step, 1280)
    for (level, channels) in Self.channels.enumerated().reversed() {
      for block in 0..<3 {
        x = try net.concatenate("up\(level).\(block).concat", [x, skips.removeLast()])
        x = try residual(&net, "up\(level).\(block)", x, step, channels)
        if level < 3 { x = try transformer(&net, "up\(level).\(block)", x, text) }
      }
      guard level > 0 else { continue }
      x = try net.convolution(
        "up\(level).double", try net.upsample("up\(level).up", x), channels, kernel: [3])
    }
    x = try net.activation("out.silu", try net.norm("out.norm", x), .swish)
    try net.elementLoss("loss", try net.convolution("conv_out", x, 4, kernel: [3]), .squaredError)
    return [net.part("U-Net of Stable Diffusion 2")]
  }

  private func residual(
    _ net: inout NetworkBuilder, _ name: String, _ x: ValueID, _ step: ValueID, _ channels: Int
  ) throws -> ValueID {
    var y = try net.activation("\(name).silu1", try net.norm("\(name).norm1", x), .swish)
    y = try net.convolution("\(name).conv1", y, channels, kernel: [3])
    let own = try net.dense("\(name).time", step, channels)
    let spread = try net.reshape("\(name).spread", own, [net.shape(x)[0], channels, 1, 1])
    // The time's vector meets every position: what a sum costs, this product does.
    y = try net.multiply("\(name).shift", y, spread)
    y = try net.activation("\(name).silu2", try net.norm("\(name).norm2", y), .swish)
    y = try net.convolution("\(name).conv2", y, channels, kernel: [3])
    let shortcut =
      net.shape(x)[1] == channels ? x : try net.convolution("\(name).shortcut", x, channels, kernel: [1])
    return try net.add("\(name).add", [shortcut, y])
  }

  private func transformer(
    _ net: inout NetworkBuilder, _ name: String, _ x: ValueID, _ text: ValueID
  ) throws -> ValueID {
    let sides = net.shape(x)
    let (channels, heads) = (sides[1], sides[1] / Self.headWidth)
    let flat = try net.reshape(
      "\(name).flat", try net.norm("\(name).norm", x), [sides[0], channels, sides[2] * sides[3]])
    var y = try net.dense("\(name).in", try net.transpose("\(name).rows", flat, [0, 2, 1]), channels)
    for (part, source) in [("self", nil), ("cross", text)] {
      let input = try net.layerNorm("\(name).\(part).norm", y)
      let query = try net.dense("\(name).\(part).query", input, channels, hasBias: false)
      let key = try net.dense("\(name).\(part).key", source ?? input, channels, hasBias: false)
      let value = try net.dense("\(name).\(part).value", source ?? input, channels, hasBias: false)
      let attended = try net.attention("\(name).\(part).core", query, key, value, heads: heads)
      y = try net.add("\(name).\(part).add", [y, try net.dense("\(name).\(part).output", attended, channels)])
    }
    let wide = try net.dense("\(name).mlp.up", try net.layerNorm("\(name).mlp.norm", y), 8 * channels)
    let linear = try net.slice("\(name).mlp.linear", wide, dimension: 2, start: 0, count: 4 * channels)
    let gate = try net.slice("\(name).mlp.gate", wide, dimension: 2, start: 4 * channels, count: 4 * channels)
    let gated = try net.multiply(
      "\(name).mlp.multiply", linear, try net.activation("\(name).mlp.gelu", gate, .gelu(.erf)))
    y = try net.add("\(name).mlp.add", [y, try net.dense("\(name).mlp.down", gated, channels)])
    let rows = try net.transpose("\(name).columns", try net.dense("\(name).out", y, channels), [0, 2, 1])
    return try net.add("\(name).add", [x, try net.reshape("\(name).image", rows, sides)])
  }
}
