// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes
import Foundation
import Testing

@Suite("Logistic regression on principal components")
struct LogisticRegressionTests {
  /// Three classes around corners, and features that say nothing.
  private func samples(_ count: Int, seed: Seed) -> (features: [Double], labels: [Int]) {
    var random = SplitMix64(seed)
    var features: [Double] = []
    let labels = (0..<count).map { $0 % 3 }
    for label in labels {
      let (x, y) = (label == 1 ? 3.0 : 0, label == 2 ? 3.0 : 0)
      features += [
        x + .random(in: -1...1, using: &random), y + .random(in: -1...1, using: &random),
      ]
      features += [.random(in: -1...1, using: &random)]
    }
    return (features, labels)
  }

  private func loss(
    _ learner: LogisticRegression, _ features: [Double], _ labels: [Int], weights: [Double]
  ) -> Double {
    let d = learner.dimensions
    var sum = 0.0
    for (i, label) in labels.enumerated() {
      let scores = (0..<learner.classes).map { c in
        (0..<d).reduce(weights[d * learner.classes + c]) {
          $0 + features[i * d + $1] * weights[$1 * learner.classes + c]
        }
      }
      sum += log(scores.reduce(0) { $0 + exp($1) }) - scores[label]
    }
    return sum
  }

  @Test("classes that lie apart are told apart, new samples too")
  func learns() {
    let (features, labels) = samples(90, seed: Seed(1))
    let learner = LogisticRegression(features, labels: labels, dimensions: 3, classes: 4)
    let new = samples(300, seed: Seed(2))
    #expect(learner.accuracy(new.features, labels: new.labels) > 0.99)
    #expect(!learner.predictions(new.features).contains(3))
  }

  @Test("no step in any direction is downhill: the penalized loss is at its least")
  func least() {
    let (features, labels) = samples(30, seed: Seed(3))
    let learner = LogisticRegression(
      features, labels: labels, dimensions: 3, classes: 3, penalty: 2, stepsMax: 5_000)
    func objective(_ weights: [Double]) -> Double {
      loss(learner, features, labels, weights: weights)
        + weights.prefix(9).reduce(0) { $0 + $1 * $1 }
    }
    let step = 1e-4
    for k in learner.weights.indices {
      var (up, down) = (learner.weights, learner.weights)
      up[k] += step
      down[k] -= step
      #expect(abs(objective(up) - objective(down)) / (2 * step) < 30 * 2e-5, "\(k)")
    }
  }

  @Test("a sample's gradient is what finite differences of its loss find")
  func gradients() {
    let (features, labels) = samples(12, seed: Seed(4))
    let learner = LogisticRegression(features, labels: labels, dimensions: 3, classes: 3)
    let all = learner.gradients(features, labels: labels)
    #expect(all.count == 12 * 12)
    for i in [0, 7] {
      let own = Array(features[i * 3..<(i + 1) * 3])
      for k in learner.weights.indices {
        var (up, down) = (learner.weights, learner.weights)
        up[k] += 1e-5
        down[k] -= 1e-5
        let found =
          (loss(learner, own, [labels[i]], weights: up)
            - loss(learner, own, [labels[i]], weights: down)) / 2e-5
        #expect(abs(found - all[i * 12 + k]) < 1e-8)
      }
    }
  }

  @Test("principal components keep what varies, and leave out what does not")
  func components() {
    var random = SplitMix64(Seed(5))
    // Two directions of ten in which samples vary by 3, the rest by 0.1.
    let long = (0..<10).map { k in (k < 5 ? 1 : -1) / 10.0.squareRoot() }
    let other = (0..<10).map { k in 1 / 10.0.squareRoot() * (k >= 0 ? 1.0 : 0) }
    var features: [Double] = []
    var along: [(Double, Double)] = []
    for _ in 0..<200 {
      let (a, b) = (
        Double.random(in: -3...3, using: &random), Double.random(in: -3...3, using: &random)
      )
      along.append((a, b))
      for k in 0..<10 {
        features.append(7 + a * long[k] + b * other[k] + .random(in: -0.1...0.1, using: &random))
      }
    }
    var start = SplitMix64(Seed(6))
    let components = LeadingSpace(features, dimensions: 10, count: 2, using: &start)
    let found = components(features)
    #expect(found.count == 400)
    // Back from the plane all but the noise is there.
    for (a, b) in zip(components.original(found), features) { #expect(abs(a - b) < 0.35) }
    // Lengths within the plane are kept, whatever the directions.
    let mean = (
      along.reduce(0) { $0 + $1.0 } / 200, along.reduce(0) { $0 + $1.1 } / 200
    )
    for i in 0..<200 {
      let (a, b) = (along[i].0 - mean.0, along[i].1 - mean.1)
      let (x, y) = (found[2 * i], found[2 * i + 1])
      #expect(abs((x * x + y * y).squareRoot() - (a * a + b * b).squareRoot()) < 0.35)
    }
  }
}
