// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Foundation

/// Simulated patients whose tiles are real digits: a rare digit makes the hazard higher, a common
/// one lower.
struct DigitBags: Sendable {
  /// What the networks see.
  let set: BagSet
  /// The pictures in each bag.
  let pictures: [[Int]]
  /// The logarithm of each patient's true hazard.
  let hazards: [Double]
  /// Which of the folds a patient is in; no picture is in bags of two folds.
  let folds: [[Int]]

  /// The rare digit of risk, up to `riskMost` of a bag.
  static let risk = 9
  static let riskMost = 0.15
  /// The digit that protects, and the commonest.
  static let shield = 0
  /// The share of patients whose event is not seen.
  static let censored = 0.3

  /// - Parameter features: of each picture; its label is the digit.
  init(
    count: Int, folds: Int, tiles: ClosedRange<Int>, from features: LabeledFeatures,
    using chance: inout SplitMix64
  ) {
    // A digit's pictures are dealt to the folds, so that what is tested on was never seen.
    var byFold = [[[Int]]](repeating: [[Int]](repeating: [], count: 10), count: folds)
    var dealt = [Int](repeating: 0, count: 10)
    for index in (0..<features.count).shuffled(using: &chance) {
      let digit = features.labels[index]
      byFold[dealt[digit] % folds][digit].append(index)
      dealt[digit] += 1
    }
    // Long-tailed: a digit is on average 3/4 as common as the one before.
    let weights = (0..<9).map { 1.2 * pow(0.75, Double($0)) }
    var (pictures, hazards): ([[Int]], [Double]) = ([], [])
    for patient in 0..<count {
      let size = Int.random(in: tiles, using: &chance)
      let rare = Double.random(in: 0...Self.riskMost, using: &chance)
      let raw = weights.map { chance.gamma(shape: $0) }
      let total = raw.reduce(0, +)
      let shares = raw.map { (1 - rare) * $0 / total } + [rare]
      var chosen: [Int] = []
      for _ in 0..<size {
        var left = Double.random(in: 0..<1, using: &chance)
        let digit =
          shares.firstIndex {
            left -= $0
            return left < 0
          } ?? Self.shield
        chosen.append(byFold[patient % folds][digit].randomElement(using: &chance)!)
      }
      func part(_ digit: Int) -> Double {
        Double(chosen.count { features.labels[$0] == digit }) / Double(size)
      }
      hazards.append(4 * part(Self.risk) - 2 * part(Self.shield))
      pictures.append(chosen)
    }
    let watched = Self.watched(hazards, using: &chance)
    let d = features.dimensions
    var set = BagSet(width: d, watched: watched)
    set.bags = pictures.map { bag in
      bag.flatMap { features.features[$0 * d..<($0 + 1) * d].map { Float($0) } }
    }
    self.set = set
    self.pictures = pictures
    self.hazards = hazards
    self.folds = (0..<folds).map { fold in (0..<count).filter { $0 % folds == fold } }
  }

  /// Exponential times, watched for exponential times of a rate at which the wanted share ends
  /// unseen.
  private static func watched(
    _ hazards: [Double], using chance: inout SplitMix64
  ) -> CensoredTimes {
    var (low, high) = (1e-6, 1e6)
    for _ in 0..<60 {
      let rate = (low * high).squareRoot()
      let share = hazards.reduce(0) { $0 + rate / (rate + exp($1)) } / Double(hazards.count)
      if share < censored { low = rate } else { high = rate }
    }
    var (times, events): ([Double], [Bool]) = ([], [])
    for hazard in hazards {
      let event = chance.exponential() / exp(hazard)
      let end = chance.exponential() / low
      times.append(min(event, end))
      events.append(event <= end)
    }
    return CensoredTimes(times, events: events)
  }
}

extension SplitMix64 {
  /// An exponential number of mean 1.
  fileprivate mutating func exponential() -> Double {
    -log(1 - Double.random(in: 0..<1, using: &self))
  }

  /// A gamma number of this shape and scale 1 (Marsaglia and Tsang 2000).
  fileprivate mutating func gamma(shape: Double) -> Double {
    guard shape >= 1 else {
      let power = 1 - Double.random(in: 0..<1, using: &self)
      return gamma(shape: shape + 1) * pow(power, 1 / shape)
    }
    let d = shape - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = normal()
      let v = pow(1 + c * x, 3)
      guard v > 0 else { continue }
      let u = 1 - Double.random(in: 0..<1, using: &self)
      if log(u) < x * x / 2 + d - d * v + d * log(v) { return d * v }
    }
  }
}
