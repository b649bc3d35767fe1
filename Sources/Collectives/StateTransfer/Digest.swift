// SPDX-License-Identifier: Apache-2.0

import Crypto
package import FerryBasics
import FerryTensors

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

  /// The digest of the values' fingerprint and count, followed by some bytes: tells results apart
  /// that differ by accident, on a thread that has links to serve. The shared state, which it goes
  /// into, is compared by SHA-256 alone.
  ///
  /// - Parameter sums: the fingerprint with this seed, where it is known already.
  package static func quick(
    of values: RawSpan, count: Int, seed: Seed, sums: [UInt64]? = nil, then bytes: [UInt8]
  ) -> [UInt8] {
    var hash = SHA256()
    let sums = sums ?? Fingerprint(seed: seed).sums(of: values)
    unsafe sums.span.withUnsafeBytes { raw in
      // SAFETY: read while borrowed; words have no padding.
      unsafe hash.update(bufferPointer: raw)
    }
    var end = ByteWriter()
    end.put(UInt64(count))
    update(&hash, end.bytes.span)
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
