// SPDX-License-Identifier: Apache-2.0

/// Where peers were last known to listen, and when to try them again.
struct AddressBook: Sendable {
  private struct Entry: Sendable {
    var member: Member?
    var due: Duration
    var pause: Duration
  }

  static let entriesMax = 256
  static let pauseMin: Duration = .seconds(1)
  static let pauseMax: Duration = .seconds(30)

  private var entries: [PeerAddress: Entry] = [:]

  /// Takes down where a peer listens; with nil, where somebody is said to. That is no news about an
  /// address that is known, and must not make us forget whose it is: newcomers are told.
  mutating func learn(_ address: PeerAddress, of member: Member?) {
    if let known = entries[address], member == nil || known.member == member { return }
    if entries[address] == nil, entries.count >= Self.entriesMax { dropWorst() }
    entries[address] = Entry(member: member, due: .zero, pause: Self.pauseMin)
  }

  /// Makes room: peers that come and go leave addresses behind, and those that were tried in vain
  /// for longest are worth least.
  private mutating func dropWorst() {
    let worst = entries.max {
      ($0.value.pause, $0.key.description) < ($1.value.pause, $1.key.description)
    }
    if let worst { entries[worst.key] = nil }
  }

  /// A process that is gone listens nowhere; if it starts again it will call.
  mutating func forget(_ member: Member) {
    entries = entries.filter { $0.value.member != member }
  }

  func address(of member: Member) -> PeerAddress? {
    entries.filter { $0.value.member == member }.keys.min { $0.description < $1.description }
  }

  /// The addresses to try now; each is tried at growing intervals while it is not linked.
  mutating func due(at now: Duration, except linked: Set<PeerAddress>) -> [PeerAddress] {
    var addresses: [PeerAddress] = []
    for (address, entry) in entries {
      if linked.contains(address) {
        entries[address]?.pause = Self.pauseMin
        entries[address]?.due = now + Self.pauseMin
      } else if now >= entry.due {
        addresses.append(address)
        entries[address]?.due = now + entry.pause
        entries[address]?.pause = min(entry.pause * 2, Self.pauseMax)
      }
    }
    return addresses.sorted { $0.description < $1.description }
  }
}
