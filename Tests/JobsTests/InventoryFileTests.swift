import Foundation
import Jobs
import Testing
import Units

@Suite("An inventory") struct InventoryFileTests {
  private func read(_ yaml: String) throws -> InventoryFile { try InventoryFile(yaml: yaml, file: "cluster.yaml") }

  @Test("has groups of nodes with how they are bought, what is left out being the catalog's")
  func groups() throws {
    let inventory = try read(
      """
      apus: 1
      name: two-kinds
      region: eu-west-1
      groups:
        - {instance: p4d.24xlarge, nodes: 3}
        - name: old
          instance: p3.16xlarge
          nodes: 5
          purchase: spot
          hourly: 7.25
          zone: eu-west-1b
          interruptions_per_hour: 0.02
      """
    ).inventory
    #expect(inventory.name == "two-kinds" && inventory.region == "eu-west-1")
    #expect(
      inventory.groups == [
        Inventory.Group(instance: "p4d.24xlarge", nodes: 3),
        Inventory.Group(
          name: "old", instance: "p3.16xlarge", nodes: 5, purchase: .spot, hourly: Money(dollars: 7.25),
          zone: "eu-west-1b", interruptionsPerHour: 0.02),
      ])
    #expect(inventory.groups[0].name == "p4d.24xlarge" && inventory.groups[0].purchase == .onDemand)
    let data = try JSONEncoder().encode(inventory)
    #expect(try JSONDecoder().decode(Inventory.self, from: data) == inventory)
  }

  @Test(
    "is refused with line, column and what was meant",
    arguments: [
      ("apus: 1\nname: a\ngroups:\n  - {instance: p4d.24xlarge, node: 3}", "4:30: unknown key 'node'", "'nodes'?"),
      ("apus: 1\nname: a\ngroups:\n  - {instance: p4d.24xlarge, nodes: 0}", "4:37: 'nodes'", "from 1 to 65536"),
      ("apus: 1\nname: a\ngroups:\n  - {nodes: 2}", "4:5: missing key 'instance'", "add 'instance: p4d.24xlarge'"),
      ("apus: 1\nname: a\ngroups: []", "3:9: 'groups'", "must be a list of nodes"),
      ("apus: 1\nname: a", "1:1: missing key 'groups'", "add 'groups: ["),
      ("apus: 1\ngroups: [{instance: g5.xlarge, nodes: 1}]", "1:1: missing key 'name'", "add 'name: "),
      (
        "apus: 1\nname: a\ngroups:\n  - {instance: g5.xlarge, nodes: 1, purchase: sport}", "4:47: 'purchase'",
        "did you mean 'spot'?"
      ),
      (
        "apus: 1\nname: a\ngroups:\n  - {instance: g5.xlarge, nodes: 1}\n  - {instance: g5.xlarge, nodes: 2}",
        "5:5: a second group 'g5.xlarge'", "'name' of its own"
      ),
      (
        "apus: 1\nname: a\ngroups:\n  - {instance: g5.xlarge, nodes: 1, hourly: -3}", "4:45: 'hourly'",
        "dollars an hour"
      ),
      (
        "apus: 1\nname: a\ngroups:\n  - {instance: g5.xlarge, nodes: 1, interruptions_per_hour: often}", "4:61:",
        "from 0 to 60"
      ),
      ("apus: 2\nname: a\ngroups: [{instance: g5.xlarge, nodes: 1}]", "1:7: inventory format 2", "reads 'apus: 1'"),
      ("- p4d.24xlarge", "1:1: an inventory is a mapping", "start it with 'apus: 1'"),
      ("apus: 1\nname: a\ngroups: [p4d.24xlarge]", "3:10: group 1 must be a mapping", "nodes: 4"),
    ])
  func refusals(yaml: String, place: String, advice: String) throws {
    do {
      _ = try read(yaml)
      Issue.record("\(yaml) was read")
    } catch let error as InvalidJob {
      #expect(error.problems.count == 1, "\(error)")
      let text = error.problems[0].description
      #expect(text.hasPrefix("cluster.yaml:\(place)") && text.contains(advice), "\(text)")
    }
  }

  @Test("that was read still finds the place of a value")
  func places() throws {
    let file = try read(
      "apus: 1\nname: a\ngroups:\n  - {instance: g5.xlarge, nodes: 1}\n  - nodes: 2\n    instance: g9.x\n")
    #expect(file.problem(group: 1, "instance", "unknown").description.hasPrefix("cluster.yaml:6:15: unknown"))
    #expect(file.problem(group: 0, "hourly", "none").description.hasPrefix("cluster.yaml:4:5: none"))
  }

  @Test("that does not exist names the one beside it, and the shipped ones are read")
  func files() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
      path: "../../cluster/inventories")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(names.count >= 2)
    for name in names {
      let inventory = try InventoryFile(path: folder.appending(path: name).path).inventory
      #expect(inventory.name + ".yaml" == name && !inventory.groups.isEmpty)
    }
    do {
      _ = try InventoryFile(path: folder.appending(path: "two-generation.yaml").path)
      Issue.record("read")
    } catch {
      #expect(error.description.contains("two-generations.yaml'?"))
    }
  }
}
