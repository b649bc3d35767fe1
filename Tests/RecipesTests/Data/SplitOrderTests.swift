// SPDX-License-Identifier: Apache-2.0

import FerryRecipes
import Testing

@Suite("Splits that stay")
struct SplitOrderTests {
  @Test("an order is the same each time, whatever else there is, and another one for other data")
  func order() {
    let order = splitOrder(of: "digits", 0..<1_000)
    #expect(order.sorted() == Array(0..<1_000))
    #expect(splitOrder(of: "digits", (0..<1_000).reversed()) == order)
    #expect(splitOrder(of: "digits", 0..<500) == order.filter { $0 < 500 })
    #expect(splitOrder(of: "letters", 0..<1_000) != order)
    // As by chance: the first half has about as many of the first half as of the second.
    #expect(abs(order.prefix(500).count { $0 < 500 } - 250) < 40)
  }

  @Test("names are what is hashed")
  func names() {
    let words = ["b", "a", "c", "d"]
    let order = splitOrder(of: "words", words.indices, by: { words[$0] }).map { words[$0] }
    #expect(order == splitOrder(of: "words", words.sorted()))
  }
}
