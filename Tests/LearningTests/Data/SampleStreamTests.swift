// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Testing

@Suite("SampleStream")
struct SampleStreamTests {
  @Test("a permutation gives every sample once, for every count to 300 and some beyond")
  func bijection() {
    for count in Array(1...300) + [1000, 1024, 1025, 4097] {
      let order = SamplePermutation(count: UInt64(count), seed: Seed(UInt64(count)))
      let samples = (0..<UInt64(count)).map { order[$0] }
      #expect(samples.sorted() == Array(0..<UInt64(count)))
      #expect((0..<UInt64(count)).allSatisfy { order.place(of: order[$0]) == $0 })
    }
  }

  @Test("a permutation of 2^62 samples is invertible")
  func large() {
    let order = SamplePermutation(count: 1 << 62, seed: Seed(1))
    for place in [0, 1, (1 << 62) - 1, 12345] as [UInt64] {
      #expect(order.place(of: order[place]) == place)
    }
  }

  @Test("seeds and passes give different orders, equal seeds the same one")
  func orders() {
    let a = SampleStream(count: 100, seed: Seed(1))
    #expect(a.samples(at: 0..<100) == SampleStream(count: 100, seed: Seed(1)).samples(at: 0..<100))
    #expect(a.samples(at: 0..<100) != SampleStream(count: 100, seed: Seed(2)).samples(at: 0..<100))
    #expect(a.samples(at: 0..<100) != a.samples(at: 100..<200))
    #expect(a.samples(at: 0..<100) != Array(0..<100))
  }

  @Test("every pass holds every sample once, however positions are cut")
  func passes() {
    let stream = SampleStream(count: 37, seed: Seed(5))
    let whole = stream.samples(at: 0..<37 * 3)
    for pass in 0..<3 { #expect(whole[pass * 37..<(pass + 1) * 37].sorted() == Array(0..<37)) }
    #expect(stream.samples(at: 0..<20) + stream.samples(at: 20..<111) == whole)
    #expect(stream.samples(at: 5..<5).isEmpty)
  }

  @Test("neighbors scatter: the mean distance is near a third of the count")
  func scatters() {
    let order = SamplePermutation(count: 10_000, seed: Seed(3))
    var sum = 0.0
    for place in 1..<UInt64(10_000) { sum += abs(Double(order[place]) - Double(order[place - 1])) }
    #expect(abs(sum / 9_999 - 3_333) < 100)
  }

  @Test("keeps the order it had: a run resumed by a later version draws the same samples")
  func golden() {
    let stream = SampleStream(count: 1000, seed: Seed(42))
    #expect(stream.samples(at: 0..<8) == [953, 183, 458, 636, 563, 609, 23, 86])
  }
}
