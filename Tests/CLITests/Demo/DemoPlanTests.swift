// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Testing
import ferry

@Suite("Demo plan")
struct DemoPlanTests {
  @Test("kills a peer, adds one, kills the coordinator, in this order and before the end")
  func deeds() throws {
    for quick in [false, true] {
      let plan = try DemoPlan(quick: quick, folder: "demo", settings: [])
      #expect(plan.deeds.map(\.kind) == [.killMember, .addPeer, .killCoordinator])
      let rounds = plan.deeds.map(\.afterRound)
      #expect(rounds == rounds.sorted() && Set(rounds).count == 3)
      #expect(rounds.last! < plan.configuration.run.rounds - 1)
    }
  }

  @Test("too few rounds are refused")
  func tooFew() {
    let error = #expect(throws: CLIError.self) {
      try DemoPlan(quick: true, folder: "demo", settings: ["run.rounds=3"])
    }
    #expect(
      error?.description == """
        config-conflict: the demo needs 6 rounds at least, got 3 \
        (run.rounds, flag --set run.rounds=3). Leave run.rounds alone.
        """)
  }

  @Test("every process gets a folder and an identity of its own, and the user's settings last")
  func arguments() throws {
    let plan = try DemoPlan(quick: true, folder: "/d", settings: ["train.batch=2"])
    #expect(
      plan.first.prefix(7) == [
        "train", "--run", "/d/peer-1", "--name", "peer 1", "--identity", "/d/peer-1",
      ])
    #expect(plan.first.suffix(2) == ["--set", "train.batch=2"])
    #expect(
      plan.joining(3, through: plan.folder(of: 1)).prefix(4) == [
        "join", "/d/peer-1/join", "--run", "/d/peer-3",
      ])
    #expect(
      plan.alone(rounds: 40).suffix(4) == [
        "--set", "run.rounds=40", "--set", "compute.threads=0",
      ])
  }

  @Test("the summary tells losses, equality, bytes, faults and text")
  func summary() {
    let summary = DemoSummary(RunRecord(events: SyntheticRun.events()), report: "/d/report.html")
    #expect(summary.isEqual)
    let text = summary.text
    for part in [
      "4.389  unigram entropy of the text", "one peer alone on as many tokens, validation",
      "All 3 peers that finished hold the same bits.", "kill the coordinator  peer 1",
      "killed before the end", "  In the beginning of the house of Israel",
      "Report: /d/report.html",
    ] {
      #expect(text.contains(part), "\(part)")
    }
  }
}
