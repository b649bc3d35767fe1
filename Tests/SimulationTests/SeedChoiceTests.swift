// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerrySimulation
import Testing

@Suite("Choice of seeds")
struct SeedChoiceTests {
  @Test("a seed that failed is run alone; a soak runs as many as asked, from where asked")
  func chooses() {
    #expect(SeedChoice.seeds(environment: [:], few: 2) == [Seed(1), Seed(2)])
    let replay = ["FERRY_SEED": "77", "FERRY_SEEDS": "9"]
    #expect(SeedChoice.seeds(environment: replay, few: 2) == [Seed(77)])
    let soak = ["FERRY_SEEDS": "3", "FERRY_SEEDS_FIRST": "100"]
    #expect(SeedChoice.seeds(environment: soak, few: 2) == [Seed(100), Seed(101), Seed(102)])
  }
}
