import FoundationEssentials

/// The JSON header: an entry a tensor, and the metadata.
struct Header: Decodable {
  static let metadataKey = "__metadata__"
  /// The format's own bound; it keeps a damaged length from asking for all memory.
  static let largestByteCount = 100_000_000

  struct Entry: Decodable {
    let dtype: String
    let shape: [Int]
    let offsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }
  }

  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  private(set) var metadata: [String: String] = [:]
  private(set) var entries: [(name: String, entry: Entry)] = []

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Name.self)
    for name in container.allKeys {
      if name.stringValue == Self.metadataKey {
        metadata = try container.decode([String: String].self, forKey: name)
      } else {
        entries.append((name.stringValue, try container.decode(Entry.self, forKey: name)))
      }
    }
  }

  /// - Throws: `SafetensorsError` with `.badHeader`.
  init(parsing json: some Sequence<UInt8>) throws {
    do {
      self = try JSONDecoder().decode(Header.self, from: Data(json))
    } catch {
      throw SafetensorsError(
        .badHeader,
        "the header is not a JSON object of tensors (dtype, shape, data_offsets) and of text under "
          + "\(Self.metadataKey): \(Self.reason(error)); the file is damaged or not a safetensors file")
    }
  }

  private static func reason(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "\(error)" }
    let context: DecodingError.Context
    switch error {
    case .typeMismatch(_, let found), .valueNotFound(_, let found), .keyNotFound(_, let found),
      .dataCorrupted(let found):
      context = found
    @unknown default: return "\(error)"
    }
    let place = context.codingPath.map(\.stringValue).joined(separator: ".")
    return place.isEmpty ? context.debugDescription : "at \(place): \(context.debugDescription)"
  }

  /// shape × element size; nil if a dimension is negative or the product is beyond `Int`.
  static func byteCount(of shape: [Int], _ type: SafetensorsFile.ElementType) -> Int? {
    var product = type.byteCount
    for dimension in shape {
      let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
      guard dimension >= 0, !overflow else { return nil }
      product = next
    }
    return product
  }
}
