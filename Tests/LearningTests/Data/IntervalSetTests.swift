// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Foundation
import Testing

@Suite("IntervalSet")
struct IntervalSetTests {
  @Test("behaves as a set of positions, whatever is inserted and removed", arguments: 0..<200)
  func equalsSet(seed: UInt64) {
    var generator = SplitMix64(Seed(seed))
    var set = IntervalSet()
    var plain: Set<UInt64> = []
    for _ in 0..<30 {
      let lower = UInt64.random(in: 0..<60, using: &generator)
      let range = lower..<lower + UInt64.random(in: 0..<12, using: &generator)
      if Bool.random(using: &generator) {
        set.insert(range)
        plain.formUnion(range)
      } else {
        set.remove(range)
        plain.subtract(range)
      }
      #expect(set.count == UInt64(plain.count))
      #expect((0..<80).allSatisfy { set.contains($0) == plain.contains($0) })
      #expect(zip(set.ranges, set.ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
      #expect(set.firstFree == (0...80).first { !plain.contains($0) })
      #expect(set.end == (plain.max().map { $0 + 1 } ?? 0))
      let probe = UInt64.random(in: 0..<60, using: &generator)
      let window = probe..<probe + UInt64.random(in: 0..<9, using: &generator)
      #expect(set.firstOverlap(with: window) == window.first { plain.contains($0) })
      #expect(set.contains(window) == window.allSatisfy { plain.contains($0) })
      let holes = Set(set.holes.flatMap { Array($0) })
      #expect(holes == Set((0..<set.end)).subtracting(plain))
      let free = set.free(9).flatMap { Array($0) }
      #expect(free == (0..<200).filter { !plain.contains($0) }.prefix(9).map { $0 })
    }
  }

  @Test("adds and subtracts whole sets")
  func wholeSets() {
    var set = IntervalSet([0..<4, 8..<10])
    set.formUnion(IntervalSet([4..<8, 20..<21]))
    #expect(set.ranges == [0..<10, 20..<21])
    set.subtract(IntervalSet([2..<3, 9..<30]))
    #expect(set.ranges == [0..<2, 3..<9])
  }

  @Test("goes through JSON unchanged")
  func json() throws {
    let set = IntervalSet([0..<5, 7..<(1 << 61)])
    let data = try JSONEncoder().encode(set)
    #expect(String(decoding: data, as: UTF8.self) == "[[0,5],[7,2305843009213693952]]")
    #expect(try JSONDecoder().decode(IntervalSet.self, from: data) == set)
  }

  @Test(
    "refuses JSON that is not sorted ranges apart",
    arguments: [
      "[[5,0]]", "[[0,0]]", "[[0,5],[5,6]]", "[[4,5],[0,1]]", "[[1]]", "[[1,2,3]]", "[[-1,2]]",
    ])
  func refuses(json: String) {
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(IntervalSet.self, from: Data(json.utf8))
    }
  }
}
