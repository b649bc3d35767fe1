// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation

/// What a stranger must know to join a run: 32 random bytes.
///
/// Never printed by accident: `description` hides it, only `text` spells it.
public struct RunSecret: Sendable, CustomStringConvertible, CustomReflectable {
  private let bytes: [UInt8]
  private var key: SymmetricKey { SymmetricKey(data: bytes) }
  public static let byteCount = 32
  /// Base64url of 32 bytes without padding.
  static let textByteCount = 43

  /// A secret nobody knows yet.
  ///
  /// - Parameter generator: the system's, which is fit for keys; another one only in tests.
  public static func generated(
    using generator: inout some RandomNumberGenerator
  ) -> RunSecret {
    RunSecret(bytes: (0..<byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) })
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  /// Nil unless `text` is what `text` of a secret gave: 43 characters of base64url.
  public init?(_ text: some StringProtocol) {
    guard text.utf8.count == Self.textByteCount, !text.contains("+"), !text.contains("/") else {
      return nil
    }
    let standard = text.replacingOccurrences(of: "-", with: "+")
      .replacingOccurrences(of: "_", with: "/")
    guard let data = Data(base64Encoded: standard + "="), data.count == Self.byteCount else {
      return nil
    }
    bytes = Array(data)
    // 43 characters hold 258 bits: of the four spellings that decode alike, one is right.
    guard self.text == text else { return nil }
  }

  /// The secret itself, for the join line and the run's private files only.
  public var text: String {
    Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
      .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
  }

  public var description: String { "RunSecret(hidden)" }
  public var customMirror: Mirror { Mirror(self, children: []) }

  /// Shows that we know the secret, to those who know it: it never travels itself.
  func proof(over transcript: [UInt8]) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: transcript, using: key))
  }

  /// Whether `proof` is what `proof(over:)` gives; takes the same time whatever the answer.
  func verifies(_ proof: [UInt8], over transcript: [UInt8]) -> Bool {
    HMAC<SHA256>.isValidAuthenticationCode(proof, authenticating: transcript, using: key)
  }
}

extension RunSecret: Equatable {
  /// In constant time.
  public static func == (left: RunSecret, right: RunSecret) -> Bool { left.key == right.key }
}

/// Who may link to this peer.
public enum Admission: Sendable {
  /// Whoever proves to know the run's secret.
  case secret(RunSecret)
  /// These peers, and nobody else; they need no secret.
  case allowList(Set<PeerID>)
}
