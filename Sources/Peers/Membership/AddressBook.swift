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

  mutating func learn(_ address: PeerAddress, of member: Member?) {
    if entries[address] == nil, entries.count >= Self.entriesMax { return }
    if entries[address]?.member == member, entries[address] != nil { return }
    entries[address] = Entry(member: member, due: .zero, pause: Self.pauseMin)
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
