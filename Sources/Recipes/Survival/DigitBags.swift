// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
import Foundation

/// Simulated patients whose tiles are real digits, a fifth of them spoilt: how much there is of the
/// rarest digit, and how thick its strokes are, make the hazard.
package struct DigitBags: Sendable {
  /// What the networks see.
  let set: BagSet
  /// The pictures in each bag.
  package let pictures: [[Int]]
  /// Which of a bag's tiles are spoilt.
  package let isSpoilt: [[Bool]]
  /// The logarithm of each patient's true hazard.
  package let hazards: [Double]
  /// Which of the folds a patient is in; no picture is in bags of two folds.
  package let folds: [[Int]]

  /// When each patient's event was, or how long it was watched.
  package var watched: CensoredTimes { self.set.watched }

  /// The rarest digit, which makes the hazard.
  static let risk = 9
  /// Its share of a patient's tiles in the mean, and at most.
  static let riskShare = (mean: 0.03, most: 0.15)
  /// The share of tiles that are spoilt.
  static let spoilt = 0.2
  /// The share of patients whose event is not seen.
  static let censored = 0.35
  /// Of Weibull's times.
  static let shape = 1.5

  package init(
    count: Int, folds: Int, tiles: ClosedRange<Int>, from slides: DigitSlides,
    using chance: inout SplitMix64
  ) {
    let dealt = Self.dealt(slides, folds: folds)
    // Long-tailed: a digit is on average 3/4 as common as the one before.
    let weights = (0..<9).map { 1.2 * pow(0.75, Double($0)) }
    var (pictures, isSpoilt, hazards): ([[Int]], [[Bool]], [Double]) = ([], [], [])
    for patient in 0..<count {
      let size = Int.random(in: tiles, using: &chance)
      let rare = min(Self.riskShare.most, Self.riskShare.mean * chance.exponential())
      let raw = weights.map { chance.gamma(shape: $0) }
      let total = raw.reduce(0, +)
      let shares = raw.map { (1 - rare) * $0 / total } + [rare]
      // A patient's rare tiles are alike: of a half of the pictures, by thickness.
      let thinnest = Double.random(in: 0...0.5, using: &chance)
      var (chosen, spoilt): ([Int], [Bool]) = ([], [])
      var grade = MeanWithSpread()
      for _ in 0..<size {
        var left = Double.random(in: 0..<1, using: &chance)
        let digit =
          shares.firstIndex {
            left -= $0
            return left < 0
          } ?? 0
        let own = dealt[patient % folds][digit]
        let place = Double.random(in: 0..<1, using: &chance)
        let part = digit == Self.risk ? thinnest + 0.5 * place : place
        let picture = own[min(own.count - 1, Int(part * Double(own.count)))]
        let isBad = Double.random(in: 0..<1, using: &chance) < Self.spoilt
        if digit == Self.risk, !isBad { grade.add(slides.thickness[picture]) }
        chosen.append(isBad ? slides.cleanCount + picture : picture)
        spoilt.append(isBad)
      }
      let share = Double(grade.total) / Double(size)
      hazards.append(
        1.2 * log((share + 0.005) / 0.02) + 0.8 * (grade.total > 0 ? grade.mean : 0))
      pictures.append(chosen)
      isSpoilt.append(spoilt)
    }
    let d = slides.features.dimensions
    var set = BagSet(width: d, watched: Self.watched(hazards, using: &chance))
    set.bags = pictures.map { bag in
      bag.flatMap { slides.features.features[$0 * d..<($0 + 1) * d].map { Float($0) } }
    }
    self.set = set
    self.pictures = pictures
    self.isSpoilt = isSpoilt
    self.hazards = hazards
    self.folds = (0..<folds).map { fold in (0..<count).filter { $0 % folds == fold } }
  }

  /// Each fold's clean pictures of each digit, thin strokes first: what is tested on was never seen.
  private static func dealt(
    _ slides: DigitSlides, folds: Int
  ) -> [[[Int]]] {
    var byFold = [[[Int]]](repeating: [[Int]](repeating: [], count: 10), count: folds)
    var dealt = [Int](repeating: 0, count: 10)
    for index in splitOrder(of: DataItem.mnist5k.key, 0..<slides.cleanCount) {
      let digit = slides.features.labels[index]
      byFold[dealt[digit] % folds][digit].append(index)
      dealt[digit] += 1
    }
    return byFold.map { fold in
      fold.map { $0.sorted { (slides.thickness[$0], $0) < (slides.thickness[$1], $1) } }
    }
  }

  /// Weibull's times, watched for exponential times of a mean at which the wanted share ends unseen.
  private static func watched(
    _ hazards: [Double], using chance: inout SplitMix64
  ) -> CensoredTimes {
    let events = hazards.map { pow(chance.exponential() / exp($0), 1 / shape) }
    let ends = hazards.map { _ in chance.exponential() }
    var (low, high) = (1e-6, 1e6)
    for _ in 0..<60 {
      let mean = (low * high).squareRoot()
      let unseen = zip(events, ends).count { $0 > mean * $1 }
      if Double(unseen) > censored * Double(hazards.count) { low = mean } else { high = mean }
    }
    return CensoredTimes(
      zip(events, ends).map { min($0, high * $1) },
      events: zip(events, ends).map { $0 <= high * $1 })
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
