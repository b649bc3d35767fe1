// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning
import Testing
import ferry

@Suite("Links file")
struct LinksFileTests {
  private func read(_ text: String) throws -> LinksFile {
    try LinksFile(Array(text.utf8), path: "links.json")
  }

  private func link(_ from: String, _ to: String, _ megabits: Double = 8) -> String {
    #"{"from": "\#(from)", "to": "\#(to)", "megabits": \#(megabits), "milliseconds": 2.5}"#
  }

  @Test("a link holds both ways unless the other way is listed too")
  func bothWays() throws {
    let file = try read(
      #"{"peers": ["a", "b", "c"], "links": [\#(link("a", "b")), \#(link("b", "c")), "#
        + #"\#(link("c", "b", 80))]}"#)
    #expect(file.names == ["a", "b", "c"])
    let slow = PairLink(latency: .microseconds(2500), bytesPerSecond: 1e6)
    #expect(file.matrix[0, 1] == slow && file.matrix[1, 0] == slow && file.matrix[1, 2] == slow)
    #expect(file.matrix[2, 1]?.bytesPerSecond == 1e7)
    #expect(file.matrix[0, 2] == nil)
  }

  @Test(
    "what is no such file is refused with what is wrong",
    arguments: [
      ("", "it is no JSON"),
      ("[1]", "it is no object"),
      (#"{"links": []}"#, #""peers" is missing"#),
      (#"{"peers": "a", "links": []}"#, "peers is of another type"),
      (#"{"peers": ["a", "b"], "links": [{"from": "a"}]}"#, #""to" is missing in links [0]"#),
      (#"{"peers": ["a", "a"], "links": []}"#, #"the peer "a" is listed twice"#),
      (
        #"{"peers": ["a", "b"], "links": [{"from":"a","to":"x","megabits":1,"milliseconds":1}]}"#,
        #"link 0 joins "a" and "x", which are no two of the peers"#
      ),
      (
        #"{"peers": ["a", "b"], "links": [{"from":"a","to":"b","megabits":0,"milliseconds":1}]}"#,
        "link 0 has 0.0 megabits and 1.0 milliseconds"
      ),
      (
        #"{"peers": ["a", "b"], "links": [{"from":"a","to":"b","megabits":1,"milliseconds":-1}]}"#,
        "link 0 has 1.0 megabits and -1.0 milliseconds"
      ),
      (
        #"{"peers": ["a", "b"], "links": [{"from":"a","to":"b","megabits":1,"milliseconds":1},"#
          + #"{"from":"a","to":"b","megabits":1,"milliseconds":1}]}"#,
        #"the link from "a" to "b" is listed twice"#
      ),
    ])
  func malformed(text: String, what: String) {
    let error = #expect(throws: CLIError.self) { try read(text) }
    #expect(
      error?.description
        == "links-malformed: \(what) (links.json). Write it as 'ferry plan ring --help' shows.")
  }

  @Test("limits of the room hold here too")
  func limits() {
    #expect(throws: PlanningError.self) { try read(#"{"peers": [], "links": []}"#) }
    #expect(throws: PlanningError.self) {
      try read(#"{"peers": ["a", "b"], "links": [\#(link("a", "b", 1e300))]}"#)
    }
    #expect(ExitStatus(PlanningError(.noRing, "", at: "", remedy: "")) == .refused)
  }
}
