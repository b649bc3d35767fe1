// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Testing

@Suite("ContentHash")
struct ContentHashTests {
  @Test(
    "equals the published SHA-256 of known texts",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
      (
        String(repeating: "a", count: 1_000_000),
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
      ),
    ])
  func knownHashes(text: String, hex: String) {
    #expect(ContentHash(of: Array(text.utf8)).description == hex)
    #expect(ContentHash(hex: hex) == ContentHash(of: Array(text.utf8)))
    #expect(ContentHash(bytes: ContentHash(hex: hex)!.bytes)?.description == hex)
  }

  @Test("does not depend on how the bytes are cut")
  func pieces() {
    let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 * 7) }
    for cut in 0...300 {
      var hasher = ContentHasher()
      hasher.update(Array(bytes[..<cut]))
      hasher.update(Array(bytes[cut...]))
      #expect(hasher.finished() == ContentHash(of: bytes))
    }
  }

  @Test(
    "refuses digits that are not a hash", arguments: ["", "00", String(repeating: "G", count: 64)])
  func refuses(hex: String) { #expect(ContentHash(hex: hex) == nil) }
}
