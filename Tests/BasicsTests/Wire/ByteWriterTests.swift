// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Testing

@Suite("Byte writer")
struct ByteWriterTests {
  private func bytes(_ body: (inout ByteWriter) -> Void) -> [UInt8] {
    var writer = ByteWriter()
    body(&writer)
    return writer.bytes
  }

  @Test("numbers are written little end first, at their own width")
  func numbers() {
    #expect(bytes { $0.put(0xAB as UInt8) } == [0xAB])
    #expect(bytes { $0.put(0x0102 as UInt16) } == [2, 1])
    #expect(bytes { $0.put(0x0102_0304 as UInt32) } == [4, 3, 2, 1])
    #expect(bytes { $0.put(0x0102_0304_0506_0708 as UInt64) } == [8, 7, 6, 5, 4, 3, 2, 1])
    #expect(bytes { $0.put(1.0) } == [0, 0, 0, 0, 0, 0, 0xF0, 0x3F])
  }

  @Test("runs and texts have a length of four bytes before them, raw bytes have none")
  func lengths() {
    #expect(bytes { $0.put(raw: [7, 8]) } == [7, 8])
    #expect(bytes { $0.put(run: [7, 8]) } == [2, 0, 0, 0, 7, 8])
    #expect(bytes { $0.put("é") } == [2, 0, 0, 0, 0xC3, 0xA9])
    #expect(bytes { $0.put(each: [UInt8]()) { $0.put($1) } } == [0, 0, 0, 0])
    #expect(bytes { $0.put(each: [7, 8] as [UInt16]) { $0.put($1) } } == [2, 0, 0, 0, 7, 0, 8, 0])
  }

  @Test("every number comes back as it was", arguments: 0..<200)
  func roundTrips(index: Int) throws {
    var random = SplitMix64(Seed(UInt64(index)))
    let edges: [UInt64] = [0, 1, .max, .max / 2, .max / 2 + 1]
    let word = index < edges.count ? edges[index] : random.next()
    let written = bytes {
      $0.put(UInt8(truncatingIfNeeded: word))
      $0.put(UInt16(truncatingIfNeeded: word))
      $0.put(UInt32(truncatingIfNeeded: word))
      $0.put(word)
      $0.put(Double(bitPattern: word))
    }
    #expect(written.count == 1 + 2 + 4 + 8 + 8)
    var reader = ByteReader(written, place: "test")
    #expect(try reader.number() == UInt8(truncatingIfNeeded: word))
    #expect(try reader.number() == UInt16(truncatingIfNeeded: word))
    #expect(try reader.number() == UInt32(truncatingIfNeeded: word))
    #expect(try reader.number() == word)
    // By its bits: NaN has many, and all of them travel.
    #expect(try reader.double().bitPattern == word)
    try reader.end()
  }

  @Test("runs, texts and lists come back as they were", arguments: [0, 1, 2, 255, 256, 70_000])
  func runs(count: Int) throws {
    var random = SplitMix64(Seed(UInt64(count)))
    let run = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    let text = String(repeating: "ß≠🜁", count: count)
    let list = run.map { ($0, UInt64($0) << 40) }
    let written = bytes {
      $0.put(run: run)
      $0.put(text)
      $0.put(raw: run)
      $0.put(each: list) { writer, element in
        writer.put(element.0)
        writer.put(element.1)
      }
    }
    var reader = ByteReader(written, place: "test")
    #expect(try reader.run(max: count) == run)
    #expect(try reader.text(max: text.utf8.count) == text)
    #expect(try reader.raw(count) == run)
    let read = try reader.each(max: count, byteCountMin: 9) { reader throws(MalformedMessage) in
      (try reader.number(UInt8.self), try reader.number(UInt64.self))
    }
    #expect(read.elementsEqual(list, by: ==))
    try reader.end()
  }
}
