import ModelGraph

extension Zoo {
  func classifier(_ cell: RecurrentCell, _ classes: Int, vocabulary: Int) -> ModelSpecification {
    ModelSpecification(
      name: rawValue,
      layers: [
        .init(.embedding(vocabulary: vocabulary, width: 128)), .init(.recurrent(RecurrentSettings(cell, units: 256))),
        .init(.dense(outputs: classes)),
      ])
  }

  func forecaster(_ cell: RecurrentCell, _ numbers: Int) -> ModelSpecification {
    ModelSpecification(
      name: rawValue,
      layers: [.init(.recurrent(RecurrentSettings(cell, units: 64))), .init(.dense(outputs: numbers))])
  }
}
