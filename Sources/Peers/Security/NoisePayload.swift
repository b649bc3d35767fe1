// SPDX-License-Identifier: Apache-2.0

/// What proves in a Noise message that the sender's Noise key belongs to its identity: libp2p's
/// `NoiseHandshakePayload` (specification `noise`), a protobuf of two byte fields.
package struct NoisePayload: Equatable, Sendable {
  package let identity: PeerID
  package let signature: [UInt8]

  private static let label = Array("noise-libp2p-static-key:".utf8)
  private static let signatureByteCount = 64
  /// Ours has 104 bytes; libp2p's with extensions stay far below this.
  package static let byteCountMax = 4096

  package init(identity: Identity, noiseKey: [UInt8]) {
    self.identity = identity.id
    signature = identity.sign(Self.label + noiseKey)
  }

  /// Whether the identity has signed this Noise key.
  package func vouches(for noiseKey: [UInt8]) -> Bool {
    identity.signed(Self.label + noiseKey, signature)
  }

  package var encoded: [UInt8] {
    let key = identity.protobufKey
    return [0x0A, UInt8(key.count)] + key + [0x12, UInt8(signature.count)] + signature
  }

  /// Reads a payload; unknown fields are skipped, as protobuf asks.
  ///
  /// Nil when it is no protobuf, lacks a field or names a key that is not Ed25519.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count <= Self.byteCountMax else { return nil }
    var rest = bytes[...]
    var identity: PeerID?
    var signature: [UInt8]?
    while !rest.isEmpty {
      guard let tag = Self.variableInteger(&rest) else { return nil }
      switch tag & 7 {
      case 0:
        guard Self.variableInteger(&rest) != nil else { return nil }
      case 1, 5:
        let byteCount = tag & 7 == 1 ? 8 : 4
        guard rest.count >= byteCount else { return nil }
        rest = rest.dropFirst(byteCount)
      case 2:
        guard let length = Self.variableInteger(&rest), length <= UInt64(rest.count) else {
          return nil
        }
        let field = rest.prefix(Int(length))
        rest = rest.dropFirst(Int(length))
        if tag >> 3 == 1 {
          guard let id = PeerID(protobufKey: field) else { return nil }
          identity = id
        } else if tag >> 3 == 2 {
          guard field.count == Self.signatureByteCount else { return nil }
          signature = Array(field)
        }
      default: return nil
      }
    }
    guard let identity, let signature else { return nil }
    self.identity = identity
    self.signature = signature
  }

  private static func variableInteger(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 63, by: 7) {
      guard let byte = bytes.popFirst() else { return nil }
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
    }
    return nil
  }
}
