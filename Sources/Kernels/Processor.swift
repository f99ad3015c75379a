internal import COneDNN

/// What the processor at hand can do, as oneDNN sees it.
package enum Processor {
  /// Whether there are instructions that multiply bfloat16 numbers.
  package static var computesInBFloat16: Bool {
    let level = dnnl_get_effective_cpu_isa().rawValue
    return level & dnnl_cpu_isa_avx512_core_bf16.rawValue == dnnl_cpu_isa_avx512_core_bf16.rawValue
  }
}
