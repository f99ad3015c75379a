import Foundation
import Glibc

/// Settings of Open MPI that suit the ranks, made before MPI starts, where the user has made none.
///
/// Measured with Open MPI 4.1.4: start-up of two ranks takes half the time with `pml ob1` and `btl vader,self`; an 8 MB
/// all-reduce takes 1.1 ms without single-copy transfers and 2.2 ms with them; and a rank that waits must yield where it
/// shares a core (1 MB all-reduce of four ranks on two cores: 0.6 against 22 ms), which costs nothing where it does not.
/// Ranks of several hosts keep the transport that Open MPI chooses: it knows their network. If that is TCP, it sends what an
/// exchange sends at once (`MPIGroup.pieceBytes`) without asking the receiver first: four hosts on 1 Gbit/s links that
/// exchange 1 MiB each with each take 16 instead of 22 ms.
package enum Transports {
  static func prepare(environment: [String: String] = ProcessInfo.processInfo.environment) {
    for (name, value) in settings(environment) {
      unsafe setenv("OMPI_MCA_" + name, value, 0)
    }
  }

  /// What to set, besides what `environment` has set already.
  package static func settings(_ environment: [String: String]) -> [(name: String, value: String)] {
    guard let ranks = environment["OMPI_COMM_WORLD_SIZE"].flatMap(Int.init) else { return [] }
    let eager = "\(2 * MPIGroup.pieceBytes)"
    let settings =
      environment["OMPI_COMM_WORLD_LOCAL_SIZE"].flatMap(Int.init) == ranks
      ? [
        (name: "pml", value: "ob1"), (name: "btl", value: "vader,self"),
        (name: "btl_vader_single_copy_mechanism", value: "none"), (name: "mpi_yield_when_idle", value: "1"),
      ]
      : [
        (name: "btl_tcp_eager_limit", value: eager), (name: "btl_tcp_rndv_eager_limit", value: eager),
        (name: "btl_tcp_max_send_size", value: eager),
      ]
    return settings.filter { environment["OMPI_MCA_" + $0.name] == nil }
  }
}
