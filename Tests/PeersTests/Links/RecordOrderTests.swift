// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import Testing

@Suite("Order of bulk records")
struct RecordOrderTests {
  static func record(_ number: UInt64, after: UInt64 = 0, count: Int = 1) -> RecordOrder.Record {
    RecordOrder.Record(
      number: number, after: after, purpose: .exchange,
      bytes: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: count)[...])
  }

  @Test("is that of their numbers, however they come", arguments: UInt64(0)..<50)
  func restored(seed: UInt64) throws {
    var generator = SplitMix64(Seed(seed))
    var (order, got) = (RecordOrder(), [UInt64]())
    for number in (UInt64(0)..<100).shuffled(using: &generator) {
      if try order.admits(Self.record(number), urgentCount: 0, place: "") { got.append(number) }
      while let next = order.next(urgentCount: 0) { got.append(next.number) }
    }
    #expect(got == Array(0..<100))
    #expect(order.heldByteCount == 0 && order.expected == 100)
  }

  @Test("waits for the urgent frames that were sent before")
  func afterUrgent() throws {
    var order = RecordOrder()
    #expect(try !order.admits(Self.record(0, after: 2), urgentCount: 1, place: ""))
    #expect(order.next(urgentCount: 1) == nil)
    #expect(order.next(urgentCount: 2)?.number == 0)
    #expect(try order.admits(Self.record(1, after: 2), urgentCount: 2, place: ""))
  }

  @Test("a number that came before is refused, used or held")
  func twice() throws {
    var order = RecordOrder()
    #expect(try order.admits(Self.record(0), urgentCount: 0, place: "x"))
    #expect(try !order.admits(Self.record(2), urgentCount: 0, place: "x"))
    for number in [UInt64(0), 2] {
      let error = #expect(throws: PeersError.self) {
        _ = try order.admits(Self.record(number), urgentCount: 0, place: "x")
      }
      #expect(error?.what == "bulk record \(number) a second time")
    }
  }

  @Test("is crowded at its limit, and refuses what exceeds twice that, empty records too")
  func bounded() throws {
    var order = RecordOrder()
    let size = 1 << 20
    var number: UInt64 = 1
    while !order.isCrowded {
      _ = try order.admits(Self.record(number, count: size), urgentCount: 0, place: "x")
      number += 1
    }
    #expect(order.heldByteCount < LinkLimits.reorderBytesMax + 2 * size)
    let error = #expect(throws: PeersError.self) {
      while true {
        _ = try order.admits(Self.record(number, count: 0), urgentCount: 0, place: "x")
        number += 1
      }
    }
    #expect(error?.what == "\(order.heldByteCount) bytes before bulk record 0")
  }

  @Test("a record's header reads back, and nothing else reads")
  func header() throws {
    let bulk = RecordHeader(.catchUp, .init(number: 1 << 40, after: 77))
    let urgent = RecordHeader(.membership)
    for header in [bulk, urgent] {
      #expect(header.encoded.count == header.byteCount)
      #expect(try RecordHeader((header.encoded + [9])[...], at: "") == header)
    }
    // Too short; of no purpose; urgent in the bulk lane; empty.
    for bytes in [Array(bulk.encoded.dropLast()), [0x05], [0x82] + bulk.encoded, []] {
      let error = #expect(throws: PeersError.self) { try RecordHeader(bytes[...], at: "x") }
      #expect(
        error?.description
          == "damaged-frame: a record whose header is none (x). "
          + "Install the same release of Ferry on both.")
    }
  }
}
