/// Which rank is on which host: what schedules know of a cluster.
package struct Topology: Hashable, Sendable, Codable {
  /// The ranks of each host, in ascending order; each of 0 ..< rankCount once.
  package let hosts: [[Int]]
  /// The host of each rank.
  package let hostOfRank: [Int]

  package var rankCount: Int { hostOfRank.count }

  /// - Parameter hostOfRank: a number for the host of each rank; any numbers, equal ones share a host.
  /// - Precondition: one rank or more.
  package init(hostOfRank: [Int]) {
    precondition(!hostOfRank.isEmpty, "a topology of no rank")
    var numbers: [Int: Int] = [:]
    var hosts: [[Int]] = []
    var places: [Int] = []
    for (rank, host) in hostOfRank.enumerated() {
      let number = numbers[host] ?? hosts.count
      if number == hosts.count {
        numbers[host] = number
        hosts.append([])
      }
      hosts[number].append(rank)
      places.append(number)
    }
    self.hosts = hosts
    self.hostOfRank = places
  }

  /// `hosts` hosts with as many ranks each, numbered host by host.
  package init(hosts: Int = 1, ranksPerHost: Int) {
    self.init(hostOfRank: (0..<hosts * ranksPerHost).map { $0 / ranksPerHost })
  }

  /// By the names of the ranks' hosts.
  package init(hostNames: [String]) {
    var numbers: [String: Int] = [:]
    self.init(
      hostOfRank: hostNames.map { name in
        let number = numbers[name] ?? numbers.count
        numbers[name] = number
        return number
      })
  }

  /// As many on each host; nil if they differ.
  package var ranksPerHost: Int? {
    hosts.allSatisfy { $0.count == hosts[0].count } ? hosts[0].count : nil
  }

  /// All ranks, those of a host next to each other: the order of rings and trees.
  var order: [Int] { Array(hosts.joined()) }
}
