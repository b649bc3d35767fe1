// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes
import Testing

@Suite("Pictures")
struct PictureTests {
  @Test(
    "bytes must fit the size", arguments: [(2, 2, 11), (0, 3, 0), (-1, -1, 3), (Int.max, 2, 6)])
  func sizes(width: Int, height: Int, bytes: Int) {
    let error = #expect(throws: RecipeError.self) {
      try Picture(width: width, height: height, bytes: Array(repeating: 0, count: bytes))
    }
    #expect(
      error?.description
        == "picture-malformed: \(bytes) bytes for \(width) × \(height) pixels (picture). "
        + "Give 3 bytes for each pixel, and at least one pixel.")
  }
}
