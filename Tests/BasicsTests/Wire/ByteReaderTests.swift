// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Testing

@Suite("Byte reader")
struct ByteReaderTests {
  /// One message with a part of every kind, and how to read it back.
  private static let message: [UInt8] = {
    var writer = ByteWriter()
    writer.put(UInt8(1))
    writer.put(UInt16(2))
    writer.put(UInt32(3))
    writer.put(UInt64(4))
    writer.put(5.5)
    writer.put(raw: [6, 7])
    writer.put(run: [8, 9, 10])
    writer.put("elf ≠ 11")
    writer.put(each: [12, 13] as [UInt16]) { $0.put($1) }
    return writer.bytes
  }()

  private static func readAll(_ bytes: [UInt8]) throws(MalformedMessage) {
    var reader = ByteReader(bytes, place: "test")
    _ = try reader.number(UInt8.self)
    _ = try reader.number(UInt16.self)
    _ = try reader.number(UInt32.self)
    _ = try reader.number(UInt64.self)
    _ = try reader.double()
    _ = try reader.raw(2)
    _ = try reader.run(max: 3)
    _ = try reader.text(max: 10)
    _ = try reader.each(max: 2, byteCountMin: 2) { reader throws(MalformedMessage) in
      try reader.number(UInt16.self)
    }
    try reader.end()
  }

  private static func byte(_ reader: inout ByteReader) throws(MalformedMessage) -> UInt8 {
    try reader.number()
  }

  /// The sentence that `body` ends with; empty when it succeeds.
  private func complaint(
    _ bytes: [UInt8], _ body: (inout ByteReader) throws -> Void
  ) -> String {
    var reader = ByteReader(bytes, place: "promise")
    do {
      try body(&reader)
      return ""
    } catch { return "\(error)" }
  }

  @Test("a message that is whole is read whole")
  func whole() throws {
    try Self.readAll(Self.message)
  }

  @Test("reading begins where it is told to, and places are those in the whole message")
  func start() throws {
    var reader = ByteReader([9, 1, 2], from: 1, place: "test")
    #expect(try reader.number(UInt16.self) == 0x0201)
    #expect(reader.malformed("x").place == "test, byte 3 of 3")
    try reader.end()
    let none = ByteReader([9], from: 1, place: "test")
    #expect(none.remaining == 0)
  }

  @Test("a message cut off at any byte is refused, and so is one with a byte too many")
  func cutOff() {
    for count in 0..<Self.message.count {
      #expect(throws: MalformedMessage.self, "\(count) bytes") {
        try Self.readAll(Array(Self.message.prefix(count)))
      }
    }
    let error = #expect(throws: MalformedMessage.self) { try Self.readAll(Self.message + [0]) }
    #expect(
      error?.description
        == "malformed-message: 1 bytes too many (test, byte \(Self.message.count) of "
        + "\(Self.message.count + 1)). The sender is broken, hostile or of another version; "
        + "it is ignored.")
  }

  @Test("each complaint says what was announced, what is there, and at which byte")
  func complaints() {
    let remedy = "The sender is broken, hostile or of another version; it is ignored."
    #expect(
      complaint([1, 2, 3]) { _ = try $0.number(UInt32.self) }
        == "malformed-message: a number of 4 bytes is cut off (promise, byte 0 of 3). \(remedy)")
    #expect(
      complaint([1, 2, 3]) { _ = try $0.raw(4) }
        == "malformed-message: 4 bytes were announced, 3 are there (promise, byte 0 of 3). "
        + remedy)
    #expect(
      complaint([5, 0, 0, 0, 1]) { _ = try $0.run(max: 9) }
        == "malformed-message: 5 bytes were announced, 1 are there (promise, byte 4 of 5). "
        + remedy)
    #expect(
      complaint([5, 0, 0, 0, 1, 2, 3, 4, 5]) { _ = try $0.run(max: 4) }
        == "malformed-message: 5 bytes were announced, at most 4 are allowed "
        + "(promise, byte 4 of 9). \(remedy)")
    #expect(
      complaint([2, 0, 0, 0, 0xC3, 0x28]) { _ = try $0.text(max: 9) }
        == "malformed-message: a text is not UTF-8 (promise, byte 6 of 6). \(remedy)")
    #expect(
      complaint([3, 0, 0, 0, 1, 2]) {
        _ = try $0.each(max: 9, byteCountMin: 1, Self.byte)
      }
        == "malformed-message: 3 elements were announced, 2 bytes are there "
        + "(promise, byte 4 of 6). \(remedy)")
  }

  @Test("a length that lies is refused before anything is made or read", arguments: [4, 64, 4000])
  func lies(most: Int) {
    // The largest there is: memory for it would not be given, and the test would end here.
    let bytes = [0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3] as [UInt8]
    #expect(complaint(bytes) { _ = try $0.run(max: most) } != "")
    #expect(complaint(bytes) { _ = try $0.run(max: Int(UInt32.max)) } != "")
    #expect(complaint(bytes) { _ = try $0.text(max: most) } != "")
    #expect(complaint(bytes) { _ = try $0.raw(-1) } != "")
    #expect(complaint(bytes) { _ = try $0.raw(.max) } != "")
    for (countMax, byteCountMin) in [(most, 1), (Int(UInt32.max), 1), (Int(UInt32.max), 1 << 20)] {
      var read = 0
      let said = complaint(bytes) {
        _ = try $0.each(max: countMax, byteCountMin: byteCountMin) { _ in read += 1 }
      }
      #expect(read == 0)
      #expect(said.contains("4294967295 elements were announced, 3 bytes are there"))
    }
  }

  @Test("an element that complains ends the list")
  func elements() {
    let said = complaint([2, 0, 0, 0, 7, 8]) { reader in
      _ = try reader.each(max: 2, byteCountMin: 1) { reader throws(MalformedMessage) in
        if try reader.number(UInt8.self) == 8 { throw reader.malformed("no eights") }
      }
    }
    #expect(said.hasPrefix("malformed-message: no eights (promise, byte 6 of 6)"))
  }

  @Test("what is left can be counted and taken at once")
  func rest() throws {
    var reader = ByteReader([1, 2, 3], place: "test")
    #expect(reader.remaining == 3)
    #expect(try reader.number() as UInt8 == 1)
    #expect(reader.remaining == 2)
    #expect(reader.rest() == [2, 3])
    #expect(reader.remaining == 0 && reader.rest() == [])
    try reader.end()
  }
}
