// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Testing

@Suite("SampleLedger, coded")
struct SampleLedgerCodingTests {
  @Test("comes back as it was", arguments: 0..<40)
  func roundTrip(seed: UInt64) throws {
    let ledger = try SampleLedgerTests.torn(Seed(seed), rounds: 1 + seed * 2)
    let back = try SampleLedger(decoding: ledger.encoded())
    #expect(back == ledger)
    #expect(back.encoded() == ledger.encoded())
    #expect(try SampleLedger(decoding: SampleLedger().encoded()) == SampleLedger())
  }

  @Test("every cut is refused, and so is a byte too many")
  func cuts() throws {
    let bytes = try SampleLedgerTests.torn(Seed(3), rounds: 40).encoded()
    for count in 0..<bytes.count {
      #expect(throws: DataError.self) { try SampleLedger(decoding: Array(bytes[..<count])) }
    }
    let error = #expect(throws: DataError.self) { try SampleLedger(decoding: bytes + [0]) }
    #expect(error?.what == "1 bytes too many")
  }

  @Test("20,000 mutations are refused or decode to a clean ledger that encodes to the same bytes")
  func mutations() throws {
    var generator = SplitMix64(Seed(11))
    let originals = try (0..<4).map {
      try SampleLedgerTests.torn(Seed($0), rounds: 3 + 20 * $0).encoded()
    }
    var refused = 0
    for turn in 0..<20_000 {
      var bytes = originals[turn % originals.count]
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        switch UInt8.random(in: 0..<4, using: &generator) {
        case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1: bytes[index] = 0xFF
        case 2: bytes.remove(at: index)
        default: bytes.insert(.random(in: 0...255, using: &generator), at: index)
        }
        if bytes.isEmpty { bytes = [0] }
      }
      do throws(DataError) {
        let ledger = try SampleLedger(decoding: bytes)
        #expect(ledger.encoded() == bytes)
        #expect(ledger.audit().isClean)
      } catch {
        refused += 1
        #expect(error.code == .ledgerDamaged)
      }
    }
    #expect(refused > 19_000)
  }

  @Test("says what is wrong and where")
  func messages() throws {
    let remedy = "Resume from an earlier checkpoint, or fetch the state from a peer again."
    func message(_ bytes: [UInt8]) -> String? {
      do throws(DataError) {
        _ = try SampleLedger(decoding: bytes, place: "ledger.bin")
        return nil
      } catch { return error.description }
    }
    #expect(
      message([])
        == "ledger-damaged: a number of 4 bytes is cut off (ledger.bin, byte 0 of 0). \(remedy)")
    #expect(
      message(Array("garbage!".utf8))
        == "ledger-damaged: it is not a ledger (ledger.bin, byte 4 of 8). \(remedy)")
    let empty = SampleLedger().encoded()
    let size = empty.count
    var lying = empty
    lying[16] = 0xFF
    lying[17] = 0xFF
    lying[18] = 0xFF
    #expect(
      message(lying)
        == "ledger-damaged: 16777215 elements were announced, \(size - 20) bytes are there "
        + "(ledger.bin, byte 20 of \(size)). \(remedy)")
    var newer = empty
    newer[4] = 2
    #expect(
      message(newer) == "ledger-damaged: version 2 of the ledger; this program reads version 1 "
        + "(ledger.bin, byte 8 of \(size)). \(remedy)")
    var chain = empty
    chain[60] ^= 1
    #expect(
      message(chain) == "ledger-damaged: the chain of hashes does not lead to its end "
        + "(ledger.bin, byte \(size) of \(size)). \(remedy)")
  }
}
