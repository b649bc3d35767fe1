// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes

/// A shelf with pictures that were never drawn: a block of light for each class, and noise.
enum MadeDigits {
  /// Thirty pictures of each class under the name of mnist5k.
  static let shelf = DataShelf(made: ["mnist5k/mnist.csv": bytes])

  private static let bytes: [UInt8] = {
    var random = SplitMix64(Seed(7))
    var text: [UInt8] = []
    for number in 0..<300 {
      let label = number % 10
      let (top, left) = (label / 5 * 14, label % 5 * 5)
      for y in 0..<28 {
        for x in 0..<28 {
          let isLit = (top..<top + 12).contains(y) && (left..<left + 6).contains(x)
          let light = Int.random(in: isLit ? 60...255 : 0...120, using: &random)
          text += Array("\(light),".utf8)
        }
      }
      text += Array("\(label)\n".utf8)
    }
    return text
  }()
}
