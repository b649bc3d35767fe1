// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes

/// A shelf with pictures that were never drawn: a block of light for each class, and noise.
enum MadeDigits {
  /// Thirty pictures of each class under the names of mnist5k and digits8.
  static let shelf = DataShelf(made: [
    "mnist5k/mnist.csv": bytes(side: 28, brightest: 255),
    "digits8/digits.csv": bytes(side: 8, brightest: 16),
  ])

  private static func bytes(side: Int, brightest: Int) -> [UInt8] {
    var random = SplitMix64(Seed(7))
    var text: [UInt8] = []
    for number in 0..<300 {
      let label = number % 10
      let (top, left) = (label / 5 * side / 2, label % 5 * (side / 5))
      for y in 0..<side {
        for x in 0..<side {
          let isLit =
            (top..<top + side * 3 / 7).contains(y) && (left..<left + side / 5 + 1).contains(x)
          let dim = isLit ? brightest / 4 : 0
          let light = Int.random(in: dim...(isLit ? brightest : brightest / 2), using: &random)
          text += Array("\(light),".utf8)
        }
      }
      text += Array("\(label)\n".utf8)
    }
    return text
  }
}
