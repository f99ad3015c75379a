package struct Bytes: Hashable, Sendable, Codable { package var count: Int64; package init(_ c: Int) { count = Int64(c) }
  package static func + (a: Bytes, b: Bytes) -> Bytes { Bytes(Int(a.count + b.count)) } }
package struct FLOPs: Hashable, Sendable, Codable { package var count: Int64; package init(_ c: Int) { count = Int64(c) }
  package static func + (a: FLOPs, b: FLOPs) -> FLOPs { FLOPs(Int(a.count + b.count)) } }
