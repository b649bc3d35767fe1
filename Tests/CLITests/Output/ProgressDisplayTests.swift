// SPDX-License-Identifier: Apache-2.0

import Testing
import ferry

@Suite("Progress display")
struct ProgressDisplayTests {
  @Test("tells loss, speed, peers, bytes and time left in five lines")
  func lines() {
    let lines = ProgressDisplay(width: 100, hasColor: false).lines(sampleStatus())
    #expect(
      lines == [
        "crossing  round 12 of 30  step 50 of 100  1 min 23 s",
        "████████████████████····························  41 %  2 min 05 s left",
        "loss      2.346 bits/byte · validation 2.410 · 15.4 k tokens/s",
        "peers     1  ◆ north  ◌ south",
        "sent      29.0 MB · data-parallel would have sent 7.80 GB · 269× fewer",
      ])
  }

  @Test("no line is wider than the terminal, with and without color", arguments: [40, 63, 200])
  func fits(width: Int) {
    for hasColor in [false, true] {
      for line in ProgressDisplay(width: width, hasColor: hasColor).lines(sampleStatus()) {
        let visible = line.replacing(/\u{1B}\[[0-9]+m/, with: "")
        #expect(visible.count < width)
        #expect(hasColor || visible == line)
      }
    }
  }

  @Test("a run that has not begun shows no numbers that are not there")
  func empty() {
    let status = RunStatus(run: "r", folder: "", pid: 1, rounds: 0, steps: 0)
    let lines = ProgressDisplay(width: 80, hasColor: false).lines(status)
    #expect(lines[1].hasSuffix(" 0 %  –"))
    #expect(lines[2] == "loss      – · 0 tokens/s")
    #expect(lines[4] == "sent      0 B")
  }

  @Test("one line an event, where nothing can be redrawn")
  func eventLines() {
    let lines = SyntheticRun.events().compactMap(ProgressDisplay.line)
    #expect(lines[0] == "started peer 1: 1.62 M parameters")
    #expect(
      lines.contains("view 3, 4 members: peer 5 caught up and was let in"))
    #expect(lines.contains { $0.hasPrefix("round 1: loss ") })
    #expect(!lines.contains { $0.contains("\n") })
  }
}
