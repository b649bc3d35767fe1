// SPDX-License-Identifier: Apache-2.0

import Crypto

/// SHA-256, of bytes and of floats where they lie.
public enum Digest {
  /// Bytes of a digest.
  public static let byteCount = 32

  /// The digest of some bytes.
  public static func sha256(of bytes: Span<UInt8>) -> [UInt8] {
    var hash = SHA256()
    update(&hash, bytes)
    return Array(hash.finalize())
  }

  /// The digest of some bytes.
  public static func sha256(of bytes: [UInt8]) -> [UInt8] { sha256(of: bytes.span) }

  /// The digest of the floats' bits, little-endian, followed by some bytes.
  public static func sha256(of values: [Float], then bytes: [UInt8]) -> [UInt8] {
    var hash = SHA256()
    unsafe values.span.withUnsafeBytes { raw in
      // SAFETY: read while borrowed; floats have no padding.
      unsafe hash.update(bufferPointer: raw)
    }
    update(&hash, bytes.span)
    return Array(hash.finalize())
  }

  private static func update(_ hash: inout SHA256, _ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBytes { raw in
      // SAFETY: read while borrowed.
      unsafe hash.update(bufferPointer: raw)
    }
  }
}
