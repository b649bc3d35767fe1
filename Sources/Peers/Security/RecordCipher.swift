// SPDX-License-Identifier: Apache-2.0

import Crypto
import FerryBasics
package import Foundation

/// How the records of one direction of a link are sealed.
package struct RecordCipher: Sendable {
  package enum Kind: String, Sendable {
    case aes256GCM = "aes-256-gcm"
    case chaCha20Poly1305 = "chacha20-poly1305"
    /// Not at all: for trusted islands, and only if both sides say so.
    case clear
  }

  package let kind: Kind
  let key: SymmetricKey
  private(set) var count: UInt64 = 0

  /// - Parameters:
  ///   - from: the direction's key of the Noise handshake.
  ///   - hash: the handshake's hash.
  package init(kind: Kind, from: [UInt8], hash: [UInt8], label: String) {
    self.kind = kind
    key = HKDF<SHA256>.deriveKey(
      inputKeyMaterial: SymmetricKey(data: from), salt: hash, info: Array(label.utf8),
      outputByteCount: 32)
  }

  var tagByteCount: Int { kind == .clear ? 0 : 16 }

  mutating func nextNonce() -> [UInt8] {
    defer { count += 1 }
    return nonceBytes(count)
  }
}

/// Turns pieces of frames into records: a length of four bytes, big-endian, then the sealed bytes.
package struct RecordSealer: Sendable {
  private var cipher: RecordCipher
  /// The most plain bytes of a record. Sealing one takes three allocations of its size; together
  /// they stay below the 128 KiB above which glibc gives memory back to the system after every
  /// record and faults it in again for the next (64 KiB records: opened in clear at 1.5 GB/s, not 12).
  package static let plainBytesMax = 32_768
  package static let headerByteCount = 4

  package init(_ cipher: RecordCipher) { self.cipher = cipher }

  package var kind: RecordCipher.Kind { cipher.kind }
  package var overhead: Int { Self.headerByteCount + cipher.tagByteCount }

  package mutating func seal(_ plain: ArraySlice<UInt8>, into wire: inout ByteQueue) {
    seal([], plain, into: &wire)
  }

  /// Seals two runs of bytes as one record.
  package mutating func seal(
    _ head: [UInt8], _ body: ArraySlice<UInt8>, into wire: inout ByteQueue
  ) {
    if cipher.kind != .clear, !head.isEmpty {
      var plain = head
      plain.reserveCapacity(head.count + body.count)
      plain += body
      return seal([], plain[...], into: &wire)
    }
    let plain = body
    precondition(
      head.count + plain.count <= Self.plainBytesMax,
      "a record of \(head.count + plain.count) bytes")
    var header: [UInt8] = []
    header.appendBigEndian(UInt32(head.count + plain.count + cipher.tagByteCount))
    wire.append(header)
    if !head.isEmpty { wire.append(head) }
    do {
      switch cipher.kind {
      case .clear: wire.append(plain)
      case .aes256GCM:
        let box = try AES.GCM.seal(
          plain, using: cipher.key, nonce: AES.GCM.Nonce(data: cipher.nextNonce()))
        wire.append(box.ciphertext)
        wire.append(box.tag)
      case .chaCha20Poly1305:
        let box = try ChaChaPoly.seal(
          plain, using: cipher.key, nonce: ChaChaPoly.Nonce(data: cipher.nextNonce()))
        wire.append(box.ciphertext)
        wire.append(box.tag)
      }
    } catch {
      // Keys and nonces have the right sizes by construction; sealing has no other failure.
      preconditionFailure("a record could not be sealed: \(error)")
    }
  }
}

/// Turns records back into pieces of frames.
package struct RecordOpener: Sendable {
  private var cipher: RecordCipher

  package init(_ cipher: RecordCipher) { self.cipher = cipher }

  package static let wireBytesMax =
    RecordSealer.headerByteCount + RecordSealer.plainBytesMax + 16

  /// Opens the record at the front of `wire` and drops it from there.
  ///
  /// - Returns: its plain bytes and how many it took on the wire; nil while it is not complete.
  /// - Throws: `.damagedFrame` when its length or its tag is wrong.
  package mutating func open(
    _ wire: inout ByteQueue, place: String
  ) throws(PeersError) -> (plain: Data, wireByteCount: Int)? {
    let header = RecordSealer.headerByteCount
    guard wire.count >= header else { return nil }
    let length = (0..<header).reduce(0) { $0 << 8 | Int(wire[$1]) }
    guard (cipher.tagByteCount...RecordSealer.plainBytesMax + cipher.tagByteCount).contains(length)
    else { throw damaged("a record of \(length) bytes", place) }
    guard wire.count >= header + length else { return nil }
    let plain: Data
    do {
      let body = header..<header + length - cipher.tagByteCount
      let tag = body.upperBound..<header + length
      switch cipher.kind {
      case .clear: plain = Data(wire[body])
      case .aes256GCM:
        let box = try AES.GCM.SealedBox(
          nonce: AES.GCM.Nonce(data: cipher.nextNonce()), ciphertext: wire[body], tag: wire[tag])
        plain = try AES.GCM.open(box, using: cipher.key)
      case .chaCha20Poly1305:
        let box = try ChaChaPoly.SealedBox(
          nonce: ChaChaPoly.Nonce(data: cipher.nextNonce()), ciphertext: wire[body],
          tag: wire[tag])
        plain = try ChaChaPoly.open(box, using: cipher.key)
      }
    } catch { throw damaged("a record that its tag does not fit", place) }
    wire.dropFirst(header + length)
    return (plain, header + length)
  }

  private func damaged(_ what: String, _ place: String) -> PeersError {
    PeersError(
      .damagedFrame, what, place: place,
      remedy: "The link is closed and opened anew; if it stays so, check the network between.")
  }
}
