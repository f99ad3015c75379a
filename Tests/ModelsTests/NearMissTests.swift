import Testing

import Models

@Suite struct NearMissTests {
  @Test(arguments: [
    ("kitten", "sitting", 3), ("ab", "ba", 1), ("abc", "", 3), ("epochs", "epohcs", 1), ("ca", "abc", 3),
  ])
  func editDistanceCountsSwapsOnce(a: String, b: String, distance: Int) {
    #expect(NearMiss.editDistance(Array(a), Array(b)) == distance)
    #expect(NearMiss.editDistance(Array(b), Array(a)) == distance)
  }

  @Test(arguments: [
    ("batchsize", "batch"), ("BATCH", "batch"), ("learningRate", "learning_rate"), ("lr", "learning_rate"),
    ("learning-rate", "learning_rate"), ("epoch", "epochs"), ("epohcs", "epochs"), ("shard", "shards"),
  ])
  func findsWhatWasMeant(word: String, meant: String) {
    #expect(NearMiss.nearest(to: word, among: ["epochs", "batch", "shards", "learning_rate", "loss"]) == meant)
  }

  @Test(arguments: ["x", "", "momentum", "os", "patches_of_data"])
  func findsNothingWhereNothingIsNear(word: String) {
    #expect(NearMiss.nearest(to: word, among: ["epochs", "batch", "shards", "learning_rate"]) == nil)
  }

  @Test func adviceListsTheNamesIfNoneIsNear() {
    #expect(NearMiss.advice(for: "x", among: ["sgd", "adam"]) == "use one of sgd, adam")
    #expect(NearMiss.advice(for: "x", among: ["idx"]) == "use 'idx'")
    #expect(NearMiss.advice(for: "adma", among: ["sgd", "adam"]) == "did you mean 'adam'?")
  }
}
