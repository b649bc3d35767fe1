// SPDX-License-Identifier: Apache-2.0

/// How a peer's links behave.
public struct LinkSettings: Sendable {
  /// Whether links are encrypted.
  public enum Sealing: String, Sendable {
    case encrypted
    /// In clear, still authenticated: for a trusted island only; both sides must say so.
    case clear
  }

  /// The run's name; peers of other runs are refused.
  public var run: String
  /// Who may link to this peer.
  public var admission: Admission
  /// This process's life: random, drawn when it starts.
  public var incarnation: UInt64
  /// Where to listen: an empty host for every address of the machine, port 0 for any free one.
  public var listen: PeerAddress
  /// Where others reach this peer, if not where it listens (behind NAT).
  public var advertised: PeerAddress?
  /// Who has to answer at an address: from `peer=` of a join line.
  public var expected: [PeerAddress: PeerID] = [:]
  public var sealing: Sealing = .encrypted
  /// The longest time that a link on which nothing is sent stays without a ping.
  public var heartbeatInterval: Duration = .milliseconds(250)
  /// The least silence that makes a peer count as lost; more is learnt per link.
  public var silenceMin: Duration = .seconds(2)
  /// The most silence allowed, however irregular a link has been.
  public var silenceMax: Duration = .seconds(30)
  /// From a connection's first byte to a link.
  public var handshakeMax: Duration = .seconds(5)
  /// From the dial to a connection.
  public var connectMax: Duration = .seconds(5)
  /// How long a dropped link's peer is looked for before the link counts as down.
  public var probeMax: Duration = .seconds(1)
  public var queueBytesMax = LinkLimits.queueBytesMax
  public var frameBytesMax = LinkLimits.frameBytesMax
  public var linksMax = LinkLimits.linksMax
  public var handshakesMax = LinkLimits.handshakesMax
  /// Fixed kernel buffers in bytes; nil leaves them to the kernel.
  public var socketBufferBytes: Int?
  /// Whether peers on this machine are reached without TCP, where the system has another way.
  public var usesLocalSockets = true
  /// How many further connections carry a link's bulk; nil leaves it to what the link measures.
  public var strands: Int?
  /// The congestion control of long paths, where the system has it and allows it (`bbr` bears with
  /// losses that are not its own); nil leaves all to the system.
  public var congestionControl: String? = LinkSettings.congestionControlUsual
  /// What long paths are given where nobody says otherwise.
  public static let congestionControlUsual = "bbr"
  /// Told why a greeting failed on a connection that this peer dialled, or, with nil, on one that
  /// came in, and that a host to dial has no address; on the loop's thread.
  public var greetingFailed: (@Sendable (PeerAddress?, PeersError) -> Void)?
  /// What this side claims to speak and to be able to; tests change them.
  package var protocolVersion = Greeting.protocolVersion
  package var hasAES = ProcessorFeatures.hasAES

  /// - Precondition: `run` is a valid run name.
  public init(run: String, admission: Admission, incarnation: UInt64, listen: PeerAddress) {
    precondition(JoinLine.isRunName(run), "not a run name: \(run)")
    self.run = run
    self.admission = admission
    self.incarnation = incarnation
    self.listen = listen
  }
}

/// How one link is doing.
public struct LinkReport: Sendable {
  public let member: Member
  /// Where it says it listens.
  public let address: PeerAddress?
  /// A moving mean; nil before the first measurement.
  public let roundTrip: Duration?
  /// The silence after which it would count as lost.
  public let silenceAllowed: Duration
  /// `aes-256-gcm`, `chacha20-poly1305` or `clear`.
  public let cipher: String
  /// When the link came up, from the loop's start.
  public let since: Duration
  /// Further connections that carry its bulk now.
  public let strands: Int
}
