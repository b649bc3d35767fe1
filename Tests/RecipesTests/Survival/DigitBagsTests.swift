// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes
import Foundation
import Testing

@Suite("Simulated patients of real digits")
struct DigitBagsTests {
  private static func slides() throws -> DigitSlides {
    var chance = SplitMix64(Seed(1))
    return DigitSlides(try MadeDigits.shelf.images(.mnist5k), using: &chance)
  }

  @Test("shares of spoilt tiles and unseen events are those wanted, and folds share no picture")
  func made() throws {
    let slides = try Self.slides()
    var chance = SplitMix64(Seed(2))
    let bags = DigitBags(count: 200, folds: 4, tiles: 40...80, from: slides, using: &chance)
    let spoilt = bags.isSpoilt.joined()
    let share = Double(spoilt.count { $0 }) / Double(spoilt.count)
    #expect(abs(share - 0.2) < 0.02)
    #expect(abs(Double(bags.watched.eventCount) / 200 - 0.65) < 0.01)
    for (own, isSpoilt) in zip(bags.pictures, bags.isSpoilt) {
      #expect(zip(own, isSpoilt).allSatisfy { ($0 >= slides.cleanCount) == $1 })
    }
    let seen = bags.folds.map { fold in
      Set(fold.flatMap { bags.pictures[$0].map { $0 % slides.cleanCount } })
    }
    for (one, other) in zip(seen, seen.dropFirst()) { #expect(one.isDisjoint(with: other)) }
    // Who has the greater hazard has the event earlier, more often than not.
    #expect(bags.watched.concordance(ofRisks: bags.hazards)! > 0.65)
  }

  @Test("a patient without clean rare tiles has the least hazard, whatever else is in the bag")
  func hazards() throws {
    let slides = try Self.slides()
    var chance = SplitMix64(Seed(3))
    let bags = DigitBags(count: 60, folds: 2, tiles: 20...30, from: slides, using: &chance)
    for (own, hazard) in zip(bags.pictures, bags.hazards) {
      let rare = own.filter { $0 < slides.cleanCount && slides.images.labels[$0] == 9 }
      let part = Double(rare.count) / Double(own.count)
      let grade =
        rare.isEmpty ? 0 : rare.reduce(0) { $0 + slides.thickness[$1] } / Double(rare.count)
      let expected = 1.2 * log((part + 0.005) / 0.02) + 0.8 * grade
      #expect(abs(hazard - expected) < 1e-9)
    }
  }

  @Test("strokes are as thick as they are drawn")
  func thickness() throws {
    func bar(_ width: Int) throws -> LabeledImages {
      let row = (0..<784).map { ($0 % 28) < width && $0 < 27 * 28 ? "255" : "0" }
      return try LabeledImages(
        csv: Array((row.joined(separator: ",") + ",1\n").utf8), width: 28, height: 28,
        brightest: 255, place: "bar")
    }
    #expect(try bar(2).strokeThickness(of: 0) == 2)
    // Rows inside have two of four pixels at the rim, the first and the last row all of them.
    #expect(try bar(4).strokeThickness(of: 0) == 2 * 4 * 27 / (2 * 25 + 8))
    #expect(try bar(0).strokeThickness(of: 0) == 0)
  }

  @Test("spoilt pictures are noise or blur, of the same labels, from 0 to 1")
  func spoilt() throws {
    let clean = try MadeDigits.shelf.images(.mnist5k)
    var chance = SplitMix64(Seed(4))
    let spoilt = clean.spoilt(using: &chance)
    #expect(spoilt.labels == clean.labels && spoilt.features.allSatisfy { 0...1 ~= $0 })
    var (blurred, noisy) = (0, 0)
    for index in 0..<clean.count {
      let (before, after) = (clean[index].max()!, spoilt[index].max()!)
      if after < before {
        blurred += 1
        // Blur moves light, and loses none but over the edges.
        let (old, new) = (clean[index].reduce(0, +), spoilt[index].reduce(0, +))
        #expect(new <= old + 1e-9 && new > 0.9 * old)
      } else {
        noisy += 1
      }
    }
    #expect(abs(blurred - noisy) < 100)
  }

  @Test("a hump rises from both ends to a top between")
  func hump() {
    #expect(abs(SurvivalPooling.hump([0.5, 0.75, 0.625, 0.5]) - 0.125) < 1e-12)
    #expect(abs(SurvivalPooling.hump([0.5, 0.5, 0.625, 0.5])) < 1e-12)
    #expect(SurvivalPooling.hump([0.75, 0.5, 0.625, 0.5]) < 0)
    #expect(SurvivalPooling.hump([0.5, 0.625, 0.75, 1]) < 0)
  }
}
