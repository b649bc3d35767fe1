// SPDX-License-Identifier: Apache-2.0

// A peer id in text is libp2p's (specification `peer-ids`): base58btc of the identity multihash of
// the public key's protobuf. Every Ed25519 id therefore begins with `12D3KooW`.
extension PeerID: LosslessStringConvertible {
  /// Multihash `identity` (0x00) of 36 bytes: `PublicKey { Type: Ed25519 (1), Data: 32 bytes }`.
  private static let prefix: [UInt8] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20]
  /// An id has 52 characters; more than this is refused before it is decoded.
  static let textBytesMax = 64

  /// `12D3KooW…`, 52 characters.
  public var description: String { Base58.encode(Self.prefix + bytes) }

  /// The last six characters: enough to tell the peers of one run apart in a message.
  public var short: String { String(description.suffix(6)) }

  /// The protobuf of the public key, as it travels in a Noise payload: 36 bytes.
  var protobufKey: [UInt8] { Array(Self.prefix.dropFirst(2)) + bytes }

  init?(protobufKey: some Collection<UInt8>) {
    let head = Self.prefix.dropFirst(2)
    guard protobufKey.count == head.count + Self.byteCount, protobufKey.starts(with: head) else {
      return nil
    }
    self.init(bytes: protobufKey.dropFirst(head.count))
  }

  /// Nil unless `text` is the id of an Ed25519 key; `parse` says why not.
  public init?(_ text: String) {
    guard text.utf8.count <= Self.textBytesMax, let bytes = Base58.decode(text),
      bytes.starts(with: Self.prefix)
    else { return nil }
    self.init(bytes: bytes.dropFirst(Self.prefix.count))
  }

  /// The peer id that `text` spells.
  ///
  /// - Parameter place: where the text stood, for the message.
  /// - Throws: `.badPeerID`.
  public static func parse(_ text: String, place: String) throws(PeersError) -> PeerID {
    guard let id = PeerID(text) else {
      throw PeersError(
        .badPeerID, "\"\(text.prefix(textBytesMax))\" is not a peer id", place: place,
        remedy: "A peer id has 52 letters and digits and begins with 12D3KooW; copy it whole.")
    }
    return id
  }
}
