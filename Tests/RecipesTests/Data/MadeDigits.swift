// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes

/// Small sets in the form of the real ones, drawn from a seed: recipes are tested without a network.
enum MadeDigits {
  /// A shelf with all that recipes need, about 80 pictures of each class.
  static let shelf = DataShelf(
    made: MadeTimes.files.merging(MadeNetwork.files) { first, _ in first }.merging([
      "digits8/digits.csv": lines(side: 8, brightest: 16, frame: 0),
      "mnist5k/mnist.csv": lines(side: 28, brightest: 255, frame: 8),
    ]) { first, _ in first })

  /// Each class has a bright spot and a bar of its own, at places that vary a little.
  private static func lines(side: Int, brightest: Int, frame: Int) -> [UInt8] {
    var chance = SplitMix64(Seed(UInt64(side)))
    var text = ""
    for number in 0..<800 {
      let label = number % 10
      let inner = Double(side - 2 * frame)
      let jitter = { (chance: inout SplitMix64) in Double.random(in: -0.06...0.06, using: &chance) }
      let x = 0.2 + 0.6 * Double(label % 4) / 3 + jitter(&chance)
      let y = 0.2 + 0.6 * Double(label / 4) / 2 + jitter(&chance)
      let bar = 0.1 + 0.8 * Double(label) / 9 + jitter(&chance)
      for row in 0..<side {
        for column in 0..<side {
          let u = (Double(column - frame) + 0.5) / inner
          let v = (Double(row - frame) + 0.5) / inner
          let isInside = (0...1).contains(u) && (0...1).contains(v)
          let spot = max(0, 1 - ((u - x) * (u - x) + (v - y) * (v - y)) / 0.04)
          let line = max(0, 1 - abs(u + v - 2 * bar) / 0.2)
          let bright = isInside ? min(1, max(spot, line)) : 0
          text += "\(Int(bright * Double(brightest))),"
        }
      }
      text += "\(label)\n"
    }
    return Array(text.utf8)
  }
}
