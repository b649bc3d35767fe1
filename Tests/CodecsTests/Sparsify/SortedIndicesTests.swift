// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import Testing

@Suite("SortedIndices")
struct SortedIndicesTests {
  @Test("all sets below 10 come back, and no two have the same bytes")
  func exhaustive() {
    for limit in 0...10 {
      for count in 0...limit {
        let code = SortedIndices(count: count, below: limit)
        var seen: Set<[UInt8]> = []
        for set in 0..<1 << limit where set.nonzeroBitCount == count {
          let indices = (0..<UInt32(limit)).filter { set >> Int($0) & 1 == 1 }
          let bytes = encode(code, indices)
          #expect(code.decode(bytes.span) == indices)
          #expect(seen.insert(bytes).inserted)
        }
      }
    }
  }

  @Test("bytes that decode are those that are written for what they decode to")
  func canonical() {
    // All 16-bit words for five of nine: the code has two bytes.
    let code = SortedIndices(count: 5, below: 9)
    #expect(code.byteCount == 2)
    var sound = 0
    for word in 0...UInt16.max {
      let bytes = [UInt8(truncatingIfNeeded: word), UInt8(word >> 8)]
      guard let indices = code.decode(bytes.span) else { continue }
      sound += 1
      #expect(encode(code, indices) == bytes)
    }
    #expect(sound == 126)
  }

  @Test("noise is refused or decodes to ascending indices below the limit")
  func noise() {
    var random = SplitMix64(Seed(3))
    var sound = 0
    for _ in 0..<20_000 {
      let limit = Int.random(in: 1...40, using: &random)
      let code = SortedIndices(
        count: Int.random(in: 0...min(3, limit), using: &random), below: limit)
      let bytes = (0..<code.byteCount).map { _ in
        // Few bits, so that some of them are sound.
        UInt8.random(in: 0...255, using: &random) & UInt8.random(in: 0...255, using: &random)
      }
      guard let indices = code.decode(bytes.span) else { continue }
      sound += 1
      #expect(indices.count == code.count && indices.allSatisfy { $0 < limit })
      #expect(zip(indices, indices.dropFirst()).allSatisfy { $0 < $1 })
      #expect(encode(code, indices) == bytes)
    }
    #expect(sound > 500, "noise that is always refused tests half")
  }

  @Test("takes the bytes that it says: about 2 bits and the logarithm of the spacing")
  func size() {
    #expect(SortedIndices(count: 2048, below: 65_536).byteCount == 2048 * 5 / 8 + 512)
    #expect(SortedIndices(count: 655, below: 65_536).byteCount == 492 + 210)
    #expect(SortedIndices(count: 100, below: 100).byteCount == 25)
    #expect(SortedIndices(count: 0, below: 100).byteCount == 0)
  }

  private func encode(_ code: SortedIndices, _ indices: [UInt32]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xaa, count: code.byteCount)
    var view = bytes.mutableSpan
    code.encode(indices.span, into: &view)
    return bytes
  }
}
