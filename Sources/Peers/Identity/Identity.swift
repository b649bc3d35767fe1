// SPDX-License-Identifier: Apache-2.0

public import Crypto
import Foundation

/// A peer's Ed25519 key pair: what makes its id its own.
public struct Identity: Sendable {
  private let key: Curve25519.Signing.PrivateKey
  /// The public half.
  public let id: PeerID

  /// A fresh identity, kept nowhere.
  public init() { self.init(key: Curve25519.Signing.PrivateKey()) }

  /// The identity of a given key.
  public init(key: Curve25519.Signing.PrivateKey) {
    self.key = key
    // A public key is 32 bytes by construction, as `PeerID` requires.
    id = PeerID(bytes: key.publicKey.rawRepresentation)!
  }

  /// Signs `message`; the signature has 64 bytes.
  func sign(_ message: [UInt8]) -> [UInt8] {
    do { return Array(try key.signature(for: message)) } catch {
      // Ed25519 signing has no failing input; only a broken library gets here.
      preconditionFailure("Ed25519 could not sign: \(error)")
    }
  }

  var secretBytes: [UInt8] { Array(key.rawRepresentation) }
}

extension PeerID {
  /// Whether `signature` is this peer's over `message`.
  func signed(_ message: [UInt8], _ signature: [UInt8]) -> Bool {
    guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) else {
      return false
    }
    return key.isValidSignature(signature, for: message)
  }
}
