// SPDX-License-Identifier: Apache-2.0

import Crypto
import FerryBasics
import Foundation

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
  /// Nil in clear, and where the system's library seals into memory of its own alone.
  let inPlace: InPlaceCipher?
  private(set) var count: UInt64 = 0

  /// - Parameters:
  ///   - from: the direction's key of the Noise handshake.
  ///   - hash: the handshake's hash.
  ///   - inPlace: false for the library's own interface even where the other is there.
  package init(kind: Kind, from: [UInt8], hash: [UInt8], label: String, inPlace: Bool = true) {
    self.kind = kind
    key = HKDF<SHA256>.deriveKey(
      inputKeyMaterial: SymmetricKey(data: from), salt: hash, info: Array(label.utf8),
      outputByteCount: 32)
    self.inPlace =
      kind == .clear || !inPlace
      ? nil : InPlaceCipher(isAES: kind == .aes256GCM, key: key.copied)
  }

  package var isInPlace: Bool { inPlace != nil }
  var tagByteCount: Int { kind == .clear ? 0 : 16 }

  mutating func nextNonce() -> [UInt8] {
    defer { count += 1 }
    return nonceBytes(count)
  }
}

/// Turns pieces of frames into records: a length of four bytes, big-endian, then the sealed bytes.
package struct RecordSealer: Sendable {
  private var cipher: RecordCipher
  /// The most plain bytes of a record: it is copied, sealed and sent while a core's cache holds it.
  package static let plainBytesMax = 32_768
  /// The same where nothing is sealed and nothing copied: a frame of bulk fits.
  package static let clearBytesMax = 256 << 10
  package static let headerByteCount = 4

  package init(_ cipher: RecordCipher) { self.cipher = cipher }

  package var kind: RecordCipher.Kind { cipher.kind }
  package var overhead: Int { Self.headerByteCount + cipher.tagByteCount }

  package mutating func seal(_ plain: ArraySlice<UInt8>, into wire: inout ByteQueue) {
    seal([], plain, into: &wire)
  }

  /// Seals two runs of bytes as one record: copied once, behind the record's length, and sealed there.
  package mutating func seal(
    _ head: [UInt8], _ body: ArraySlice<UInt8>, into wire: inout ByteQueue
  ) {
    let plainCount = head.count + body.count
    wire.append(front(head, plainByteCount: plainCount), body, spare: cipher.tagByteCount)
    guard cipher.kind != .clear else { return }
    let nonce = cipher.nextNonce()
    let isSealed: Bool
    if let inPlace = cipher.inPlace {
      isSealed = wire.sealLast(plainCount, tag: cipher.tagByteCount, with: inPlace, nonce: nonce)
    } else {
      isSealed = (try? sealByCopy(plainCount, nonce, &wire)) != nil
    }
    // Keys and nonces have the right sizes by construction; sealing has no other failure.
    precondition(isSealed, "a record could not be sealed")
  }

  /// What a record begins with: its length, and then its head.
  func front(_ head: [UInt8], plainByteCount: Int) -> [UInt8] {
    precondition(
      plainByteCount <= (kind == .clear ? Self.clearBytesMax : Self.plainBytesMax),
      "a record of \(plainByteCount) bytes")
    var front: [UInt8] = []
    front.reserveCapacity(Self.headerByteCount + head.count)
    front.appendBigEndian(UInt32(plainByteCount + cipher.tagByteCount))
    front += head
    return front
  }

  private func sealByCopy(
    _ plainCount: Int, _ nonce: [UInt8], _ wire: inout ByteQueue
  ) throws {
    let start = wire.count - plainCount - cipher.tagByteCount
    let plain = Array(wire[start..<start + plainCount])
    let sealed: Data
    if cipher.kind == .aes256GCM {
      let box = try AES.GCM.seal(plain, using: cipher.key, nonce: AES.GCM.Nonce(data: nonce))
      sealed = box.ciphertext + box.tag
    } else {
      let box = try ChaChaPoly.seal(plain, using: cipher.key, nonce: ChaChaPoly.Nonce(data: nonce))
      sealed = box.ciphertext + box.tag
    }
    wire.replace(at: start, with: sealed)
  }
}

