// SPDX-License-Identifier: Apache-2.0

/// What a newcomer needs to join a run: `ferry://HOST:PORT/RUN?secret=…&peer=12D3KooW…`.
public struct JoinLine: Sendable, Equatable, CustomStringConvertible {
  /// Where a peer of the run listens.
  public let address: PeerAddress
  /// The run's name: 1 to 64 letters, digits, `-`, `_` or `.`.
  public let run: String
  /// The run's secret; nil when the run admits by allow-list.
  public let secret: RunSecret?
  /// Who listens at the address; nil when anybody of the run will do.
  public let peer: PeerID?

  public static let scheme = "ferry://"
  /// Longer texts are refused unread.
  public static let textBytesMax = 512
  /// The longest run name.
  public static let runNameBytesMax = 64
  /// The longest host: a DNS name.
  public static let hostBytesMax = 253

  /// - Precondition: `run` is a valid name (`isRunName`) and the address has a host and a port.
  public init(address: PeerAddress, run: String, secret: RunSecret?, peer: PeerID?) {
    precondition(Self.isRunName(run), "not a run name: \(run)")
    precondition(address.port != 0 && Self.isHost(address.host), "not an address: \(address)")
    self.address = address
    self.run = run
    self.secret = secret
    self.peer = peer
  }

  /// The whole line, secret included: for the person who invites, never for a log.
  public var text: String {
    var items: [String] = []
    if let secret { items.append("secret=\(secret.text)") }
    if let peer { items.append("peer=\(peer)") }
    let query = items.isEmpty ? "" : "?" + items.joined(separator: "&")
    return "\(Self.scheme)\(address)/\(run)\(query)"
  }

  /// The line with its secret hidden.
  public var description: String {
    "\(Self.scheme)\(address)/\(run)" + (secret == nil ? "" : "?secret=(hidden)")
  }

  /// Whether `text` can name a run.
  public static func isRunName(_ text: some StringProtocol) -> Bool {
    (1...runNameBytesMax).contains(text.utf8.count)
      && text.utf8.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
  }

  static func isHost(_ text: some StringProtocol) -> Bool {
    (1...hostBytesMax).contains(text.utf8.count)
      && text.utf8.allSatisfy { isAlphanumeric($0) || "-_.:%".utf8.contains($0) }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"):
      true
    default: false
    }
  }
}

extension JoinLine {
  /// Reads a join line.
  ///
  /// - Throws: `.badJoinLine`, saying which part is wrong; the message never holds the secret.
  public static func parse(_ text: String) throws(PeersError) -> JoinLine {
    guard text.utf8.count <= textBytesMax else {
      throw bad("it has \(text.utf8.count) bytes, more than \(textBytesMax)")
    }
    guard text.hasPrefix(scheme) else { throw bad("it does not begin with \(scheme)") }
    let body = text.dropFirst(scheme.count)
    let halves = body.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let parts = halves[0].split(separator: "/", omittingEmptySubsequences: false)
    let address = try PeerAddress.parse(String(parts[0]))
    guard parts.count == 2 else { throw bad("there is no /RUN after \(address)") }
    guard isRunName(parts[1]) else {
      throw bad(
        "the run's name has to be 1 to \(runNameBytesMax) letters, digits, \"-\", \"_\" or \".\"")
    }
    var secret: RunSecret?
    var peer: PeerID?
    let items =
      halves.count > 1 ? halves[1].split(separator: "&", omittingEmptySubsequences: false) : []
    for item in items {
      let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2 else { throw bad("after the \"?\" only secret=… and peer=… may stand") }
      switch pair[0] {
      case "secret" where secret == nil:
        guard let read = RunSecret(pair[1]) else {
          throw bad(
            "the secret has to be \(RunSecret.textByteCount) letters, digits, \"-\" or \"_\", "
              + "got \(pair[1].utf8.count)")
        }
        secret = read
      case "peer" where peer == nil:
        guard let read = PeerID(String(pair[1])) else { throw bad("peer= is not a peer id") }
        peer = read
      case "secret", "peer": throw bad("\(pair[0])= stands there twice")
      default: throw bad("after the \"?\" only secret=… and peer=… may stand")
      }
    }
    return JoinLine(address: address, run: String(parts[1]), secret: secret, peer: peer)
  }

  static func bad(_ what: String) -> PeersError {
    PeersError(
      .badJoinLine, what, place: "join line",
      remedy: "Copy the whole line that a peer of the run printed: "
        + "ferry://HOST:PORT/RUN?secret=…&peer=…")
  }
}

extension PeerAddress {
  /// Reads `host:port`, or `[v6 address]:port`; the port is 1 to 65535.
  ///
  /// - Throws: `.badJoinLine`.
  public static func parse(_ text: String) throws(PeersError) -> PeerAddress {
    let host: Substring
    let rest: Substring
    if text.hasPrefix("[") {
      guard let close = text.firstIndex(of: "]") else {
        throw JoinLine.bad("a \"[\" in the address is never closed")
      }
      host = text[text.index(after: text.startIndex)..<close]
      rest = text[text.index(after: close)...]
    } else {
      let colon = text.firstIndex(of: ":") ?? text.endIndex
      host = text[..<colon]
      rest = text[colon...]
      guard !rest.dropFirst().contains(":") else {
        throw JoinLine.bad("an IPv6 address stands in brackets: [::1]:7000")
      }
    }
    guard JoinLine.isHost(host) else { throw JoinLine.bad("there is no host name or address") }
    guard rest.hasPrefix(":"), rest.dropFirst().utf8.allSatisfy({ (48...57).contains($0) }),
      let port = UInt16(rest.dropFirst()), port > 0
    else {
      throw JoinLine.bad("the port after the host has to be a number from 1 to 65535")
    }
    return PeerAddress(host: String(host), port: port)
  }
}
