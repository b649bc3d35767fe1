// SPDX-License-Identifier: Apache-2.0

/// Who a peer is: its Ed25519 public key, 32 bytes.
///
/// Ordered by its bytes, so that every peer sorts a group the same way.
public struct PeerID: Hashable, Comparable, Sendable {
  // Four big-endian words instead of an array: no allocation, and comparison is byte order.
  private let words: InlineWords

  struct InlineWords: Hashable, Sendable {
    var a: UInt64
    var b: UInt64
    var c: UInt64
    var d: UInt64
  }

  public static let byteCount = 32

  /// Nil unless `bytes` has exactly 32 elements.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    var parts: [UInt64] = []
    var word: UInt64 = 0
    for (i, byte) in bytes.enumerated() {
      word = word << 8 | UInt64(byte)
      if i % 8 == 7 {
        parts.append(word)
        word = 0
      }
    }
    words = InlineWords(a: parts[0], b: parts[1], c: parts[2], d: parts[3])
  }

  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.byteCount)
    bytes.appendBigEndian(words.a)
    bytes.appendBigEndian(words.b)
    bytes.appendBigEndian(words.c)
    bytes.appendBigEndian(words.d)
    return bytes
  }

  public static func < (left: PeerID, right: PeerID) -> Bool {
    let (l, r) = (left.words, right.words)
    return (l.a, l.b, l.c, l.d) < (r.a, r.b, r.c, r.d)
  }
}

/// One life of a peer: a process that restarts keeps its identity and gets a new incarnation.
public struct Member: Hashable, Comparable, Sendable {
  public let id: PeerID
  /// Drawn at random when the process starts.
  public let incarnation: UInt64

  public init(id: PeerID, incarnation: UInt64) {
    self.id = id
    self.incarnation = incarnation
  }

  public static func < (left: Member, right: Member) -> Bool {
    (left.id, left.incarnation) < (right.id, right.incarnation)
  }
}
