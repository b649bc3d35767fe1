// SPDX-License-Identifier: Apache-2.0

import FerryRecipes
import Testing

@Suite("Turned pictures")
struct LabeledImagesRotationTests {
  private func images() throws -> LabeledImages {
    try LabeledImages(
      csv: Array("0,4,8,1,2,3,5,6,7,9\n".utf8), width: 3, height: 3, brightest: 10,
      place: "made.csv")
  }

  @Test("a quarter against the clock moves the right column to the top row")
  func quarter() throws {
    let images = try images()
    let turned = images.rotated(degrees: 90)
    let expected = [0.8, 0.3, 0.7, 0.4, 0.2, 0.6, 0, 0.1, 0.5]
    for (a, b) in zip(turned.features, expected) { #expect(abs(a - b) < 1e-12) }
    #expect(turned.labels == [9])
    for (a, b) in zip(turned.rotated(degrees: -90).features, images.features) {
      #expect(abs(a - b) < 1e-12)
    }
  }

  @Test("none changes nothing, and any keeps the middle as it is and adds no light")
  func any() throws {
    let images = try images()
    #expect(images.rotated(degrees: 0).features == images.features)
    let turned = images.rotated(degrees: 33)
    #expect(abs(turned.features[4] - 0.2) < 1e-12)
    #expect(turned.features.reduce(0, +) < images.features.reduce(0, +))
    #expect(turned.features.allSatisfy { $0 >= 0 })
    #expect(images.dimmed(by: 0.5).features == images.features.map { $0 / 2 })
  }
}
