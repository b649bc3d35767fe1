// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryTensors
import Testing

@Suite("State manifest")
struct StateManifestTests {
  private let state = SharedState(
    round: 3, tensors: [("a", [1, 2, 3]), ("b", []), ("c", sample(10_000, Seed(1)))],
    note: [1, 2, 3, 4, 5])

  @Test("comes back from its wire form, and names every bit of the state")
  func roundTrip() throws {
    let manifest = StateManifest(of: state)
    #expect(try StateManifest(decoding: manifest.encoded()) == manifest)
    #expect(manifest.stateByteCount == 5 + 4 * 10_003)
    #expect(manifest.chunkCount == 3)
    #expect(manifest.range(2) == 32_768..<40_017)
    let digest = StateServer(state).digest
    var changed = SharedState(round: 3, tensors: state.tensors, note: [1, 2, 3, 4, 6])
    #expect(StateServer(changed).digest != digest)
    changed = SharedState(round: 4, tensors: state.tensors, note: state.note)
    #expect(StateServer(changed).digest != digest)
    var tensors = state.tensors
    tensors[2].values[9_999].negate()
    changed = SharedState(round: 3, tensors: tensors, note: state.note)
    #expect(StateServer(changed).digest != digest)
  }

  @Test("bytes that are no manifest are refused before anything is made of them")
  func malformed() {
    let good = StateManifest(of: state).encoded()
    for count in 0..<good.count {
      #expect(throws: MalformedMessage.self) {
        try StateManifest(decoding: Array(good.prefix(count)))
      }
    }
    #expect(throws: MalformedMessage.self) { try StateManifest(decoding: good + [0]) }
    // The chunk size, the number of tensors, the count of the first one.
    for place in [12, 14, 16, 18, 28, 32] {
      var bad = good
      bad[place] ^= 0x7f
      #expect(throws: MalformedMessage.self) { try StateManifest(decoding: bad) }
    }
  }

  @Test("chunks are small parts of small states, and 1 MiB of large ones")
  func chunkSize() {
    #expect(StateManifest.chunkBytes(for: 0) == 16_384)
    #expect(StateManifest.chunkBytes(for: 24 << 20) == 196_608)
    #expect(StateManifest.chunkBytes(for: 1 << 40) == 1 << 20)
  }

  @Test("a state of another root, and chunks that do not exist, are absent")
  func absent() {
    let server = StateServer(state)
    let other = [UInt8](repeating: 1, count: 32)
    #expect(server.answer(.manifest(root: other)) == .absent(root: other))
    #expect(server.answer(.chunk(root: other, index: 0)) == .absent(root: other))
    #expect(
      server.answer(.chunk(root: server.digest, index: 3)) == .absent(root: server.digest))
    #expect(
      server.answer(.chunk(root: server.digest, index: -1)) == .absent(root: server.digest))
  }
}

@Suite("State message")
struct StateMessageTests {
  @Test("comes back from its wire form, and nothing shorter does")
  func roundTrip() throws {
    let root = [UInt8](0..<32)
    let messages: [StateMessage] = [
      .request(.root), .request(.manifest(root: root)), .request(.chunk(root: root, index: 9)),
      .answer(.root(root, round: 1 << 40)), .answer(.manifest(root: root, bytes: [1, 2])),
      .answer(.chunk(root: root, index: 70_000, bytes: [3])), .answer(.absent(root: root)),
    ]
    for message in messages {
      let bytes = message.encoded()
      #expect(try StateMessage(decoding: bytes) == message)
      for count in 0..<min(bytes.count, 33) {
        #expect(throws: MalformedMessage.self) {
          try StateMessage(decoding: Array(bytes.prefix(count)))
        }
      }
    }
    #expect(throws: MalformedMessage.self) { try StateMessage(decoding: [0, 0]) }
    #expect(throws: MalformedMessage.self) { try StateMessage(decoding: [99] + root) }
  }
}

@Suite("Digest")
struct DigestTests {
  @Test("is SHA-256")
  func known() {
    // FIPS 180-2, B.1: "abc".
    let expected: [UInt8] = [
      0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22,
      0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00,
      0x15, 0xad,
    ]
    #expect(Digest.sha256(of: Array("abc".utf8)) == expected)
  }

  @Test("the quick one tells values, their count, what follows, and its key apart")
  func quick() {
    func digest(_ values: [Float], _ bytes: [UInt8] = [7], seed: UInt64 = 1) -> [UInt8] {
      Digest.quick(
        of: values.span.elementBytes, count: values.count, seed: Seed(seed), then: bytes)
    }
    let different = [
      digest([]), digest([0]), digest([0, 0]), digest([-0.0, 0]), digest([0, -0.0]),
      digest([], [7, 7]), digest([], []), digest([0], seed: 2),
      digest(Array(repeating: 0, count: 256)), digest(Array(repeating: 0, count: 257)),
    ]
    #expect(Set(different).count == different.count)
    #expect(digest([1, 2, 3]) == digest([1, 2, 3]))
  }
}
