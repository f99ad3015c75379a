import ModelGraph

/// Neural collaborative filtering (He et al. 2017) on MovieLens 20M, as NVIDIA trains it: a product of two vectors of 64
/// beside dense layers of 256, 256, 128 and 64.
struct CollaborativeFilter: PublishedArchitecture {
  var samplesUnit: SampleUnit { .interaction }

  static let users = 138_493
  static let items = 26_744

  @Sendable static func named(_ description: ModelDescription) throws -> (any PublishedArchitecture)? {
    let words = description.words.split(separator: " ")
    if words.contains("dlrm") {
      throw PublishedModelError(
        .unsupported,
        "'\(description.name)': its tables of many gigabytes are updated row by row, which the cost of a graph does not tell"
      )
    }
    return words.contains(where: { $0.hasPrefix("ncf") || $0.hasPrefix("neumf") }) ? CollaborativeFilter() : nil
  }

  func parts(_ run: RunShape) throws -> [ModelPart] {
    var net = NetworkBuilder(.none)
    let batch = run.microBatch
    let (user, item) = (net.input("user", [batch, 1], .int32), net.input("item", [batch, 1], .int32))
    func vector(_ name: String, _ tokens: ValueID, _ rows: Int, _ width: Int) throws -> ValueID {
      let x = try net.embedding(name, tokens, vocabulary: rows, width: width)
      return try net.reshape("\(name).row", x, [batch, width])
    }
    let product = try net.multiply(
      "mf", try vector("mf_user", user, Self.users, 64), try vector("mf_item", item, Self.items, 64))
    var x = try net.concatenate(
      "mlp",
      [
        try vector("mlp_user", user, Self.users, 128), try vector("mlp_item", item, Self.items, 128),
      ])
    for (index, width) in [256, 128, 64].enumerated() {
      x = try net.activation("mlp\(index).relu", try net.dense("mlp\(index)", x, width))
      x = try net.dropout("mlp\(index).dropout", x, rate: 0.5)
    }
    let score = try net.dense("output", try net.concatenate("both", [product, x]), 1)
    try net.binaryLoss("loss", score)
    return [net.part("NCF")]
  }
}
