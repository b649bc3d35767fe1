// SPDX-License-Identifier: Apache-2.0

import Crypto
import FerryBasics
import Foundation

/// Which side of a link this is.
package enum LinkRole: Sendable, Equatable {
  case dialler
  case listener
}

/// The handshake `Noise_XX_25519_ChaChaPoly_SHA256`, as a struct of messages in and messages out.
///
///     dialler -> listener: e
///     listener -> dialler: e, ee, s, es, payload
///     dialler -> listener: s, se, payload
///
/// Written after the Noise Protocol Framework, revision 34, sections 5, 7.5 and 9.
package struct NoiseXX: Sendable {
  /// What both sides hold in the end.
  package struct Outcome: Sendable {
    /// The same 32 bytes on both sides, and different for every handshake.
    package let hash: [UInt8]
    package let fromDialler: [UInt8]
    package let fromListener: [UInt8]
  }

  package static let keyByteCount = 32
  private let role: LinkRole
  private let ownStatic: Curve25519.KeyAgreement.PrivateKey
  private let ownEphemeral: Curve25519.KeyAgreement.PrivateKey
  private var theirEphemeral: Curve25519.KeyAgreement.PublicKey?
  private var theirStaticKey: Curve25519.KeyAgreement.PublicKey?
  private var state: NoiseSymmetric

  /// - Parameters:
  ///   - prologue: what both sides must agree on beforehand; when they do not, the handshake fails.
  ///   - ownStatic: 32 secret bytes of an X25519 key.
  ///   - ownEphemeral: 32 fresh random bytes; used for this handshake only.
  package init(
    role: LinkRole, prologue: [UInt8], ownStatic: [UInt8], ownEphemeral: [UInt8]
  ) throws {
    self.role = role
    self.ownStatic = try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: ownStatic)
    self.ownEphemeral = try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: ownEphemeral)
    state = NoiseSymmetric(prologue: prologue)
  }

  /// Our long-lived public key, which a libp2p payload signs.
  package var ownStaticKey: [UInt8] { Array(ownStatic.publicKey.rawRepresentation) }
  /// Theirs, once the message that brings it is read.
  package var theirStatic: [UInt8]? { theirStaticKey.map { Array($0.rawRepresentation) } }
  package var hash: [UInt8] { state.hash }

  private mutating func mix(
    _ own: Curve25519.KeyAgreement.PrivateKey, _ theirs: Curve25519.KeyAgreement.PublicKey?
  ) throws {
    guard let theirs else { preconditionFailure("Noise messages out of order") }
    // An all-zero result, from a point of low order, makes this throw.
    let shared = try own.sharedSecretFromKeyAgreement(with: theirs)
    state.mixKey(shared.copied)
  }

  // MARK: Message 1: -> e

  package mutating func writeFirst(payload: [UInt8] = []) throws -> [UInt8] {
    let key = Array(ownEphemeral.publicKey.rawRepresentation)
    state.mixHash(key)
    return key + (try state.sealAndHash(payload))
  }

  package mutating func readFirst(_ message: [UInt8]) throws -> [UInt8] {
    try readEphemeral(message)
    return try state.openAndHash(Array(message.dropFirst(Self.keyByteCount)))
  }

  // MARK: Message 2: <- e, ee, s, es

  package mutating func writeSecond(payload: [UInt8]) throws -> [UInt8] {
    let key = Array(ownEphemeral.publicKey.rawRepresentation)
    state.mixHash(key)
    try mix(ownEphemeral, theirEphemeral)
    let sealedStatic = try state.sealAndHash(ownStaticKey)
    try mix(ownStatic, theirEphemeral)
    return key + sealedStatic + (try state.sealAndHash(payload))
  }

  package mutating func readSecond(_ message: [UInt8]) throws -> [UInt8] {
    try readEphemeral(message)
    try mix(ownEphemeral, theirEphemeral)
    let rest = try readStatic(Array(message.dropFirst(Self.keyByteCount)))
    try mix(ownEphemeral, theirStaticKey)
    return try state.openAndHash(rest)
  }

  // MARK: Message 3: -> s, se

  package mutating func writeThird(payload: [UInt8]) throws -> [UInt8] {
    let sealedStatic = try state.sealAndHash(ownStaticKey)
    try mix(ownStatic, theirEphemeral)
    return sealedStatic + (try state.sealAndHash(payload))
  }

  package mutating func readThird(_ message: [UInt8]) throws -> [UInt8] {
    let rest = try readStatic(message)
    try mix(ownEphemeral, theirStaticKey)
    return try state.openAndHash(rest)
  }

  /// After the third message.
  package var outcome: Outcome {
    let keys = state.split()
    return Outcome(
      hash: state.hash, fromDialler: keys.fromDialler, fromListener: keys.fromListener)
  }

  private mutating func readEphemeral(_ message: [UInt8]) throws {
    guard message.count >= Self.keyByteCount else { throw CryptoKitError.incorrectParameterSize }
    let key = Array(message.prefix(Self.keyByteCount))
    theirEphemeral = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: key)
    state.mixHash(key)
  }

  private mutating func readStatic(_ message: [UInt8]) throws -> [UInt8] {
    let sealedByteCount = Self.keyByteCount + NoiseCipher.tagByteCount
    guard message.count >= sealedByteCount else { throw CryptoKitError.incorrectParameterSize }
    let key = try state.openAndHash(Array(message.prefix(sealedByteCount)))
    theirStaticKey = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: key)
    return Array(message.dropFirst(sealedByteCount))
  }
}
