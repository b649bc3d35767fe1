// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import FerrySimulation

/// A toy logic: peers keep links to all others, send numbered echoes and gossip the largest number
/// they know. Records what it sees, so that tests can compare it with what must be.
struct Gossip: PeerLogic {
  let birth: Birth
  var pause: Duration = .milliseconds(20)
  var links: [PeerID: Member] = [:]
  var largest: UInt64
  var sentCount: UInt64 = 0
  /// Of each linked process and link: the number of the last frame.
  var lastNumber: [PeerID: UInt64] = [:]
  var receivedCount = 0
  var wokeCount = 0
  var events: [String] = []
  var times: [Duration] = []
  var complaint: String?
  /// Nonzero: the planted bug fires at this count of received frames.
  var bugAt = 0

  init(_ birth: Birth) {
    self.birth = birth
    largest = birth.seed.value >> 8
  }

  mutating func handle(_ event: LinkEvent, at now: Duration) -> [LinkAction] {
    if let last = times.last, now < last { complaint = "time went back from \(last) to \(now)" }
    if times.count > 4 { times.removeFirst() }
    times.append(now)
    switch event {
    case .woke:
      wokeCount += 1
      var actions: [LinkAction] = [.wake(at: now + pause)]
      for address in birth.addresses where address != birth.address {
        actions.append(.dial(address))
      }
      for id in links.keys.sorted() {
        sentCount += 1
        var payload: [UInt8] = []
        for word in [sentCount, largest] {
          for byte in 0..<8 { payload.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * byte))) }
        }
        actions.append(.send(id, Frame(.exchange, payload)))
      }
      return actions
    case .linked(let member, let address):
      events.append("linked \(address?.host ?? "?")")
      if let known = links[member.id] { complaint = "linked twice to \(known)" }
      links[member.id] = member
      lastNumber[member.id] = 0
      return []
    case .unlinked(let member, let cause):
      events.append("unlinked \(cause)")
      if links[member.id] != member { complaint = "unlinked from a stranger \(cause)" }
      links[member.id] = nil
      return []
    case .unreachable(let address, let cause):
      events.append("unreachable \(address.host) \(cause)")
      return []
    case .received(let member, let frame):
      receivedCount += 1
      if links[member.id] != member { complaint = "heard an unlinked peer" }
      let number = Self.word(frame.payload, 0)
      let value = Self.word(frame.payload, 8)
      if number <= lastNumber[member.id] ?? 0 { complaint = "frame \(number) out of order" }
      lastNumber[member.id] = number
      largest = max(largest, value)
      if bugAt > 0, receivedCount == bugAt { largest = 1 }
      return []
    }
  }

  static func word(_ bytes: [UInt8], _ start: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
  }
}

extension World<Gossip> {
  /// Links that end without an `.unlinked`, frames out of order, clocks that run back.
  func addSanity() {
    add(Always("a logic sees what LinkLoop may show it") { logic, _ in logic.complaint })
  }
}
