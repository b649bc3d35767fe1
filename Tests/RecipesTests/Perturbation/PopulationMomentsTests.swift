// SPDX-License-Identifier: Apache-2.0

import FerryRecipes
import Testing

@Suite("Population moments")
struct PopulationMomentsTests {
  @Test("means, variances and third moments of each coordinate")
  func moments() {
    let moments = PopulationMoments([0, 1, 0, 1, 6, 1], dimensions: 2)
    #expect(moments.mean == [2, 1])
    #expect(moments.variance == [8, 0])
    #expect(moments.third == [16, 0])
  }
}
