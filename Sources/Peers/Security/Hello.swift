// SPDX-License-Identifier: Apache-2.0

/// What two peers tell each other inside the encrypted channel before a link is up.
package struct Hello: Equatable, Sendable {
  /// The protocol's version, once more, where nobody can have changed it.
  package var version: UInt16
  package var incarnation: UInt64
  /// Whether AES runs in hardware here.
  package var hasAES: Bool
  /// Whether this side wants the link in clear.
  package var wantsClear: Bool
  /// Whether this side has another link with the receiver, up or nearly so.
  package var holdsAnother: Bool
  /// Counts this peer's hellos, so that the later of two links is known.
  package var serial: UInt64
  package var run: String
  /// Where the sender listens; an empty host means: at the address it is seen to come from.
  package var listens: PeerAddress?
  /// HMAC of the handshake's hash under the run's secret; zeros when it admits by allow-list.
  package var proof: [UInt8]

  package static let proofByteCount = 32
  /// Fixed fields, run name and host at their longest.
  package static let byteCountMax =
    2 + 8 + 1 + 8 + 1 + JoinLine.runNameBytesMax + 1
    + JoinLine.hostBytesMax + 2 + proofByteCount

  package init(
    version: UInt16, incarnation: UInt64, hasAES: Bool, wantsClear: Bool, holdsAnother: Bool,
    serial: UInt64, run: String, listens: PeerAddress?, proof: [UInt8]
  ) {
    precondition(JoinLine.isRunName(run), "not a run name: \(run)")
    precondition(proof.count == Self.proofByteCount, "a proof of \(proof.count) bytes")
    self.version = version
    self.incarnation = incarnation
    self.hasAES = hasAES
    self.wantsClear = wantsClear
    self.holdsAnother = holdsAnother
    self.serial = serial
    self.run = run
    self.listens = listens
    self.proof = proof
  }

  package var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(version)
    bytes.appendBigEndian(incarnation)
    bytes.append((hasAES ? 1 : 0) | (wantsClear ? 2 : 0) | (holdsAnother ? 4 : 0))
    bytes.appendBigEndian(serial)
    bytes.append(UInt8(run.utf8.count))
    bytes += run.utf8
    // No port means no listener.
    let host = listens?.host ?? ""
    bytes.append(UInt8(host.utf8.count))
    bytes += host.utf8
    bytes.appendBigEndian(listens?.port ?? 0)
    return bytes + proof
  }

  /// Nil when the bytes are not exactly one hello.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count <= Self.byteCountMax else { return nil }
    var rest = bytes[...]
    guard let version: UInt16 = rest.popBigEndian(), let incarnation: UInt64 = rest.popBigEndian(),
      let flags = rest.popFirst(), flags & ~7 == 0, let serial: UInt64 = rest.popBigEndian(),
      let runBytes = rest.popCounted(), let hostBytes = rest.popCounted(),
      let port: UInt16 = rest.popBigEndian(), rest.count == Self.proofByteCount
    else { return nil }
    let run = String(decoding: runBytes, as: UTF8.self)
    let host = String(decoding: hostBytes, as: UTF8.self)
    guard JoinLine.isRunName(run), host.isEmpty || JoinLine.isHost(host) else { return nil }
    guard port != 0 || host.isEmpty else { return nil }
    self.init(
      version: version, incarnation: incarnation, hasAES: flags & 1 != 0,
      wantsClear: flags & 2 != 0, holdsAnother: flags & 4 != 0, serial: serial, run: run,
      listens: port == 0 ? nil : PeerAddress(host: host, port: port), proof: Array(rest))
  }
}

extension [UInt8] {
  mutating func appendBigEndian(_ value: some FixedWidthInteger) {
    for shift in stride(from: value.bitWidth - 8, through: 0, by: -8) {
      append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }
}

extension ArraySlice<UInt8> {
  mutating func popBigEndian<Integer: FixedWidthInteger>() -> Integer? {
    let byteCount = Integer.bitWidth / 8
    guard count >= byteCount else { return nil }
    let value = prefix(byteCount).reduce(Integer(0)) { $0 << 8 | Integer(truncatingIfNeeded: $1) }
    self = dropFirst(byteCount)
    return value
  }

  /// A byte that counts, and as many bytes.
  mutating func popCounted() -> ArraySlice<UInt8>? {
    guard let length = first, count > Int(length) else { return nil }
    let field = dropFirst().prefix(Int(length))
    self = dropFirst(1 + Int(length))
    return field
  }
}
