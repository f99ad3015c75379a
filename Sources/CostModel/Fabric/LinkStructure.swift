import Collectives

/// Which accelerators of a node have links of their own, and how many rings or chains go over the first n of them.
///
/// A ring of n ranks needs a Hamiltonian cycle; NCCL runs one ring per direction of each cycle that shares no link with
/// another, so the bus bandwidth of n ranks is 2 · cycles · link. Where the first n have no cycle (5 of a hybrid cube mesh:
/// the fifth GPU has links to one other alone) it runs chains along Hamiltonian paths, up and down, of which a byte gets
/// half (the tree's ratio ½, NCCL src/graph/tuning.cc).
///
/// On 8 V100 with 25 GB/s a link this gives 25, 50, 100, (chain) 40, 50, 100, 150 GB/s for n = 2 … 8; measured are 22.6, 45.1,
/// 85.4, 37.2, 45.7, 87.0, 134.5 GB/s.
package struct LinkStructure: Hashable, Sendable {
  /// Links between two accelerators, symmetric: `links[i][j]`.
  package let links: [[Int]]
  /// By rank count.
  private var found: [Paths?] = []

  /// - Complexity: searches the cycles of at most 8 accelerators, some milliseconds.
  package init(links: [[Int]]) {
    precondition(links.allSatisfy { $0.count == links.count }, "links between each two accelerators")
    self.links = links
    found = (0...links.count).map { search(ranks: $0) }
  }

  /// DGX-1 with V100 and p3.16xlarge, p3dn.24xlarge (`nvidia-smi topo -m`): six links a GPU.
  package static let hybridCubeMeshV100 = LinkStructure(links: [
    [0, 1, 1, 2, 2, 0, 0, 0],
    [1, 0, 2, 1, 0, 2, 0, 0],
    [1, 2, 0, 2, 0, 0, 1, 0],
    [2, 1, 2, 0, 0, 0, 0, 1],
    [2, 0, 0, 0, 0, 1, 1, 2],
    [0, 2, 0, 0, 1, 0, 2, 1],
    [0, 0, 1, 0, 1, 2, 0, 2],
    [0, 0, 0, 1, 2, 1, 2, 0],
  ])

  /// DGX-1 with P100: four links a GPU, one to each other of its four and one across.
  package static let hybridCubeMeshP100 = LinkStructure(
    links: (0..<8).map { i in (0..<8).map { j in i != j && (i / 4 == j / 4 || i % 4 == j % 4) ? 1 : 0 } })

  /// Equal links between each two of n accelerators.
  package static func mesh(ranks: Int, linksPerPair: Int) -> LinkStructure {
    LinkStructure(links: (0..<ranks).map { i in (0..<ranks).map { j in i == j ? 0 : linksPerPair } })
  }

  /// Rings or chains over the first n accelerators.
  package struct Paths: Hashable, Sendable {
    /// Bus bandwidth of an all-reduce over the bandwidth of a link, one direction.
    package let busLinks: Double
    package let isChain: Bool
  }

  /// Over the first n accelerators; nil if no route of links reaches them all, or there are not so many.
  package func paths(ranks: Int) -> Paths? { found.indices.contains(ranks) ? found[ranks] : nil }

  private func search(ranks: Int) -> Paths? {
    guard ranks >= 2 else { return nil }
    if ranks == 2 {
      return links[0][1] > 0 ? Paths(busLinks: Double(links[0][1]), isChain: false) : nil
    }
    let cycles = disjoint(ranks, closed: true)
    if cycles > 0 { return Paths(busLinks: 2 * Double(cycles), isChain: false) }
    let chains = disjoint(ranks, closed: false)
    guard chains > 0 else { return nil }
    // algbw = chains · link · ½, so busbw = 2(n−1)/n of that.
    return Paths(busLinks: Double(chains) / 2 * Collective.allReduce.wireFactor(ranks: ranks), isChain: true)
  }

  /// The most Hamiltonian cycles, or paths, over the first n ranks that share no link.
  private func disjoint(_ ranks: Int, closed: Bool) -> Int {
    var routes: Set<[Int]> = []
    for start in closed ? 0..<1 : 0..<ranks {
      collect([start], ranks, closed, into: &routes)
    }
    let distinct = routes.sorted { $0.lexicographicallyPrecedes($1) }
    var free = links
    return most(distinct[...], ranks, closed, &free)
  }

  private func collect(_ path: [Int], _ ranks: Int, _ closed: Bool, into routes: inout Set<[Int]>) {
    let last = path[path.count - 1]
    if path.count == ranks {
      if closed && links[last][path[0]] == 0 { return }
      // One of the two directions is enough.
      let reversed = closed ? [path[0]] + path.dropFirst().reversed() : path.reversed()
      if path.lexicographicallyPrecedes(reversed) { routes.insert(path) }
      return
    }
    for next in 0..<ranks where links[last][next] > 0 && !path.contains(next) {
      collect(path + [next], ranks, closed, into: &routes)
    }
  }

  private func most(_ routes: ArraySlice<[Int]>, _ ranks: Int, _ closed: Bool, _ free: inout [[Int]]) -> Int {
    var best = 0
    let degree = (0..<ranks).map { rank in free[rank][..<ranks].reduce(0, +) / (closed ? 2 : 1) }.min() ?? 0
    for index in routes.indices where best < degree {
      let hops = hops(of: routes[index], closed)
      var taken = 0
      for (a, b) in hops {
        guard free[a][b] > 0 else { break }
        free[a][b] -= 1
        free[b][a] -= 1
        taken += 1
      }
      if taken == hops.count { best = max(best, 1 + most(routes[index...], ranks, closed, &free)) }
      for (a, b) in hops[..<taken] {
        free[a][b] += 1
        free[b][a] += 1
      }
    }
    return best
  }

  private func hops(of route: [Int], _ closed: Bool) -> [(Int, Int)] {
    let open = Array(zip(route, route.dropFirst()))
    return closed ? open + [(route[route.count - 1], route[0])] : open
  }
}
