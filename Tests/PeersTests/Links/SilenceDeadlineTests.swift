// SPDX-License-Identifier: Apache-2.0

import FerryPeers
import Testing

@Suite("Silence deadline")
struct SilenceDeadlineTests {
  static func fed(gap: Duration, count: Int) -> (SilenceDeadline, Duration) {
    var deadline = SilenceDeadline(
      floor: .seconds(2), ceiling: .seconds(30), window: .milliseconds(250), now: .zero)
    var now = Duration.zero
    for _ in 0..<count {
      now += gap
      deadline.heard(at: now)
    }
    return (deadline, now)
  }

  @Test("a punctual link is allowed the floor, bulk or not", arguments: [250, 1])
  func punctual(milliseconds: Int) {
    let (deadline, now) = Self.fed(gap: .milliseconds(milliseconds), count: 1000)
    #expect(deadline.allowed == .seconds(2))
    #expect(deadline.expires == now + .seconds(2))
  }

  @Test("a slow link is allowed more, and never more than the ceiling")
  func slow() {
    let (slow, _) = Self.fed(gap: .milliseconds(1900), count: 30)
    #expect(slow.allowed > .milliseconds(3800))
    let (slower, _) = Self.fed(gap: .seconds(29), count: 30)
    #expect(slower.allowed == .seconds(30))
  }

  @Test("irregular arrivals are allowed more than regular ones of the same mean")
  func irregular() {
    var deadline = SilenceDeadline(
      floor: .seconds(2), ceiling: .seconds(30), window: .milliseconds(250), now: .zero)
    var now = Duration.zero
    for i in 0..<100 {
      now += i % 2 == 0 ? .milliseconds(300) : .milliseconds(1700)
      deadline.heard(at: now)
    }
    #expect(deadline.allowed > Self.fed(gap: .seconds(1), count: 100).0.allowed)
  }

  @Test("a pause of this process is not the peer's silence")
  func forgives() {
    var (deadline, now) = Self.fed(gap: .milliseconds(250), count: 100)
    now += .seconds(60)
    #expect(deadline.expires < now)
    deadline.forgive(.seconds(60), now: now)
    #expect(deadline.expires == now + .seconds(2))
  }
}
