import Datasets
import ModelGraph
import TestSupport
import Testing

@Suite struct TextTests {
  private static func all(_ collection: some SampleCollection) throws -> (SampleBuffer, DataEncoding) {
    let places = Array(0..<UInt32(collection.count))
    let encoding = try collection.encoding(of: places, normalises: false)
    return (try collection.source(encoding, augmentation: nil).samples(places), encoding)
  }

  @Test func wordsAreRunsOfLettersAndEachMarkIsAToken() {
    #expect(
      Tokenisation.word.tokens(of: "Don't  stop,\nÉric's 2nd 'try'!")
        == ["don't", "stop", ",", "éric's", "2nd", "'", "try'", "!"])
    #expect(Tokenisation.character.tokens(of: "a b\n") == ["a", " ", "b", "\n"])
  }

  @Test func foldersAreClassesAndRareWordsUnknown() throws {
    let folder = try TemporaryFolder()
    try folder.write("the cat and the dog and the", "good/1.txt")
    try folder.write("the and", "bad/2.txt")
    let dataset = try TextDataset(
      path: folder.path, TextSpecification(tokens: .word, sequenceLength: 4, vocabularyLimit: 4))
    let (buffer, encoding) = try Self.all(dataset)
    guard case .text(let text) = encoding else {
      Issue.record("texts have a text's encoding")
      return
    }
    #expect(text.vocabulary.tokens == ["<padding>", "<unknown>", "the", "and"])
    #expect(encoding.vocabularySizes == ["input": 4])
    #expect(encoding.target == .classes(ClassTarget(names: ["bad", "good"])))
    #expect(buffer.fields == [SampleField("input", [4], .int32), SampleField("labels", [], .int32)])
    #expect(buffer.values(0) == [2, 3, 0, 0, 2, 1, 3, 2] && buffer.values(1) == [0, 1])
  }

  @Test func aTableOfTextsKnowsOnlyTheTrainingWords() throws {
    let file = try TemporaryFile(Array("label,text\nup,a b a\ndown,\"c, a\"\nup,d\n".utf8), name: "t.csv")
    let dataset = try withExtendedLifetime(file) {
      try TextDataset(
        path: file.path, TextSpecification(tokens: .word, sequenceLength: 3, text: "text", label: "label"))
    }
    let encoding = try dataset.encoding(of: [0, 1], normalises: false)
    let buffer = try dataset.source(encoding, augmentation: nil).samples([2, 0, 1])
    // a, then in the order of letters: the comma, b, c.
    #expect(buffer.values(0) == [1, 0, 0, 2, 4, 2, 5, 3, 2] && buffer.values(1) == [1, 1, 0])
  }

  @Test func aRunningTextAsksForTheNextCharacter() throws {
    let file = try TemporaryFile(Array("abacab".utf8), name: "t.txt")
    let dataset = try withExtendedLifetime(file) {
      try TextDataset(path: file.path, TextSpecification(tokens: .character, sequenceLength: 3))
    }
    #expect(dataset.count == 2 && dataset.timeGap == 0)
    let (buffer, encoding) = try Self.all(dataset)
    #expect(buffer.fields[1] == SampleField("labels", [3], .int32))
    // a 2, b 3, c 4; "aba" → "bac", "ca" → "ab".
    #expect(buffer.values(0) == [2, 3, 2, 4, 2, 0] && buffer.values(1) == [3, 2, 4, 2, 3, -1])
    #expect(encoding.target.outputShape == [3, 5])
  }

  @Test func pairsGiveTheDecoderItsStartAndTheLabelsTheirEnd() throws {
    let file = try TemporaryFile(Array("source\ttarget\none two\tun\ntwo\tdeux un deux\n".utf8), name: "t.tsv")
    let dataset = try withExtendedLifetime(file) {
      try PairsDataset(
        path: file.path,
        PairsSpecification(
          source: "source", target: "target", sourceTokens: .word, targetTokens: .word, sourceLength: 3,
          targetLength: 4,
          delimiter: .tab))
    }
    let (buffer, encoding) = try Self.all(dataset)
    #expect(buffer.fields.map(\.name) == ["input", "decoder_input", "labels"])
    // Sources: two 2, one 3. Targets: start 2, end 3, deux 4, un 5.
    #expect(buffer.values(0) == [3, 2, 0, 2, 0, 0])
    #expect(buffer.values(1) == [2, 5, 0, 0, 2, 4, 5, 4])
    #expect(buffer.values(2) == [5, 3, -1, -1, 4, 5, 4, 3])
    #expect(encoding.vocabularySizes == ["input": 4, "decoder_input": 6])
    let source = try dataset.source(encoding, augmentation: nil)
    #expect(source.sampleShape.fields.map(\.name) == ["input", "decoder_input"])
  }

  @Test func badTextsAreRefusedAtTheirPlace() throws {
    let specification = TextSpecification(tokens: .word, sequenceLength: 3)
    let bytes = try TemporaryFile(Array("ab é".utf8) + [0xff, 0x20], name: "t.txt")
    let invalid = #expect(throws: DatasetError.self) {
      try withExtendedLifetime(bytes) { try TextDataset(path: bytes.path, specification) }
    }
    #expect(invalid?.code == .notText && invalid?.offset == 5)
    let short = try TemporaryFile(Array("word".utf8), name: "t.txt")
    let empty = #expect(throws: DatasetError.self) {
      try withExtendedLifetime(short) { try TextDataset(path: short.path, specification) }
    }
    #expect(empty?.problem == "the text has 1 tokens, so nothing follows anything")
    let table = try TemporaryFile(Array("text,label\na,b\n ,c\n".utf8), name: "t.csv")
    let missing = #expect(throws: DatasetError.self) {
      try withExtendedLifetime(table) {
        try TextDataset(
          path: table.path, TextSpecification(tokens: .word, sequenceLength: 3, text: "text", label: "label"))
      }
    }
    #expect(missing?.code == .missingValue && missing?.line == 3 && missing?.column == 1)
    let one = #expect(throws: DatasetError.self) {
      try withExtendedLifetime(table) {
        try TextDataset(
          path: table.path, TextSpecification(tokens: .word, sequenceLength: 3, text: "text", label: "mood"))
      }
    }
    #expect(one?.key == "label" && one?.remedy == "its columns are 'text', 'label'")
  }
}
