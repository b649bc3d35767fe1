// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Counts every byte that leaves or reaches a peer, where it does: at the socket.
///
/// *Wire* bytes are what TCP carries for us: greetings, headers, tags and payloads; *payload* bytes
/// are what the logic asked to send. TCP's and IP's own headers are the kernel's and not counted.
public final class ByteMeter: Sendable {
  /// What was counted under one heading.
  public struct Count: Sendable, Equatable {
    public var payloadSent = 0
    public var wireSent = 0
    public var payloadReceived = 0
    public var wireReceived = 0

    public init() {}

    fileprivate init(
      payloadSent: Int = 0, wireSent: Int = 0, payloadReceived: Int = 0, wireReceived: Int = 0
    ) {
      self.payloadSent = payloadSent
      self.wireSent = wireSent
      self.payloadReceived = payloadReceived
      self.wireReceived = wireReceived
    }

    public static func += (left: inout Count, right: Count) {
      left.payloadSent += right.payloadSent
      left.wireSent += right.wireSent
      left.payloadReceived += right.payloadReceived
      left.wireReceived += right.wireReceived
    }
  }

  /// A heading: why, and with whom. `peer` is nil for those who never proved who they are.
  public struct Heading: Hashable, Sendable {
    public let peer: PeerID?
    public let purpose: Purpose

    public init(peer: PeerID?, purpose: Purpose) {
      self.peer = peer
      self.purpose = purpose
    }
  }

  /// All counts at one moment.
  public struct Snapshot: Sendable, Equatable {
    public let counts: [Heading: Count]

    /// Over all peers and purposes.
    public var total: Count { sum { _ in true } }
    /// For one purpose, over all peers.
    public subscript(purpose: Purpose) -> Count { sum { $0.purpose == purpose } }
    /// For one peer, over all purposes; nil for strangers.
    public subscript(peer: PeerID?) -> Count { sum { $0.peer == peer } }
    /// For one purpose with one peer.
    public subscript(peer: PeerID?, purpose: Purpose) -> Count {
      counts[Heading(peer: peer, purpose: purpose)] ?? Count()
    }

    private func sum(where included: (Heading) -> Bool) -> Count {
      counts.reduce(into: Count()) { if included($1.key) { $0 += $1.value } }
    }
  }

  private let counts = Mutex<[Heading: Count]>([:])

  public init() {}

  public func snapshot() -> Snapshot { Snapshot(counts: counts.withLock { $0 }) }

  func sent(_ heading: Heading, wire: Int, payload: Int = 0) {
    counts.withLock {
      $0[heading, default: Count()] += Count(payloadSent: payload, wireSent: wire)
    }
  }

  func received(_ heading: Heading, wire: Int, payload: Int = 0) {
    counts.withLock {
      $0[heading, default: Count()] += Count(payloadReceived: payload, wireReceived: wire)
    }
  }

  /// A stranger has proved to be `peer`: what its greeting cost is that peer's.
  func strangerIs(_ peer: PeerID, wireSent: Int, wireReceived: Int) {
    var moved = Count()
    moved.wireSent = wireSent
    moved.wireReceived = wireReceived
    counts.withLock {
      let stranger = Heading(peer: nil, purpose: .handshake)
      $0[Heading(peer: peer, purpose: .handshake), default: Count()] += moved
      $0[stranger, default: Count()].wireSent -= wireSent
      $0[stranger, default: Count()].wireReceived -= wireReceived
      if $0[stranger] == Count() { $0[stranger] = nil }
    }
  }
}
