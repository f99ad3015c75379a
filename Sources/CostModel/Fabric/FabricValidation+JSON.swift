/// What `apus validate --fabrics --json` prints: times in seconds, sizes in bytes, errors as fractions. A figure that no row
/// gives is left out.
extension FabricValidation: Encodable {
  private enum Key: String, CodingKey {
    case insideNode = "inside_node"
    case acrossNodes = "across_nodes"
    case byFabric = "by_fabric"
    case rows, skipped
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(insideNode, forKey: .insideNode)
    try container.encode(acrossNodes, forKey: .acrossNodes)
    try container.encode(Dictionary(uniqueKeysWithValues: classes.map { ($0.key, $0) }), forKey: .byFabric)
    try container.encode(rows, forKey: .rows)
    try container.encode(skipped.map(Skipped.init), forKey: .skipped)
  }

  private struct Skipped: Encodable {
    let line: Int
    let hardware: String
    let collective: String
    let size: String
    let reason: String

    init(_ entry: (measurement: FabricMeasurement, reason: String)) {
      line = entry.measurement.line
      hardware = entry.measurement.hardware
      collective = entry.measurement.collective
      size = entry.measurement.size
      reason = entry.reason
    }
  }
}

extension FabricValidation.Row: Encodable {
  private enum Key: String, CodingKey {
    case line, fabric, hardware, nodes, ranks, bytes, measured, predicted, simulated
    case withoutSize = "predicted_without_size"
    case withoutRanks = "predicted_without_ranks"
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(measurement.line, forKey: .line)
    try container.encode(fabric, forKey: .fabric)
    try container.encode(measurement.hardware, forKey: .hardware)
    try container.encodeIfPresent(measurement.nodes, forKey: .nodes)
    try container.encodeIfPresent(measurement.ranks, forKey: .ranks)
    try container.encodeIfPresent(measurement.bytes, forKey: .bytes)
    try container.encodeIfPresent(measurement.seconds, forKey: .measured)
    try container.encode(predicted, forKey: .predicted)
    try container.encodeIfPresent(simulated, forKey: .simulated)
    try container.encodeIfPresent(withoutSize, forKey: .withoutSize)
    try container.encodeIfPresent(withoutRanks, forKey: .withoutRanks)
  }
}

extension FabricValidation.Summary: Encodable {
  private enum Key: String, CodingKey {
    case title, part, rows, constants, mape, median, largest, goal
    case simulated = "mape_simulated"
    case withoutSize = "mape_without_size"
    case withoutRanks = "mape_without_ranks"
    case setAside = "set_aside"
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(title, forKey: .title)
    try container.encode(part.rawValue, forKey: .part)
    try container.encode(rows, forKey: .rows)
    try container.encode(constants, forKey: .constants)
    try container.encodeIfPresent(mean, forKey: .mape)
    try container.encodeIfPresent(median, forKey: .median)
    try container.encodeIfPresent(largest, forKey: .largest)
    try container.encodeIfPresent(goal, forKey: .goal)
    try container.encodeIfPresent(meanSimulated, forKey: .simulated)
    try container.encodeIfPresent(meanWithoutSize, forKey: .withoutSize)
    try container.encodeIfPresent(meanWithoutRanks, forKey: .withoutRanks)
    try container.encodeIfPresent(setAside, forKey: .setAside)
  }
}
