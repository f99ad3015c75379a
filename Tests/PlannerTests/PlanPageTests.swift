import CostModel
import Foundation
import Planner
import Testing
import Units

@Suite("A plan's page") struct PlanPageTests {
  @Test("is well-formed and says what the plan says")
  func wellFormed() throws {
    let plan = PlannerTests.plan(PlannerTests.request())
    let html = PlanPage(plan).html
    let chosen = try #require(plan.chosen)
    for text in [chosen.layout.description, chosen.cost.description, chosen.step.description] {
      #expect(html.contains(text))
    }
    #expect(html.components(separatedBy: "<svg").count == 5)
    #expect(html.components(separatedBy: "<circle").count - 1 == plan.ranked.count)
    #expect(balance(html) == [])
    #expect(!html.contains("http") && !html.contains("<script"))
  }

  @Test("of nothing feasible names the nearest plans")
  func infeasible() {
    let plan = PlannerTests.plan(PlannerTests.request { $0.budget = Money(dollars: 0.01) })
    let html = PlanPage(plan).html
    #expect(html.contains("No plan is feasible") && html.contains("more than the budget"))
    #expect(balance(html) == [])
  }

  @Test("escapes what names may hold")
  func escaping() {
    let planner = Planner(SyntheticModel(), PlannerTests.request())
    let html = PlanPage(planner.plan(job: "a<b>&\"c\"", groups: PlannerTests.groups)).html
    #expect(html.contains("Plan of a&lt;b&gt;&amp;&quot;c&quot;") && !html.contains("a<b>"))
  }

  /// Tags that are opened and not closed, or the other way round.
  private func balance(_ html: String) -> [String] {
    var open: [String] = []
    for match in html.matches(of: /<(\/?)([a-zA-Z][a-zA-Z0-9]*)[^>]*?(\/?)>/) {
      let name = String(match.2)
      if !match.3.isEmpty || ["meta"].contains(name) { continue }
      if match.1.isEmpty {
        open.append(name)
      } else if open.popLast() != name {
        return open + ["/" + name]
      }
    }
    return open
  }
}
