// SPDX-License-Identifier: Apache-2.0

/// Why bytes leave a peer. Every byte is counted under its purpose where it leaves.
public enum Purpose: UInt8, CaseIterable, Sendable {
  /// Greetings and keys, before a link is up.
  case handshake = 0
  /// Signs of life, round-trip probes, address books.
  case heartbeat = 1
  /// Views, ballots, round records: what agreement costs.
  case membership = 2
  /// Tensor bytes of rounds, and their headers.
  case exchange = 3
  /// State sent to a newcomer.
  case catchUp = 4
}

/// What a link carries: whole messages, each with its purpose.
///
/// Those for exchange and catch-up are *bulk*, all others *urgent*. Either kind arrives in the order
/// sent, and bulk never before what was urgent and sent before it; urgent ones may overtake bulk.
public struct Frame: Sendable, Equatable {
  public let purpose: Purpose
  public let payload: [UInt8]

  public init(_ purpose: Purpose, _ payload: [UInt8]) {
    self.purpose = purpose
    self.payload = payload
  }
}

/// Where a peer listens: `host:port`.
public struct PeerAddress: Hashable, Sendable, CustomStringConvertible {
  public let host: String
  public let port: UInt16

  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// What happened on a peer's links. Times are monotonic, from the peer's own start.
public enum LinkEvent: Sendable {
  /// An authenticated link to a peer is up. `address` is where it says it listens.
  case linked(Member, address: PeerAddress?)
  /// The link is down.
  case unlinked(Member, LossCause)
  case received(Member, Frame)
  /// An attempt to reach an address failed.
  case unreachable(PeerAddress, LossCause)
  /// The time asked for by `.wake(at:)` has come.
  case woke
}

/// How a link was lost, as far as this side can know.
public enum LossCause: Sendable, Equatable {
  /// Its machine answered that nobody listens there any more: the process is gone for certain.
  case processGone
  /// The connection was closed or reset, and nothing more is known.
  case closed(String)
  /// Nothing was heard for longer than the deadline learnt for this link.
  case silent(after: Duration)
  /// We hung up, and why.
  case hungUp(String)
}

/// What a peer's logic wants done.
public enum LinkAction: Sendable {
  /// Sends to a linked peer; a frame for a peer that is not linked is dropped.
  case send(PeerID, Frame)
  /// Opens a link, unless one to that address is up or being opened.
  case dial(PeerAddress)
  case hangUp(PeerID, reason: String)
  /// Asks for `.woke` at a time; a later call replaces an earlier one.
  case wake(at: Duration)
}

/// A peer's protocol, written as events in and actions out: no clock, no I/O, no chance of its own.
///
/// The same logic is run by sockets in production (`LinkLoop`) and by `World` in simulation.
public protocol PeerLogic: Sendable {
  mutating func handle(_ event: LinkEvent, at now: Duration) -> [LinkAction]
}
