// SPDX-License-Identifier: Apache-2.0

import FerryBasics
public import FerryPeers

/// A sequence of operations beside the rounds: those of one channel run one after the other, those
/// of several at once.
///
/// All members make their calls on a channel in the same order; the first calls of all belong
/// together, then the second, and so on.
public struct Channel: Sendable, Hashable, CustomStringConvertible {
  public let tag: UInt64
  /// Those who take part, by key; nil for all members of the group.
  public let peers: [PeerID]?
  /// Whose values are sent, where the channel leads from one peer to another.
  public let sender: PeerID?

  /// The channel of all members, or of those named, in any order.
  public init(tag: UInt64 = 0, among peers: some Collection<PeerID>) {
    self.tag = tag
    self.peers = Array(Set(peers)).sorted()
    sender = nil
  }

  /// The channel of all members.
  public init(tag: UInt64 = 0) {
    self.tag = tag
    peers = nil
    sender = nil
  }

  /// The channel from one peer to another.
  public init(tag: UInt64 = 0, from sender: PeerID, to receiver: PeerID) {
    self.tag = tag
    peers = [sender, receiver].sorted()
    self.sender = sender
  }

  public func includes(_ peer: PeerID) -> Bool { peers?.contains(peer) ?? true }

  /// What tells it from others in messages: never 0, which is the rounds'.
  var number: UInt64 {
    var name = ByteWriter()
    name.put(tag)
    for peer in peers ?? [] { name.put(raw: peer.bytes) }
    if let sender { name.put(raw: sender.bytes) }
    let digest = Digest.sha256(of: name.bytes)
    return digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } | 1
  }

  public var description: String {
    guard let peers else { return "tag \(tag)" }
    return "tag \(tag) among \(peers.map(\.short).joined(separator: ", "))"
  }
}
