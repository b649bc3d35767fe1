// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import FerryOptimalTransport
import Foundation

extension SurvivalPooling {
  /// A pooling trained once for each fold, and the risks that it gave to those held out.
  struct Trial {
    /// The C-index of each fold's patients.
    private(set) var indices: [Double] = []
    /// Patients above their fold's median risk, and the others.
    private(set) var above: [Int] = []
    private(set) var below: [Int] = []
    private let watched: CensoredTimes
    /// Trained without the first fold.
    private let model: BagModel
    private let set: BagSet
    private let fold: [Int]
    /// What the patients are made of, if of digits.
    var bags: DigitBags?

    init(
      _ pooling: Pooling, _ set: BagSet, folds: [[Int]], _ training: BagTraining, key: RandomKey
    ) throws {
      var models: [BagModel] = []
      for (number, fold) in folds.enumerated() {
        let held = Set(fold)
        let rest = (0..<set.bags.count).filter { !held.contains($0) }
        // A fifth of what is left says when to stop.
        let model = try training.fitted(
          pooling, to: set, on: rest.enumerated().filter { $0.offset % 5 != 4 }.map(\.element),
          watching: rest.enumerated().filter { $0.offset % 5 == 4 }.map(\.element),
          key: key.derived("fold", UInt64(number)))
        let risks = try model.risks(of: fold, in: set)
        if let index = set.watched.chosen(fold).concordance(ofRisks: risks) {
          indices.append(index)
        }
        let median = risks.sorted()[risks.count / 2]
        for (patient, risk) in zip(fold, risks) {
          if risk >= median { above.append(patient) } else { below.append(patient) }
        }
        models.append(model)
      }
      watched = set.watched
      model = models[0]
      self.set = set
      fold = folds[0]
    }

    /// The part of a held-out tile's mass that its prototype of the most mass gets, in the mean: 1 of
    /// `prototypeCount` where all are alike to it; nil where none is transported.
    func sharpness() throws -> Double? {
      guard case .transport(let sizePenalty, _, _) = model.pooling else { return nil }
      let some = Array(fold.prefix(12))
      let (tiles, counts) = try set.batch(some)
      guard let costs = try model.costs(tiles, counts: counts) else { return nil }
      let (most, k) = (tiles.shape[1], BagModel.prototypeCount)
      let numbers = try costs.floats().map(Double.init)
      var parts = MeanWithSpread()
      for (bag, count) in counts.enumerated() {
        let plan = try BagModel.solver(sizePenalty: sizePenalty, share: 1).solve(
          DenseCost(
            Array(numbers[bag * most * k..<(bag * most + count) * k]), rows: count, columns: k)
        ).coupling
        for tile in 0..<count {
          parts.add(Double(count) * (0..<k).reduce(0) { max($0, plan[tile, $1]) })
        }
      }
      return parts.mean
    }

    /// Whether those above and below their fold's median differ.
    var test: LogRank { LogRank(watched.chosen(above), watched.chosen(below)) }

    /// The greatest error of a marginal over held-out bags, and of the pullback's gradient against
    /// finite differences; NaN where the model transports none.
    func check() throws -> (marginal: Double, gradient: Double) {
      let some = Array(fold.prefix(12))
      let (tiles, counts) = try set.batch(some)
      guard let probe = try model.costs(tiles, counts: counts) else { return (.nan, .nan) }
      let (most, k) = (tiles.shape[1], BagModel.prototypeCount)
      let numbers = try probe.floats().map(Double.init)
      var chance = SplitMix64(Seed(1))
      var (marginal, gradient) = (0.0, 0.0)
      for (bag, count) in counts.enumerated() {
        let costs = Array(numbers[bag * most * k..<(bag * most + count) * k])
        for share in [0.3, 1] {
          var solver = BagModel.solver(sizePenalty: 1, share: share)
          solver.tolerance = 1e-10
          let solution = try solver.solve(DenseCost(costs, rows: count, columns: k))
          let proof = solution.certificate
          marginal = max(marginal, proof.rowError, proof.columnError)
          guard bag < 3 else { continue }
          let weights = (0..<count * k).map { _ in chance.normal() }
          let slope = try PartialPullback(solution).costGradient(of: weights)
          let greatest = slope.reduce(0) { max($0, abs($1)) }
          func value(_ costs: [Double]) throws -> Double {
            let moved = try solver.solve(DenseCost(costs, rows: count, columns: k)).coupling
            return zip(moved.masses, weights).reduce(0) { $0 + $1.0 * $1.1 }
          }
          for _ in 0..<10 {
            let at = Int.random(in: 0..<count * k, using: &chance)
            var (up, down) = (costs, costs)
            up[at] += 1e-4
            down[at] -= 1e-4
            let difference = try (value(up) - value(down)) / 2e-4
            gradient = max(gradient, abs(difference - slope[at]) / greatest)
          }
        }
      }
      return (marginal, gradient)
    }
  }
}

extension SurvivalPooling.Trial {
  /// The two groups' survival over time: below the median in green, above in red.
  func curves() throws -> Picture {
    let (width, height) = (480, 240)
    var bytes = [UInt8](repeating: 255, count: width * height * 3)
    let last = watched.times.max() ?? 1
    func paint(_ x: Int, _ y: Int, _ color: [UInt8]) {
      guard (0..<width).contains(x), (0..<height).contains(y) else { return }
      for channel in 0..<3 { bytes[(y * width + x) * 3 + channel] = color[channel] }
    }
    for quarter in 0...4 {
      let y = quarter * (height - 1) / 4
      for x in 0..<width { paint(x, y, [225, 225, 225]) }
    }
    for (group, color) in [(below, [20, 130, 60]), (above, [200, 40, 40])] as [([Int], [UInt8])] {
      let curve = SurvivalCurve(watched.chosen(group))
      var before = 0
      for x in 0..<width {
        let share = curve(last * Double(x) / Double(width - 1))
        let y = Int(((1 - share) * Double(height - 2)).rounded())
        for level in min(before, y)...max(before, y) {
          paint(x, level, color)
          paint(x, level + 1, color)
        }
        before = y
      }
    }
    return try Picture(width: width, height: height, bytes: bytes)
  }

  /// The tiles of one held-out patient that give each prototype most; nil where the model transports
  /// none.
  func mosaic(of images: LabeledImages) throws -> Picture? {
    guard let bags else { return nil }
    let (tiles, counts) = try set.batch([fold[0]])
    guard let costs = try model.costs(tiles, counts: counts) else { return nil }
    let k = BagModel.prototypeCount
    let solution = try BagModel.solver(sizePenalty: 1, share: 1).solve(
      DenseCost(costs.floats().map(Double.init), rows: counts[0], columns: k))
    let (across, side) = (min(14, counts[0]), images.width)
    let width = across * side
    var bytes = [UInt8](repeating: 0, count: width * k * images.height * 3)
    for prototype in 0..<k {
      let order = (0..<counts[0]).sorted {
        (-solution.coupling[$0, prototype], $0) < (-solution.coupling[$1, prototype], $1)
      }
      for (place, tile) in order.prefix(across).enumerated() {
        let pixels = images[bags.pictures[fold[0]][tile]]
        for (at, pixel) in pixels.enumerated() {
          let row = prototype * images.height + at / side
          let start = (row * width + place * side + at % side) * 3
          for channel in 0..<3 { bytes[start + channel] = UInt8(255 * pixel) }
        }
      }
    }
    return try Picture(width: width, height: k * images.height, bytes: bytes)
  }
}
