// SPDX-License-Identifier: Apache-2.0

import Crypto
import FerryBasics
import FerryPeers

/// Decoders that take bytes as they come, in pieces of any size.
enum Streams {
  static let frameBytesMax = 4096
  static let piecesMax = 64

  /// The input's first byte says how long its pieces are.
  private static func pieces(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    let size = max(Int(bytes.first ?? 1) + 1, bytes.count / piecesMax)
    return stride(from: 1, to: bytes.count, by: size).map {
      bytes[$0..<min($0 + size, bytes.count)]
    }
  }

  static func frames(_ bytes: [UInt8]) throws {
    var assembler = FrameAssembler(frameBytesMax: frameBytesMax)
    for piece in pieces(bytes) {
      try assembler.take(piece, place: "fuzz") { header, payload in
        precondition(payload.count == header.payloadByteCount && payload.count <= frameBytesMax)
      }
    }
  }

  static let identity = try! Identity(
    key: .init(rawRepresentation: Array<UInt8>((1...32).map { $0 })))
  static let secret = RunSecret(String(repeating: "A", count: 43))!

  static func side(_ role: LinkRole) -> Greeting {
    let own = Greeting.Own(
      identity: identity, noiseKey: (1...32).map { $0 }, run: "fuzz",
      admission: .secret(secret), incarnation: 5, listens: PeerAddress(host: "h", port: 9),
      wantsClear: false, hasAES: true)
    return Greeting(role: role, own: own, place: "fuzz", ephemeral: (100..<132).map { $0 })
  }

  static func greeting(_ bytes: [UInt8], _ role: LinkRole) throws {
    var greeting = side(role)
    try greeting.start()
    var queue = ByteQueue(capacity: 16)
    for piece in pieces(bytes) {
      queue.append(Array(piece))
      _ = try greeting.take(&queue) { _ in .init(holdsAnother: false, serial: 1) }
    }
  }

  static func records(_ bytes: [UInt8]) throws {
    let kinds = [RecordCipher.Kind.clear, .aes256GCM, .chaCha20Poly1305]
    let cipher = RecordCipher(
      kind: kinds[Int(bytes.first ?? 0) % kinds.count], from: (0..<32).map { $0 },
      hash: (0..<32).map { $0 }, label: "fuzz")
    var opener = RecordOpener(cipher)
    var queue = ByteQueue(capacity: 16)
    for piece in pieces(Array(bytes.dropFirst())) {
      queue.append(Array(piece))
      while let (plain, taken) = try opener.open(&queue, place: "fuzz") {
        precondition(plain.upperBound <= taken && taken <= queue.count)
        queue.dropFirst(taken)
      }
    }
  }

  static let strandKeys = StrandKeys(kind: .aes256GCM, secrets: [1], hash: [2])

  static func strand(_ bytes: [UInt8]) throws {
    var strand = StrandGreeting(listening: (0..<32).map { $0 }, place: "fuzz")
    var queue = ByteQueue(capacity: 16)
    for piece in pieces(bytes) {
      queue.append(Array(piece))
      // Whoever has not seen this side's nonce cannot finish.
      let standing = try strand.take(&queue) { _, _ in strandKeys }
      precondition(standing == .waiting)
    }
  }

  /// Records by four bytes each: number, what it comes after, how many urgent frames are here, size.
  static func order(_ bytes: [UInt8]) throws {
    var order = RecordOrder()
    var (urgent, used) = (UInt64(0), UInt64(0))
    for at in stride(from: 0, to: bytes.count - 3, by: 4) {
      urgent += UInt64(bytes[at + 2] & 3)
      let record = RecordOrder.Record(
        number: UInt64(bytes[at]), after: UInt64(bytes[at + 1]), purpose: .exchange,
        bytes: [UInt8](repeating: 0, count: Int(bytes[at + 3]))[...])
      if try order.admits(record, urgentCount: urgent, place: "fuzz") {
        precondition(record.number == used && record.after <= urgent)
        used += 1
      }
      while let next = order.next(urgentCount: urgent) {
        precondition(next.number == used && next.after <= urgent)
        used += 1
      }
      precondition(order.expected == used && order.heldByteCount >= 0)
    }
  }
}
