// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation

/// A key and the count of messages under it: Noise's `CipherState`.
struct NoiseCipher: Sendable {
  private let key: SymmetricKey
  private var count: UInt64 = 0
  static let tagByteCount = 16

  init(key: [UInt8]) { self.key = SymmetricKey(data: key) }

  /// Four zeros, then the counter, little-endian: Noise revision 34, section 12.3.
  private mutating func nextNonce() throws -> ChaChaPoly.Nonce {
    defer { count += 1 }
    return try ChaChaPoly.Nonce(data: nonceBytes(count))
  }

  mutating func seal(_ plain: [UInt8], authenticating context: [UInt8]) throws -> [UInt8] {
    let box = try ChaChaPoly.seal(
      plain, using: key, nonce: nextNonce(), authenticating: context)
    return Array(box.ciphertext) + Array(box.tag)
  }

  mutating func open(_ sealed: [UInt8], authenticating context: [UInt8]) throws -> [UInt8] {
    guard sealed.count >= Self.tagByteCount else { throw CryptoKitError.authenticationFailure }
    let box = try ChaChaPoly.SealedBox(
      nonce: nextNonce(), ciphertext: sealed.dropLast(Self.tagByteCount),
      tag: sealed.suffix(Self.tagByteCount))
    return Array(try ChaChaPoly.open(box, using: key, authenticating: context))
  }
}

/// The 12 bytes of a counter nonce: four zeros, then `count`, little-endian.
func nonceBytes(_ count: UInt64) -> [UInt8] {
  precondition(count < .max, "a key has sealed all the messages it may")
  var bytes = [UInt8](repeating: 0, count: 12)
  for i in 0..<8 { bytes[4 + i] = UInt8(truncatingIfNeeded: count >> (8 * UInt64(i))) }
  return bytes
}

/// The running hash and key of a handshake: Noise's `SymmetricState`, for SHA-256.
struct NoiseSymmetric: Sendable {
  /// 32 bytes, so that it is its own initial hash.
  static let protocolName = "Noise_XX_25519_ChaChaPoly_SHA256"

  private(set) var hash: [UInt8]
  private var chainingKey: [UInt8]
  private var cipher: NoiseCipher?

  init(prologue: [UInt8]) {
    hash = Array(Self.protocolName.utf8)
    chainingKey = hash
    mixHash(prologue)
  }

  mutating func mixHash(_ data: [UInt8]) { hash = Array(SHA256.hash(data: hash + data)) }

  mutating func mixKey(_ material: [UInt8]) {
    let (chain, key) = Self.expand(chainingKey, material)
    chainingKey = chain
    cipher = NoiseCipher(key: key)
  }

  mutating func sealAndHash(_ plain: [UInt8]) throws -> [UInt8] {
    let sealed = try cipher?.seal(plain, authenticating: hash) ?? plain
    mixHash(sealed)
    return sealed
  }

  mutating func openAndHash(_ sealed: [UInt8]) throws -> [UInt8] {
    let plain = try cipher?.open(sealed, authenticating: hash) ?? sealed
    mixHash(sealed)
    return plain
  }

  /// The keys of both directions: from the dialler, from the listener.
  func split() -> (fromDialler: [UInt8], fromListener: [UInt8]) {
    let (first, second) = Self.expand(chainingKey, [])
    return (first, second)
  }

  /// Noise's HKDF with two outputs.
  private static func expand(_ chain: [UInt8], _ material: [UInt8]) -> ([UInt8], [UInt8]) {
    func mac(_ key: [UInt8], _ data: [UInt8]) -> [UInt8] {
      Array(HMAC<SHA256>.authenticationCode(for: data, using: SymmetricKey(data: key)))
    }
    let temporary = mac(chain, material)
    let first = mac(temporary, [1])
    return (first, mac(temporary, first + [2]))
  }
}
