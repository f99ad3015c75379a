/// The frameworks that share one set of software constants.
enum SoftwareKey {
  /// Parts of a framework's name as published, the first match counts.
  private static let known: [(part: String, key: String)] = [
    ("llm-foundry", "llm-foundry"), ("fsdp", "fsdp"), ("megatron-deepspeed", "megatron-deepspeed"),
    ("deepspeed pipeline", "megatron-deepspeed"), ("gpt-neox", "megatron-deepspeed"), ("nemo", "nemo"),
    ("megatron-bridge", "nemo"), ("megatron core", "nemo"), ("neuronx-distributed", "neuron"), ("neuron", "neuron"),
    ("megatron", "megatron"), ("dt-fm", "dt-fm"), ("paxml", "jax"), ("maxtext", "jax"), ("t5x", "jax"),
    ("alpa", "jax"), ("jax", "jax"), ("xla", "tensorflow-xla"), ("tf_cnn", "tf-cnn-benchmarks"),
    ("tensorflow2", "tensorflow-2"), ("tensorflow 2", "tensorflow-2"), ("mesh-tensorflow", "tensorflow-1"),
    ("tensorflow", "tensorflow-1"), ("mxnet", "mxnet"), ("gluon", "mxnet"), ("detectron2", "detectron"),
    ("maskrcnn", "detectron"), ("mmdetection", "mmdetection"), ("oneflow", "oneflow"), ("paddle", "paddle"),
    ("adaptdl", "adaptdl"), ("deepspeed", "deepspeed"), ("pytorch", "pytorch"), ("torch", "pytorch"),
    ("caffe", "caffe"),
  ]

  static func key(_ framework: String) -> String {
    let text = framework.lowercased()
    if let match = known.first(where: { text.contains($0.part) }) { return match.key }
    return text.split(separator: " ").first.map(String.init) ?? "unknown"
  }

  /// Whether gradients are reduced when backward has ended: Megatron-LM until 2023, DeepSpeed's pipeline engine, DT-FM.
  static func reducesBehindBackward(_ key: String) -> Bool {
    ["megatron", "megatron-deepspeed", "dt-fm"].contains(key)
  }
}
