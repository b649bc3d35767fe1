// SPDX-License-Identifier: Apache-2.0

import FerryPeers
import Testing

@Suite("Turns of bulk")
struct BulkTurnsTests {
  private static let slack = Int(BulkTurns.slackBytes)

  @Test("what was queued far behind the first waits until that has gone, and then is called")
  func order() {
    let turns = BulkTurns()
    let first = turns.take(Self.slack)
    let second = turns.take(1)
    let third = turns.take(1)
    #expect(!turns.holds(first) && !turns.holds(second) && !turns.isHolding)
    #expect(turns.holds(third) && turns.isHolding)
    // The first link has sent its frame; the others' are left.
    #expect(turns.recount([second, third]))
    #expect(!turns.holds(third) && !turns.isHolding)
    #expect(!turns.recount([third]), "nobody had to wait")
  }

  @Test("where nothing waits, nothing holds; what comes then is first again")
  func empty() {
    let turns = BulkTurns()
    let far = turns.take(10 * Self.slack)
    #expect(!turns.recount([]))
    #expect(!turns.holds(far + UInt64(100 * Self.slack)))
    let next = turns.take(1)
    #expect(!turns.holds(next))
    #expect(turns.holds(next + BulkTurns.slackBytes + 1))
  }
}
