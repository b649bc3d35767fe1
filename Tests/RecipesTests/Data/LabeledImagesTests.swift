// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import FerryRecipes
import Testing

@Suite("LabeledImages")
struct LabeledImagesTests {
  private func read(_ text: String) throws(RecipeError) -> LabeledImages {
    try LabeledImages(
      csv: Array(text.utf8), width: 2, height: 1, brightest: 16, place: "made.csv")
  }

  private func message(_ text: String) -> String? {
    do throws(RecipeError) {
      _ = try read(text)
      return nil
    } catch { return "\(error.what) (\(error.place))" }
  }

  @Test("lines become pictures, however they end")
  func lines() throws {
    let images = try read("0,16,3\n4,8,12\n")
    #expect(images.count == 2 && images.dimensions == 2)
    #expect(images.features == [0, 1, 0.25, 0.5])
    #expect(images.labels == [3, 12])
    for text in ["0,16,3\n4,8,12", "0,16,3\r\n4,8,12\r\n", "\n0,16,3\n\n4,8,12\n\n"] {
      #expect(try read(text) == images)
    }
    #expect(try images.points().coordinates == images.features)
    #expect(images.chosen([1, 1, 0]).labels == [12, 12, 3])
    #expect(Array(images.chosen([1, 0])[1]) == [0, 1])
  }

  @Test("a line that does not fit is told with its number")
  func malformed() {
    #expect(message("1,2,3\n1,2\n") == "2 numbers instead of 3 (made.csv, line 2)")
    #expect(message("1,2,3,4\n") == "4 numbers instead of 3 (made.csv, line 1)")
    #expect(message("1,,3\n") == "no whole number in column 2 (made.csv, line 1)")
    #expect(message("1,2,\n") == "no whole number in column 3 (made.csv, line 1)")
    #expect(message("1,-2,3\n") == "no whole number in column 2 (made.csv, line 1)")
    #expect(message("1,2.5,3\n") == "the byte 46 after column 2 (made.csv, line 1)")
    #expect(
      message("1,2,99999999999999999999\n")
        == "a number of more digits than 9 (made.csv, line 1)")
    #expect(message("1,17,3\n") == "the pixel 17 is brighter than 16 (made.csv, line 1)")
    #expect(message("") == "there is no picture in it (made.csv)")
    #expect(message("\n\n") == "there is no picture in it (made.csv)")
  }

  @Test(
    "averaging keeps the mean brightness, at whole and broken ratios", arguments: [UInt64(1), 2, 3])
  func averaging(seed: UInt64) throws {
    var chance = SplitMix64(Seed(seed))
    let text = (0..<3).map { _ in
      (0..<28).map { _ in String(Int.random(in: 0...255, using: &chance)) }
        .joined(separator: ",") + ",7\n"
    }.joined()
    let images = try LabeledImages(
      csv: Array(text.utf8), width: 7, height: 4, brightest: 255, place: "")
    for (width, height) in [(7, 4), (7, 2), (2, 4), (3, 3), (1, 1)] {
      let small = images.averaged(width: width, height: height)
      #expect(small.dimensions == width * height && small.labels == images.labels)
      for index in 0..<images.count {
        let before = images[index].reduce(0, +) / 28
        let after = small[index].reduce(0, +) / Double(width * height)
        #expect(abs(before - after) < 1e-12)
      }
    }
    #expect(images.averaged(width: 7, height: 4) == images)
    // Two columns of 3.5: the fourth is shared.
    let halves = images.averaged(width: 2, height: 4)
    let row = Array(images[0].prefix(7))
    #expect(abs(halves.features[0] - (row[0] + row[1] + row[2] + row[3] / 2) / 3.5) < 1e-12)
  }
}
