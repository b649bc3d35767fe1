// SPDX-License-Identifier: Apache-2.0

import CKernels
public import FerryBasics

/// Sums by which two vectors are told apart: more than twenty times as fast as SHA-256, whose input they
/// become where a short digest is wanted.
///
/// Two different contents of a block have the same 16 bytes of sums for at most one key in 2⁶⁴.
/// That holds for accidents and for whoever does not know the key. One who does can make two
/// contents of equal sums: against liars, compare cryptographic hashes as well.
///
/// - Note: Black, Halevi, Krawczyk, Krovetz and Rogaway 1999, UMAC, theorem 5.2 and §5.4.
public struct Fingerprint: Sendable {
  /// Bytes that are summed up at once.
  package static let blockByteCount = Int(FERRY_FINGERPRINT_BLOCK)
  static let sumsABlock = Int(FERRY_FINGERPRINT_SUMS)
  private let key: [UInt32]

  public init(seed: Seed) {
    var words = SplitMix64(seed)
    key = (0..<Int(FERRY_FINGERPRINT_KEY)).map { _ in UInt32(truncatingIfNeeded: words.next()) }
  }

  /// Two sums for every 4096 bytes; the length must be told apart by other means.
  public func sums(of bytes: RawSpan) -> [UInt64] { sums(of: bytes, build: .best) }

  package func sums(of bytes: RawSpan, build: KernelBuild) -> [UInt64] {
    switch build {
    case .best: KernelCalls.fingerprint(bytes, key: key.span, generic: false)
    case .generic: KernelCalls.fingerprint(bytes, key: key.span, generic: true)
    case .plain: plainSums(of: Bytes.array(bytes))
    }
  }

  private func plainSums(of bytes: [UInt8]) -> [UInt64] {
    stride(from: 0, to: bytes.count, by: Self.blockByteCount).flatMap { start in
      func word(_ index: Int) -> UInt32 {
        (0..<4).reduce(0) { sum, byte in
          let at = start + 4 * index + byte
          return sum | (at < bytes.count ? UInt32(bytes[at]) << (8 * UInt32(byte)) : 0)
        }
      }
      return (0..<Self.sumsABlock).map { shift in
        stride(from: 0, to: Self.blockByteCount / 4, by: 2).reduce(UInt64(0)) { sum, i in
          let a = UInt64(word(i) &+ key[i + 2 * shift])
          let b = UInt64(word(i + 1) &+ key[i + 1 + 2 * shift])
          return sum &+ a &* b
        }
      }
    }
  }
}
