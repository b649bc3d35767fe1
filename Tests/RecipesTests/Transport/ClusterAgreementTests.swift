// SPDX-License-Identifier: Apache-2.0

import FerryRecipes
import Testing

@Suite("ClusterAgreement")
struct ClusterAgreementTests {
  @Test("names of clusters do not count")
  func renamed() throws {
    let classes = [0, 0, 0, 1, 1, 2]
    let renamed = try ClusterAgreement([2, 2, 2, 0, 0, 1], classes: classes, count: 3)
    #expect(renamed.accuracy == 1)
    #expect(abs(renamed.information - 1) < 1e-15)
  }

  @Test("worked by hand: four of six right, and what that tells in bits")
  func byHand() throws {
    // Class 0 in clusters a, a, b; class 1 in b, b; class 2 in b.
    let found = try ClusterAgreement([0, 0, 1, 1, 1, 1], classes: [0, 0, 0, 1, 1, 2], count: 3)
    #expect(abs(found.accuracy - 4.0 / 6) < 1e-15)
    // I = 2/6 ln 2 + 1/6 ln 1/2 + 2/6 ln 3/2 + 1/6 ln 3/2; entropies 1.011404 and 0.636514.
    let mutual = 0.318257
    #expect(abs(found.information - mutual / ((1.011404 + 0.636514) / 2)) < 1e-5)
  }

  @Test("one cluster for all tells nothing")
  func single() throws {
    let found = try ClusterAgreement([0, 0, 0, 0], classes: [0, 1, 1, 1], count: 2)
    #expect(found.accuracy == 0.75 && abs(found.information) < 1e-15)
  }
}
