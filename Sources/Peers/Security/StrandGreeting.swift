// SPDX-License-Identifier: Apache-2.0

import Crypto
import FerryBasics
import Foundation

/// What both ends of a link know and nobody else does, from which its strands prove themselves.
package struct StrandKeys: Sendable {
  /// Names the link to the listener, and tells an onlooker nothing.
  package let tag: [UInt8]
  let key: SymmetricKey
  let kind: RecordCipher.Kind

  package static let tagByteCount = 16

  /// - Parameters:
  ///   - secrets: the keys of both directions of the link's Noise handshake.
  ///   - hash: the handshake's hash.
  package init(kind: RecordCipher.Kind, secrets: [UInt8], hash: [UInt8]) {
    func derived(_ label: String, _ byteCount: Int) -> SymmetricKey {
      HKDF<SHA256>.deriveKey(
        inputKeyMaterial: SymmetricKey(data: secrets), salt: hash, info: Array(label.utf8),
        outputByteCount: byteCount)
    }
    self.kind = kind
    key = derived("ferry strands", 32)
    tag = derived("ferry strand tag", Self.tagByteCount).copied
  }

  func mac(_ label: String, _ transcript: [UInt8]) -> [UInt8] {
    Array(
      HMAC<SHA256>.authenticationCode(for: Array(label.utf8) + transcript, using: key))
  }

  /// In constant time.
  func verifies(_ code: [UInt8], _ label: String, _ transcript: [UInt8]) -> Bool {
    HMAC<SHA256>.isValidAuthenticationCode(
      code, authenticating: Array(label.utf8) + transcript, using: key)
  }

  func cipher(_ label: String, transcript: [UInt8]) -> RecordCipher {
    RecordCipher(
      kind: kind, from: key.copied, hash: Array(SHA256.hash(data: transcript)), label: label)
  }
}

