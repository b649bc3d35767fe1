// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ferry

@Suite("Compressed Bible")
struct CompressedBibleTests {
  /// A file as the package holds it: 9-bit codes only, so each byte is its own word.
  private func file(_ text: String, magic: String = "EC02Compressed Data File") -> [UInt8] {
    var bits: [UInt8] = []
    for byte in text.utf8 {
      for bit in 0..<9 { bits.append(bit < 8 ? byte >> UInt8(bit) & 1 : 0) }
    }
    while !bits.count.isMultiple(of: 8) { bits.append(0) }
    let window = stride(from: 0, to: bits.count, by: 8).map { at in
      (0..<8).reduce(UInt8(0)) { $0 | bits[at + $1] << UInt8($1) }
    }
    var out = Array(magic.utf8)
    out += Array(repeating: 0, count: 0x50 - out.count)
    for word in [0, 65_536, 1, 0x64, 0x64 + window.count] {
      out += (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) }
    }
    return out + window
  }

  @Test("verses lose their numbers, chapters get an empty line between them")
  func verses() {
    let raw = "A title.\nGe1:1 In the beginning.\nGe1:2 And: the earth.\nGe2:1 Thus.\n"
    #expect(
      CompressedBible.text(of: file(raw)) == "In the beginning.\nAnd: the earth.\n\nThus.\n")
  }

  @Test("another file, or half of one, is refused")
  func refuses() {
    let whole = file("Ge1:1 In the beginning.\n")
    #expect(CompressedBible.text(of: file("Ge1:1 In.\n", magic: "GIF89a")) == nil)
    #expect(CompressedBible.text(of: []) == nil)
    for cut in 1..<whole.count {
      #expect(CompressedBible.text(of: Array(whole[..<cut])) == nil, "\(cut)")
    }
  }

  @Test("a code for a word that is not there yet is refused, and nothing hangs")
  func badCodes() {
    var bytes = file("Ge1:1 In the beginning.\n")
    for at in 0x64..<bytes.count { bytes[at] = 0xFF }
    #expect(CompressedBible.text(of: bytes) == nil)
  }

  @Test("Debian's file gives the text with the known checksum, where it is installed")
  func realFile() throws {
    guard let data = FileManager.default.contents(atPath: "/usr/lib/bible.data") else { return }
    let text = try #require(CompressedBible.text(of: Array(data)))
    #expect(text.utf8.count == 4_139_038)
    #expect(text.hasPrefix("In the beginning God created the heaven and the earth.\n"))
  }
}
