// SPDX-License-Identifier: Apache-2.0

import FerryPeers
import Testing

@Suite("The pace of a short path")
struct LinePaceTests {
  /// A line with a queue before it, and one connection that always has more to send.
  private struct Line {
    /// Bytes a second.
    var speed: Double
    /// What others have put into the queue, and keep there.
    var others = 0.0
    /// Bytes, and how many the queue holds.
    var queue = 0.0
    let room = 1e6
    var pace = LinePace()

    /// A tenth of a second; gives the wait at its end.
    @discardableResult
    mutating func pass() -> Duration {
      let asked = (pace.speed ?? 10 * speed) / 10
      let sent = min(asked, speed / 10 + room - others - queue)
      let arrived = min(queue + sent, speed / 10)
      queue += sent - arrived
      let wait = Duration.seconds((queue + others) / speed)
      // Who is not held back fills the queue until something is lost.
      pace.measured(
        bytes: Int(arrived), over: .milliseconds(100), wait: wait, resent: sent < asked ? 2 : 0)
      return wait
    }
  }

  @Test("a line is filled and its queue is not, and a line that has become faster is found")
  func follows() throws {
    var line = Line(speed: 120e6)
    for _ in 0..<4 {
      #expect(line.pace.speed == nil)
      #expect(line.pass() > .milliseconds(8))
    }
    for speed in [120e6, 200e6, 195e6] {
      line.speed = speed
      for _ in 0..<30 { line.pass() }
      var (waits, lowest, highest) = (Duration.zero, Double.infinity, 0.0)
      for _ in 0..<100 {
        waits += line.pass()
        let held = try #require(line.pace.speed)
        (lowest, highest) = (min(lowest, held), max(highest, held))
      }
      #expect(lowest > 0.98 * speed)
      #expect(highest < 1.05 * speed)
      #expect(waits / 100 < .milliseconds(3))
    }
  }

  @Test("others in the queue do not take what a connection gives up")
  func shared() throws {
    var line = Line(speed: 120e6)
    for _ in 0..<50 { line.pass() }
    line.others = 900e3
    for _ in 0..<1000 { line.pass() }
    let held = try #require(line.pace.speed)
    #expect(held > 0.89 * 120e6)
    // Half of the line is gone: that is for the congestion control.
    line.speed = 60e6
    for _ in 0..<1000 { line.pass() }
    #expect(line.pace.speed == held)
  }

  @Test("what is taught by neighbours that crowd the way is soon forgotten")
  func taughtWrongly() throws {
    var line = Line(speed: 80e6)
    for _ in 0..<5 { line.pass() }
    line.speed = 120e6
    for _ in 0..<12 { line.pass() }
    #expect(try #require(line.pace.speed) > 0.98 * 120e6)
  }

  @Test("what processors limit is left alone; less to send than a line carries says nothing")
  func leftAlone() {
    var pace = LinePace()
    for _ in 0..<10 {
      pace.measured(bytes: 26_000_000, over: .milliseconds(100), wait: .milliseconds(9), resent: 5)
      pace.measured(bytes: 1_000_000, over: .milliseconds(100), wait: .milliseconds(1), resent: 0)
    }
    #expect(pace == LinePace())
    pace.measured(bytes: 0, over: .milliseconds(100), wait: .milliseconds(9), resent: 5)
    pace.measured(bytes: -4, over: .milliseconds(100), wait: .milliseconds(9), resent: 5)
    pace.measured(bytes: 4, over: .milliseconds(100), wait: .milliseconds(9), resent: -5)
    pace.measured(bytes: 4, over: .zero, wait: .milliseconds(9), resent: 5)
    #expect(pace == LinePace())
    // Less arrives than it may send: that says nothing of the line.
    var line = Line(speed: 120e6)
    for _ in 0..<50 { line.pass() }
    let before = line.pace
    line.pace.measured(bytes: 9_000_000, over: .milliseconds(100), wait: .zero, resent: 0)
    #expect(line.pace == before)
  }
}
