import ModelGraph
import Models

extension LayerReader {
  /// A layer that names its inputs.
  func combination(_ kind: LayerKind, _ reader: inout MappingReader) -> LayerSpecification.Kind? {
    let isPair = kind == .subtract || kind == .multiply
    let names = reader.value(
      "of", .required(example: "[conv1, conv2]"),
      expected: "a list of the names of \(isPair ? "two" : "two or more") earlier layers"
    ) { node -> [String]? in
      guard case .sequence(let items) = node.content, isPair ? items.count == 2 : items.count >= 2 else { return nil }
      let names = items.compactMap(\.text)
      return names.count == items.count ? names : nil
    }
    let dimension = kind == .concatenate ? dimension(&reader, .otherwise(1)) : 1
    guard let names, let dimension else { return nil }
    switch kind {
    case .concatenate: return .concatenate(names, dimension: dimension)
    case .subtract: return .subtract(names[0], names[1])
    case .multiply: return .multiply(names[0], names[1])
    default: return .add(names)
    }
  }

  /// A layer that moves or sums elements of one input.
  func shaping(_ kind: LayerKind, _ reader: inout MappingReader) -> LayerSpecification.Kind? {
    switch kind {
    case .transpose:
      let range = -Limits.rank...Limits.rank - 1
      return numbers("order", "a list of the dimensions in their new order", range, example: "[0, 2, 1]", &reader)
        .map { .transpose($0) }
    case .reshape:
      let range = 1...Limits.outputs
      return numbers("shape", "a list of a sample's new extents", range, example: "[1, 28, 28]", &reader)
        .map { .reshape($0) }
    case .slice:
      let dimension = dimension(&reader, .required(example: "1"))
      let start = reader.integer("start", in: 0...Limits.outputs, .required(example: "0"))
      let count = reader.integer("count", in: 1...Limits.outputs, .required(example: "8"))
      guard let dimension, let start, let count else { return nil }
      return .slice(dimension: dimension, start: start, count: count)
    default:
      return dimension(&reader, .required(example: "1")).map { .reduce(kind == .sum ? .sum : .mean, dimension: $0) }
    }
  }

  func dimension(_ reader: inout MappingReader, _ presence: Presence<Int>) -> Int? {
    reader.integer("dimension", in: -Limits.rank...Limits.rank - 1, presence)
  }

  private func numbers(
    _ key: String, _ what: String, _ range: ClosedRange<Int>, example: String, _ reader: inout MappingReader
  ) -> [Int]? {
    reader.value(key, .required(example: example), expected: what) { node in
      guard case .sequence(let items) = node.content, (1...Limits.rank).contains(items.count) else { return nil }
      let numbers = items.compactMap { $0.integer(as: Int.self) }.filter(range.contains)
      return numbers.count == items.count ? numbers : nil
    }
  }
}
