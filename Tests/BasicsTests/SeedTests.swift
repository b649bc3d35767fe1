// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Testing

@Suite("Seed")
struct SeedTests {
  @Test("SplitMix64 gives the published sequence")
  func published() {
    // The first outputs for the seed 1234567, as the algorithm's authors' code prints them.
    var generator = SplitMix64(Seed(1_234_567))
    #expect(
      (0..<3).map { _ in generator.next() } == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      ])
  }

  @Test("labels and numbers give streams of their own, the same every time")
  func derived() {
    let seed = Seed(7)
    let seeds = [
      seed, seed.derived("a"), seed.derived("b"), seed.derived("ab"), seed.derived("a", 0),
      seed.derived("a", 1), seed.derived("a", 0, 1), seed.derived("a", 1, 0),
      Seed(8).derived("a"), seed.derived("a").derived("b"),
    ]
    #expect(Set(seeds).count == seeds.count)
    #expect(seed.derived("a", 1, 0) == Seed(7).derived("a", 1, 0))
    #expect("\(seed)" == "seed 7")
  }
}
