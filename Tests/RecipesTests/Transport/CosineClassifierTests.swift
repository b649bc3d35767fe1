// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes
import Foundation
import Testing

@Suite("CosineClassifier")
struct CosineClassifierTests {
  @Test("learns labels that directions tell, from any start", arguments: [UInt64(1), 2, 3])
  func learns(seed: UInt64) {
    var chance = SplitMix64(Seed(seed))
    var classifier = CosineClassifier(classes: 3, dimensions: 2, using: &chance)
    var features: [Double] = []
    var labels: [Double] = []
    for number in 0..<60 {
      let angle = Double(number % 3) * 2 + Double.random(in: -0.5...0.5, using: &chance)
      features += [cos(angle), sin(angle)]
      labels += (0..<3).map { $0 == number % 3 ? 1 : 0 }
    }
    func loss(_ guesses: [Double]) -> Double {
      zip(guesses, labels).reduce(0) { $0 - $1.1 * log($1.0) } / 60
    }
    let before = loss(classifier.probabilities(features))
    for _ in 0..<200 {
      let guesses = classifier.probabilities(features)
      classifier.step([(features, guesses, labels)], rate: 0.05)
    }
    let guesses = classifier.probabilities(features)
    #expect(loss(guesses) < min(0.2, before))
    for start in stride(from: 0, to: guesses.count, by: 3) {
      #expect(abs(guesses[start..<start + 3].reduce(0, +) - 1) < 1e-12)
    }
  }

  @Test("labels of no weight teach nothing")
  func weightless() {
    var chance = SplitMix64(Seed(4))
    var classifier = CosineClassifier(classes: 2, dimensions: 2, using: &chance)
    let features = [1.0, 0, 0, 1]
    let before = classifier.probabilities(features)
    classifier.step([(features, before, [0, 0, 0, 0])], rate: 0.05)
    #expect(classifier.probabilities(features) == before)
  }
}