/// How a further connection proves that it belongs to a link that is up: a strand of it.
///
/// Three messages of fixed length, each with an HMAC under a key that only the two ends of the link
/// can derive from its handshake:
///
///     dialler -> listener: magic, version, tag of the link, index, nonce, code
///     listener -> dialler: nonce, code over both messages
///     dialler -> listener: code over all before
///
/// Nothing is sent or read before the other side has shown the key over this side's fresh nonce: a
/// hello that was overheard and sent again gets an answer that its sender cannot confirm. The
/// strand's own keys come from both nonces, so that no two strands share any.
package struct StrandGreeting: Sendable {
  package static let version: UInt16 = 1
  /// Differs from a greeting's in its first byte.
  package static let magic = Array("strand".utf8)
  package static let nonceByteCount = 32
  private static let codeByteCount = 32
  private static let versionAt = 6
  private static let tagAt = 8
  private static let indexAt = tagAt + StrandKeys.tagByteCount
  private static let nonceAt = indexAt + 1
  private static let codeAt = nonceAt + nonceByteCount
  package static let helloByteCount = codeAt + codeByteCount
  package static let answerByteCount = nonceByteCount + codeByteCount

  /// Where it stands after some bytes.
  package enum Progress: Equatable {
    case waiting
    /// What arrives from now on is records.
    case up
  }

  private enum Stage { case hello, answer, confirmation, up }
  private static let helloLabel = "ferry strand hello"
  private static let answerLabel = "ferry strand answer"
  private static let confirmationLabel = "ferry strand confirmation"

  package let role: LinkRole
  private let place: String
  private let nonce: [UInt8]
  private var keys: StrandKeys?
  private var stage: Stage
  private var transcript: [UInt8] = []
  /// The link's number of this strand; nil before a listener has heard it.
  package private(set) var index: UInt8?
  /// Bytes for the other side; the caller takes them and empties this.
  package var outgoing: [UInt8] = []

  /// The dialling side of a strand of a link that it dialled.
  ///
  /// - Parameter nonce: 32 fresh random bytes.
  package init(dialling keys: StrandKeys, index: UInt8, nonce: [UInt8], place: String) {
    precondition(nonce.count == Self.nonceByteCount, "a nonce of \(nonce.count) bytes")
    role = .dialler
    self.keys = keys
    self.index = index
    self.nonce = nonce
    self.place = place
    stage = .answer
    var hello = Self.magic
    hello.appendBigEndian(Self.version)
    hello += keys.tag
    hello.append(index)
    hello += nonce
    hello += keys.mac(Self.helloLabel, hello)
    transcript = hello
    outgoing = hello
  }

  /// The listening side, which does not know yet which link calls.
  package init(listening nonce: [UInt8], place: String) {
    precondition(nonce.count == Self.nonceByteCount, "a nonce of \(nonce.count) bytes")
    role = .listener
    self.nonce = nonce
    self.place = place
    stage = .hello
  }

  /// Takes bytes that arrived; those after the greeting's end are left in `bytes`.
  ///
  /// - Parameter link: the keys of the link with a tag, if it may have a strand with this index.
  /// - Throws: `.badStrand` for whoever does not hold the link's key.
  package mutating func take(
    _ bytes: inout ByteQueue, link: (_ tag: [UInt8], _ index: UInt8) -> StrandKeys?
  ) throws(PeersError) -> Progress {
    while stage != .up {
      // A wrong first byte is refused at once: garbage need not be a whole message long.
      if stage == .hello {
        for i in 0..<min(bytes.count, Self.magic.count) where bytes[i] != Self.magic[i] {
          throw bad("what arrived is no strand's hello")
        }
      }
      let needed =
        switch stage {
        case .hello: Self.helloByteCount
        case .answer: Self.answerByteCount
        case .confirmation, .up: Self.codeByteCount
        }
      guard bytes.count >= needed else { return .waiting }
      let message = Array(bytes[0..<needed])
      bytes.dropFirst(needed)
      switch stage {
      case .hello: try takeHello(message, link)
      case .answer: try takeAnswer(message)
      case .confirmation, .up:
        guard keys?.verifies(message, Self.confirmationLabel, transcript) == true else {
          throw bad("a strand's confirmation does not fit the link's key")
        }
        stage = .up
      }
    }
    return .up
  }

  private mutating func takeHello(
    _ message: [UInt8], _ link: ([UInt8], UInt8) -> StrandKeys?
  ) throws(PeersError) {
    let version = UInt16(message[Self.versionAt]) << 8 | UInt16(message[Self.versionAt + 1])
    guard version == Self.version else {
      throw bad("strands of version \(version), and this side's are of \(Self.version)")
    }
    let index = message[Self.indexAt]
    guard let keys = link(Array(message[Self.tagAt..<Self.indexAt]), index) else {
      throw bad("no link here has room for this strand")
    }
    let code = Array(message[Self.codeAt...])
    guard keys.verifies(code, Self.helloLabel, Array(message[..<Self.codeAt])) else {
      throw bad("a strand's hello does not fit the link's key")
    }
    self.keys = keys
    self.index = index
    transcript = message
    let answer = nonce + keys.mac(Self.answerLabel, message + nonce)
    transcript += answer
    outgoing += answer
    stage = .confirmation
  }

  private mutating func takeAnswer(_ message: [UInt8]) throws(PeersError) {
    guard let keys else { preconditionFailure("a dialler without keys") }
    let nonce = Array(message[..<Self.nonceByteCount])
    let code = Array(message[Self.nonceByteCount...])
    guard keys.verifies(code, Self.answerLabel, transcript + nonce) else {
      throw bad("a strand's answer does not fit the link's key")
    }
    transcript += message
    outgoing += keys.mac(Self.confirmationLabel, transcript)
    stage = .up
  }

  /// The ciphers of the strand, once up.
  package func records() -> (sealer: RecordSealer, opener: RecordOpener) {
    guard stage == .up, let keys else { preconditionFailure("the strand is not up") }
    let fromDialler = keys.cipher("ferry strand records from dialler", transcript: transcript)
    let fromListener = keys.cipher("ferry strand records from listener", transcript: transcript)
    return role == .dialler
      ? (RecordSealer(fromDialler), RecordOpener(fromListener))
      : (RecordSealer(fromListener), RecordOpener(fromDialler))
  }

  private func bad(_ what: String) -> PeersError {
    PeersError(
      .badStrand, what, place: place,
      remedy: "The link goes on without it; if it stays so, something else answers at its address.")
  }
}