/// Turns records back into pieces of frames.
package struct RecordOpener: Sendable {
  private var cipher: RecordCipher

  package init(_ cipher: RecordCipher) { self.cipher = cipher }

  package static let wireBytesMax =
    RecordSealer.headerByteCount + RecordSealer.plainBytesMax + 16

  /// Opens the record at the front of `wire`, where it lies; the caller drops it.
  ///
  /// - Returns: where its plain bytes are now, from the front, and how many bytes it takes; nil while
  ///   it is not complete.
  /// - Throws: `.damagedFrame` when its length or its tag is wrong.
  package mutating func open(
    _ wire: inout ByteQueue, place: String
  ) throws(PeersError) -> (plain: Range<Int>, wireByteCount: Int)? {
    let header = RecordSealer.headerByteCount
    guard let length = try length(wire, place: place), wire.count >= header + length else {
      return nil
    }
    let sealed = header..<header + length
    let plain = header..<header + length - cipher.tagByteCount
    if cipher.kind != .clear {
      let nonce = cipher.nextNonce()
      let isWhole =
        if let inPlace = cipher.inPlace {
          wire.open(sealed, with: inPlace, nonce: nonce)
        } else {
          (try? openByCopy(plain, sealed, nonce, &wire)) != nil
        }
      guard isWhole else { throw damaged("a record that its tag does not fit", place) }
    }
    return (plain, header + length)
  }

  /// The length that the record at the front announces; nil while that is not here.
  ///
  /// - Throws: `.damagedFrame` when it is none that a record has.
  package func length(_ wire: ByteQueue, place: String) throws(PeersError) -> Int? {
    guard wire.count >= RecordSealer.headerByteCount else { return nil }
    let length = (0..<RecordSealer.headerByteCount).reduce(0) { $0 << 8 | Int(wire[$1]) }
    let most = isClear ? RecordSealer.clearBytesMax : RecordSealer.plainBytesMax
    guard (cipher.tagByteCount...most + cipher.tagByteCount).contains(length)
    else { throw damaged("a record of \(length) bytes", place) }
    return length
  }

  /// Whether bytes are taken as they come.
  package var isClear: Bool { cipher.kind == .clear }

  /// How many bytes are missing until the record at the front is complete, as far as can be told: at
  /// least 1.
  package static func missing(in wire: ByteQueue) -> Int {
    let header = RecordSealer.headerByteCount
    guard wire.count >= header else { return 1 }
    let length = (0..<header).reduce(0) { $0 << 8 | Int(wire[$1]) }
    return max(1, header + length - wire.count)
  }

  private func openByCopy(
    _ body: Range<Int>, _ sealed: Range<Int>, _ nonce: [UInt8], _ wire: inout ByteQueue
  ) throws {
    let tag = body.upperBound..<sealed.upperBound
    let plain: Data
    if cipher.kind == .aes256GCM {
      let box = try AES.GCM.SealedBox(
        nonce: AES.GCM.Nonce(data: nonce), ciphertext: wire[body], tag: wire[tag])
      plain = try AES.GCM.open(box, using: cipher.key)
    } else {
      let box = try ChaChaPoly.SealedBox(
        nonce: ChaChaPoly.Nonce(data: nonce), ciphertext: wire[body], tag: wire[tag])
      plain = try ChaChaPoly.open(box, using: cipher.key)
    }
    wire.replace(at: body.lowerBound, with: plain)
  }

  private func damaged(_ what: String, _ place: String) -> PeersError {
    PeersError(
      .damagedFrame, what, place: place,
      remedy: "The link is closed and opened anew; if it stays so, check the network between.")
  }
}
