import MPIGroup
import Testing

@Suite struct TransportTests {
  private let oneHost = ["OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_SIZE": "4"]

  @Test("Ranks of one host share memory, without single-copy transfers, and yield when they wait")
  func ranksOfOneHost() {
    let settings = Dictionary(uniqueKeysWithValues: Transports.settings(oneHost))
    let expected = [
      "pml": "ob1", "btl": "vader,self", "btl_vader_single_copy_mechanism": "none", "mpi_yield_when_idle": "1",
    ]
    #expect(settings == expected)
  }

  @Test("What the user has set stays")
  func userWins() {
    let settings = Transports.settings(oneHost.merging(["OMPI_MCA_btl": "tcp,self"]) { $1 })
    #expect(settings.map(\.name) == ["pml", "btl_vader_single_copy_mechanism", "mpi_yield_when_idle"])
  }

  @Test("Ranks of several hosts keep Open MPI's transport, and send pieces of 128 KiB at once if that is TCP")
  func severalHosts() {
    let settings = Transports.settings(["OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"])
    #expect(
      Dictionary(uniqueKeysWithValues: settings) == [
        "btl_tcp_eager_limit": "262144", "btl_tcp_rndv_eager_limit": "262144", "btl_tcp_max_send_size": "262144",
      ])
  }

  @Test("A process without a launcher sets nothing")
  func otherwiseNothing() { #expect(Transports.settings([:]).isEmpty) }
}
