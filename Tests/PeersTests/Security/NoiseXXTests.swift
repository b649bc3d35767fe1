// SPDX-License-Identifier: Apache-2.0

import Crypto
import FerryPeers
import Foundation
import Testing

/// What `Tools/golden/noise.py` wrote.
struct NoiseGolden: Decodable {
  struct Handshake: Decodable {
    let prologue, diallerStatic, diallerEphemeral, listenerStatic, listenerEphemeral: String
    let payloads, messages: [String]
    let hash, fromDialler, fromListener: String
    let diallerIdentity, listenerIdentity, diallerID, listenerID: String?
    let records: [String]?
    let aes, chacha, clear: String?

    enum CodingKeys: String, CodingKey {
      case prologue, diallerStatic, diallerEphemeral, listenerStatic, listenerEphemeral
      case payloads, messages, hash, fromDialler, fromListener
      case diallerIdentity, listenerIdentity, diallerID, listenerID, records, clear
      case aes = "aes-256-gcm"
      case chacha = "chacha20-poly1305"
    }
  }

  let published, ours: Handshake

  static func read() throws -> NoiseGolden {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Golden/noise.json")
    return try JSONDecoder().decode(NoiseGolden.self, from: Data(contentsOf: file))
  }
}

func hex(_ text: String) -> [UInt8] {
  let digits = Array(text.utf8)
  return stride(from: 0, to: digits.count, by: 2).map {
    UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)!
  }
}

@Suite("Noise XX")
struct NoiseXXTests {
  @Test("speaks the published vector and libp2p's payload byte for byte", arguments: [true, false])
  func golden(published: Bool) throws {
    let all = try NoiseGolden.read()
    let golden = published ? all.published : all.ours
    var dialler = try NoiseXX(
      role: .dialler, prologue: hex(golden.prologue), ownStatic: hex(golden.diallerStatic),
      ownEphemeral: hex(golden.diallerEphemeral))
    var listener = try NoiseXX(
      role: .listener, prologue: hex(golden.prologue), ownStatic: hex(golden.listenerStatic),
      ownEphemeral: hex(golden.listenerEphemeral))
    let payloads = golden.payloads.map(hex)
    let messages = golden.messages.map(hex)
    #expect(try dialler.writeFirst(payload: payloads[0]) == messages[0])
    #expect(try listener.readFirst(messages[0]) == payloads[0])
    #expect(try listener.writeSecond(payload: payloads[1]) == messages[1])
    #expect(try dialler.readSecond(messages[1]) == payloads[1])
    #expect(try dialler.writeThird(payload: payloads[2]) == messages[2])
    #expect(try listener.readThird(messages[2]) == payloads[2])
    for outcome in [dialler.outcome, listener.outcome] {
      #expect(outcome.hash == hex(golden.hash))
      #expect(outcome.fromDialler == hex(golden.fromDialler))
      #expect(outcome.fromListener == hex(golden.fromListener))
    }
  }

  @Test("ids and payloads are libp2p's")
  func identities() throws {
    let golden = try NoiseGolden.read().ours
    for (secret, id, payload, noiseKey) in [
      (golden.diallerIdentity, golden.diallerID, golden.payloads[2], golden.diallerStatic),
      (golden.listenerIdentity, golden.listenerID, golden.payloads[1], golden.listenerStatic),
    ] {
      let identity = Identity(
        key: try Curve25519.Signing.PrivateKey(rawRepresentation: hex(try #require(secret))))
      #expect(identity.id.description == id)
      let read = try #require(NoisePayload(hex(payload)))
      #expect(read.identity == identity.id)
      #expect(read.encoded == hex(payload))
      let key = try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: hex(noiseKey))
      #expect(read.vouches(for: Array(key.publicKey.rawRepresentation)))
      #expect(!read.vouches(for: hex(noiseKey)))
    }
  }

  @Test(
    "records are those of another implementation, sealed in place or by the library's copies",
    arguments: ["aes", "chacha", "clear"],
    [true, false])
  func records(name: String, inPlace: Bool) throws {
    let golden = try NoiseGolden.read().ours
    let (kind, expected): (RecordCipher.Kind, String?) =
      switch name {
      case "aes": (.aes256GCM, golden.aes)
      case "chacha": (.chaCha20Poly1305, golden.chacha)
      default: (.clear, golden.clear)
      }
    let cipher = RecordCipher(
      kind: kind, from: hex(golden.fromDialler), hash: hex(golden.hash),
      label: "ferry records from dialler", inPlace: inPlace)
    #if os(Linux)
      #expect(cipher.isInPlace == (inPlace && kind != .clear))
    #endif
    var (sealer, opener) = (RecordSealer(cipher), RecordOpener(cipher))
    var wire = ByteQueue(capacity: 8)
    let records = try #require(golden.records).map(hex)
    for record in records { sealer.seal(record[...], into: &wire) }
    #expect(Array(wire[0..<wire.count]) == hex(try #require(expected)))
    for record in records {
      #expect(try opener.take(&wire) == record)
    }
    #expect(wire.isEmpty)
  }

  @Test("a changed or repeated record does not open", arguments: [true, false])
  func damagedRecords(inPlace: Bool) throws {
    let cipher = RecordCipher(
      kind: .aes256GCM, from: Array(repeating: 1, count: 32), hash: [], label: "",
      inPlace: inPlace)
    var sealer = RecordSealer(cipher)
    var wire = ByteQueue(capacity: 8)
    sealer.seal([1, 2, 3], into: &wire)
    let sealed = Array(wire[0..<wire.count])
    let error = PeersError(
      .damagedFrame, "a record that its tag does not fit", place: "peer x",
      remedy: "The link is closed and opened anew; if it stays so, check the network between.")
    var opener = RecordOpener(cipher)
    var changed = ByteQueue(capacity: 8)
    changed.append(sealed.dropLast() + [sealed.last! ^ 1])
    #expect(throws: error) { _ = try opener.take(&changed, place: "peer x") }
    opener = RecordOpener(cipher)
    var twice = ByteQueue(capacity: 8)
    twice.append(sealed + sealed)
    _ = try opener.take(&twice, place: "peer x")
    #expect(throws: error) { _ = try opener.take(&twice, place: "peer x") }
    var long = ByteQueue(capacity: 8)
    long.append([0xFF, 0xFF, 0xFF, 0xFF] as [UInt8])
    #expect(throws: PeersError.self) { _ = try opener.take(&long, place: "peer x") }
  }

  @Test("20,000 mutated payloads are read or refused, and none vouches falsely")
  func fuzzPayload() {
    let identity = Identity()
    let key = [UInt8](repeating: 9, count: 32)
    let payload = NoisePayload(identity: identity, noiseKey: key)
    var read = 0
    fuzz(payload.encoded, seed: 31) { bytes in
      guard let decoded = NoisePayload(bytes) else { return }
      read += 1
      if decoded != payload, read < 200 { #expect(!decoded.vouches(for: key)) }
    }
    #expect(read > 0)
  }
}
