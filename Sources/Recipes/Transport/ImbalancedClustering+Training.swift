// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation

extension ImbalancedClustering {
  /// What the solver's answers kept to, over all of them.
  struct Proof {
    var rise = -Double.infinity
    var rowExcess = -Double.infinity
    var massError = 0.0
    var solves = 0
    var linearizations = 0

    mutating func look(at masses: [Double], share: Double, objectives: [Double]) {
      solves += 1
      linearizations += objectives.count
      for (before, after) in zip(objectives, objectives.dropFirst()) {
        rise = Measured.worse(rise, (after - before) / max(abs(before), 1e-300))
      }
      let k = ImbalancedClustering.classes
      let n = masses.count / k
      for i in 0..<n {
        rowExcess = Measured.worse(
          rowExcess, masses[i * k..<(i + 1) * k].reduce(0, +) - 1 / Double(n))
      }
      massError = Measured.worse(massError, abs(masses.reduce(0, +) - share))
    }
  }

  /// A part of the pictures whose classes shrink by one factor each, in an order by chance.
  static func tailed(
    _ images: LabeledImages, largest: Int, using chance: inout SplitMix64
  ) -> LabeledImages {
    let order = Array(0..<classes).shuffled(using: &chance)
    var kept: [Int] = []
    for (rank, label) in order.enumerated() {
      let own = (0..<images.count).filter { images.labels[$0] == label }
      let share = pow(imbalance, -Double(rank) / Double(classes - 1))
      let size = max(1, Int((Double(largest) * share).rounded()))
      kept += own.shuffled(using: &chance).prefix(size)
    }
    return images.chosen(kept)
  }

  /// Principal components of a mean variance of 1.
  static func features(of images: LabeledImages) throws -> Points {
    let points = try images.points()
    let along = try PrincipalComponents(of: points, count: components)
    let scale = (along.variances.reduce(0, +) / Double(components)).squareRoot()
    return try Points(along(points).coordinates.map { $0 / scale }, dimensions: components)
  }

  /// Each feature at length 1.
  static func unit(_ features: [Double]) -> [Double] {
    var out = features
    for start in stride(from: 0, to: out.count, by: components) {
      let place = start..<start + components
      let length = features[place].reduce(0) { $0 + $1 * $1 }.squareRoot()
      for at in place { out[at] /= length }
    }
    return out
  }

  /// Trains a classifier on labels made of its own guesses; gives the cluster of each sample.
  ///
  /// Of two noisy views of the features, each learns the labels made from the other's guesses.
  static func train(
    _ features: Points, labels kind: Labels, steps: Int, using chance: inout SplitMix64,
    proof: inout Proof
  ) throws -> [Int] {
    var classifier = CosineClassifier(
      classes: classes, dimensions: components, using: &chance)
    let similarity = kind == .semantic ? try Similarity(nearest: features) : nil
    for step in 1...steps {
      let left = 1 - Double(step) / Double(steps)
      let share = 0.1 + 0.9 * exp(-5 * left * left)
      let views = (0..<2).map { _ in
        unit(features.coordinates.map { $0 + noise * chance.normal() })
      }
      let guesses = views.map { classifier.probabilities($0) }
      var made: [[Double]] = []
      for guess in guesses {
        made.append(try assign(guess, kind, share: share, similarity, proof: &proof))
      }
      classifier.step(
        [(views[0], guesses[0], made[1]), (views[1], guesses[1], made[0])], rate: rate)
    }
    let last = classifier.probabilities(unit(features.coordinates))
    return stride(from: 0, to: last.count, by: classes).map { start in
      (0..<classes).max { last[start + $0] < last[start + $1] }!
    }
  }

  /// Soft labels, `[n, classes]`: what transport makes of guesses, a row's mass times n.
  private static func assign(
    _ guesses: [Double], _ kind: Labels, share: Double, _ similarity: Similarity?,
    proof: inout Proof
  ) throws -> [Double] {
    let n = guesses.count / classes
    let cost = try DenseCost(
      guesses.map { -log(max($0, 1e-30)) }, rows: n, columns: classes)
    let masses: [Double]
    switch kind {
    case .balanced:
      masses = try Sinkhorn(.epsilon(epsilon), threads: .one).solve(LinearProblem(cost))
        .coupling.dense().masses
    case .unbalanced, .partial:
      masses = try partial(share: kind == .partial ? share : 1).solve(cost).coupling.masses
    case .semantic:
      let solution = try SemanticPartial(
        partial(share: share), attraction: (1 - share) * attractionPerSample * Double(n),
        iterationsMax: 1_000
      ).solve(cost, similarity: similarity!)
      masses = solution.assignment.coupling.masses
      proof.look(at: masses, share: share, objectives: solution.objectives)
    }
    return masses.map { $0 * Double(n) }
  }

  private static func partial(share: Double) -> ProgressivePartial {
    ProgressivePartial(
      share: share, epsilon: epsilon, sizePenalty: sizePenalty, tolerance: 1e-10)
  }
}
