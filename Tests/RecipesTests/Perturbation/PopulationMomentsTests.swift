// SPDX-License-Identifier: Apache-2.0

import FerryRecipes
import Testing

@Suite("Population moments")
struct PopulationMomentsTests {
  @Test("means, variances and third moments of each coordinate")
  func moments() {
    let moments = PopulationMoments([0, 1, 0, 1, 3, 1], dimensions: 2)
    #expect(moments.mean == [1, 1])
    #expect(moments.variance == [2, 0])
    #expect(moments.third == [2, 0])
  }
}
