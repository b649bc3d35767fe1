// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation
import Testing

@Suite("Mixtures of sources")
struct MixtureTests {
  /// Three sources of different sizes and a target, in the plane.
  private func mixture(
    _ seed: Seed, solver: any TransportSolver = ExactTransport()
  ) throws -> MixtureDistance {
    var random = SplitMix64(seed)
    let sourceOf = (0..<40).map { $0 < 8 ? 0 : $0 < 25 ? 1 : 2 }
    let points = try Points(
      sourceOf.flatMap { source in
        [Double(source) + .random(in: -1...1, using: &random), .random(in: -1...1, using: &random)]
      }, dimensions: 2)
    let target = try samplePoints(&random, count: 30, dimensions: 2)
    return try MixtureDistance(PointCloud(points, target), sourceOf: sourceOf, solver: solver)
  }

  /// Shares above 0.
  private func shares(_ random: inout SplitMix64, _ count: Int) -> [Double] {
    let raw = (0..<count).map { _ in Double.random(in: 0.1...1, using: &random) }
    return raw.map { $0 / raw.reduce(0, +) }
  }

  @Test(
    "slopes are what finite differences find, in any direction that keeps the sum",
    arguments: seeds(8))
  func slopes(seed: Seed) throws {
    var random = SplitMix64(seed.derived("shares"))
    let p = shares(&random, 3)
    let step = 1e-6
    for solver: any TransportSolver in [
      ExactTransport(), Sinkhorn(.shareOfMeanCost(0.05), tolerance: 1e-11),
    ] {
      let distance = try mixture(seed, solver: solver)
      let here = try distance(p)
      #expect(abs(zip(p, here.slopes).reduce(0) { $0 + $1.0 * $1.1 }) < 1e-12)
      let toward = shares(&random, 3)
      func moved(_ by: Double) throws -> Double {
        try distance(zip(p, toward).map { $0 + by * ($1 - $0) }).distance
      }
      let found = try (moved(step) - moved(-step)) / (2 * step)
      let told = zip(here.slopes, zip(p, toward)).reduce(0) { $0 + $1.0 * ($1.1.1 - $1.1.0) }
      #expect(abs(found - told) < 1e-5, "\(found) \(told)")
      // The calibrated gradient: one share alone is raised, the others shrink alike.
      for source in 0..<3 {
        func raised(_ by: Double) throws -> Double {
          try distance(
            p.indices.map { $0 == source ? p[$0] + by : p[$0] * (1 - by / (1 - p[source])) }
          ).distance
        }
        let found = try (raised(step) - raised(-step)) / (2 * step)
        #expect(abs(found - here.calibrated[source]!) < 1e-5, "\(found) \(here.calibrated)")
      }
    }
  }

  @Test("the paper's sum over potentials is the calibrated gradient where samples weigh alike")
  func published() throws {
    let distance = try mixture(Seed(3))
    let n = distance.counts.map(Double.init)
    let here = try distance(n)
    for source in 0..<3 {
      var own = 0.0
      var others = 0.0
      for (row, of) in distance.sourceOf.enumerated() {
        let f = here.solution.rowPotentials[row]
        if of == source { own += f } else { others += f }
      }
      let total = n.reduce(0, +)
      let sum = (own - n[source] / (total - n[source]) * others) / n[source]
      #expect(abs(sum - here.calibrated[source]!) < 1e-12)
    }
  }

  @Test(
    "the distance is convex in the shares, and a source alone is that source", arguments: seeds(5))
  func convex(seed: Seed) throws {
    let distance = try mixture(seed)
    var random = SplitMix64(seed)
    for _ in 0..<5 {
      let (p, q) = (shares(&random, 3), shares(&random, 3))
      let middle = try distance(zip(p, q).map { ($0 + $1) / 2 }).distance
      #expect(try middle <= (distance(p).distance + distance(q).distance) / 2 + 1e-12)
    }
    let alone = try distance([0, 2, 0])
    let cloud = try #require(distance.geometry as? PointCloud)
    let own = try Points(
      (8..<25).flatMap { cloud.sources[$0] }, dimensions: 2)
    let itself = try ExactTransport().solve(LinearProblem(PointCloud(own, cloud.targets)))
    #expect(abs(alone.distance - itself.transportCost) < 1e-12)
    #expect(alone.calibrated[1] == nil && alone.calibrated[0] != nil)
  }

  @Test("labels add what their classes' distributions cost")
  func labels() throws {
    let x = try Points([0, 2, 10, 14], dimensions: 1)
    let y = try Points([1, 3], dimensions: 1)
    // Means 1 and 12, deviations 1 and 2; the other side's: mean 2, deviation 1.
    let cost = try LabeledCost(x, labels: [7, 7, -1, -1], y, labels: [0, 0], weight: 0.5)
    let costs = try DenseCost(copying: cost).costs
    let between = [1.0, 1, 101, 101]
    var expected: [Double] = []
    for (i, source) in x.coordinates.enumerated() {
      for target in y.coordinates {
        let gap: Double = source - target
        expected.append(gap * gap + 0.5 * between[i])
      }
    }
    #expect(difference(costs, expected) < 1e-9)
    #expect(
      message { _ = try LabeledCost(x, labels: [1], y, labels: [0, 0]) }
        == "shape-mismatch: 1 and 2 labels for 4 sources and 2 targets (labeled cost). "
        + "Give each sample its label.")
    #expect(
      message { _ = try LabeledCost(x, labels: [1, 1, 1, 1], y, labels: [0, 0], weight: -1) }
        == "setting-out-of-range: the labels' weight is -1.0 (labeled cost). "
        + "Give a weight of at least 0; 1 is usual.")
  }

  /// Runs whose performance is a known function of the paper's form.
  private func runs(
    _ seed: Seed, count: Int, _ function: ([Double], Double) -> Double
  ) -> [PilotRun] {
    var random = SplitMix64(seed)
    return (0..<count).map { _ in
      let p = shares(&random, 3)
      let d = Double.random(in: 1...2, using: &random)
      return PilotRun(mixture: p, distance: d, performance: function(p, d))
    }
  }

  @Test("each form finds the function that it is of, and its slopes")
  func forms() throws {
    let functions: [(MixturePredictor.Form, ([Double], Double) -> Double)] = [
      (.distance, { 0.9 - 0.3 * $1 }), (.mixture, { p, _ in 0.5 + p[0] - 2 * p[1] * p[1] }),
      (.products, { p, d in 1 - d + p[0] + p[1] * d - 3 * p[0] * p[0] * d }),
      (
        .full,
        { p, d in
          let constant: Double = 1 - d + p[0] * p[0] - p[1]
          return constant + 2 * p[1] * d - p[1] * p[1] * d
        }
      ),
    ]
    for (form, function) in functions {
      let predictor = try MixturePredictor(runs(Seed(1), count: 30, function), forms: [form])
      #expect(predictor.chosen.form == form && predictor.chosen.errorLeftOut < 1e-5)
      var random = SplitMix64(Seed(9))
      let (p, d) = (shares(&random, 3), 3.5)
      #expect(abs(predictor(p, distance: d) - function(p, d)) < 1e-3)
      let slopes = predictor.slopes(p, distance: d)
      let step = 1e-4
      func shifted(_ by: [Double], _ e: Double) -> Double {
        function(zip(p, by).map { $0 + step * $1 }, d + step * e)
      }
      let byDistance = (shifted([0, 0, 0], 1) - shifted([0, 0, 0], -1)) / (2 * step)
      #expect(abs(slopes.distance - byDistance) < 1e-3)
      for (share, direction) in [[1.0, 0, -1], [0, 1, -1]].enumerated() {
        let found =
          (shifted(direction, 0) - shifted(direction.map { -$0 }, 0)) / (2 * step)
        #expect(abs(slopes.mixture[share] - found) < 2e-3, "\(form) \(share)")
      }
      #expect(slopes.mixture[2] == 0)
    }
  }

  @Test("the form with the least error on runs left out is taken: noise wants the simple one")
  func choice() throws {
    let plain = try MixturePredictor(
      runs(Seed(2), count: 12) { p, d in 0.9 - 0.3 * d + 0.05 * sin(1e5 * (p[0] + d)) })
    #expect(plain.chosen.form == .distance)
    #expect(plain.candidates.map(\.form) == MixturePredictor.Form.allCases)
    #expect(plain.candidates.allSatisfy { $0.errorLeftOut >= plain.chosen.errorLeftOut })
    let bent = try MixturePredictor(
      runs(Seed(2), count: 30) { p, d in p[0] * p[0] - p[1] * d * p[1] })
    #expect(bent.chosen.form == .full)
    // One run left out, by hand: the slope is 2 of the others, whichever is left out.
    let straight = [0.0, 1, 3, 4].map {
      PilotRun(mixture: [1], distance: $0, performance: 2 * $0 + 1)
    }
    let line = try MixturePredictor(straight, forms: [.distance], leaving: .one)
    #expect(line.chosen.ridge == 0 && line.chosen.errorLeftOut < 1e-12)
  }

  @Test("by hand: what is left out, one at a time or the edges")
  func leftOut() throws {
    // Five mixtures of two sources at one distance: the fit is the mean of what is kept.
    let runs = (0...4).map { k in
      PilotRun(
        mixture: [Double(k) / 4, 1 - Double(k) / 4], distance: 1, performance: [0, 0, 1, 0, 10][k])
    }
    func error(_ leftOut: MixturePredictor.LeftOut) throws -> Double {
      try MixturePredictor(runs, forms: [.distance], leaving: leftOut).chosen.errorLeftOut
    }
    #expect(try abs(error(.one) - (3 * 2.75 + 1.5 + 9.75) / 5) < 1e-12)
    // A quarter of five is two: the last two beyond a mean of 1/3, the first two beyond one of 11/3.
    #expect(try abs(error(.edges) - (10 + 2 * 11.0 / 3) / 4) < 1e-12)
    // All mixtures alike have no edges.
    let alike = (0..<4).map { PilotRun(mixture: [1], distance: Double($0), performance: 1) }
    #expect(try MixturePredictor(alike).chosen.errorLeftOut == 0)
  }

  @Test("a line in the logarithm of the size is projected exactly; its weights add up to 1")
  func projection() throws {
    let projection = try LogProjection(from: 200, 300)
    func line(_ size: Int) -> Double { 0.3 + 0.08 * log(Double(size)) }
    for size in [100, 200, 250, 300, 10_000] {
      #expect(abs(projection(line(200), line(300), size: size) - line(size)) < 1e-12)
      let weights = projection.weights(size)
      #expect(abs(weights.small + weights.large - 1) < 1e-12)
    }
    // The spec's remark: from 200 and 300 to 1,500 an error of the large pilot counts 5 times.
    #expect(abs(projection.weights(1500).large - 4.97) < 0.01)
    for (small, large) in [(0, 10), (10, 10), (20, 10)] {
      #expect(
        message { _ = try LogProjection(from: small, large) }
          == "setting-out-of-range: pilots of \(small) and \(large) samples (projection). "
          + "Give two sizes above 0, the smaller first.")
    }
  }

  @Test(
    "ascent finds the simplex's greatest point, at a corner, on an edge or inside",
    arguments: seeds(10))
  func ascent(seed: Seed) throws {
    var random = SplitMix64(seed)
    let aim = (0..<4).map { _ in Double.random(in: -0.5...1, using: &random) }
    // −‖p − aim‖²: the nearest point of the simplex to the aim.
    let choice = try MixtureSearch(iterationsMax: 500)([[1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25]]) {
      p in
      let gaps = zip(p, aim).map { $0 - $1 }
      return (-gaps.reduce(0) { $0 + $1 * $1 }, gaps.map { -2 * $0 })
    }
    #expect(choice.ends.count == 2 && choice.value == choice.ends.max()!)
    #expect(abs(choice.mixture.reduce(0, +) - 1) < 1e-12 && choice.mixture.min()! >= 0)
    // At the best point, mass is only where the slope is greatest.
    let slopes = zip(choice.mixture, aim).map { -2 * ($0 - $1) }
    for i in 0..<4 where choice.mixture[i] > 1e-3 { #expect(slopes[i] > slopes.max()! - 1e-2) }
    #expect(
      message { _ = try MixtureSearch(step: 0)([[1]]) { _ in (0, [0]) } }
        == "setting-out-of-range: 1 starts, a step of 0.0, 50 iterations (mixture search). "
        + "Give a start, a step above 0 and at least 1 iteration.")
  }

  @Test("two pilots and a size: the prediction's slopes are right, and the best mixture is found")
  func scaling() throws {
    let distance = try mixture(Seed(4))
    func pilot(_ size: Int, _ level: Double) throws -> ScalingPredictor.Pilot {
      let runs = try [
        [1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0], [0, 0.5, 0.5], [0.4, 0.3, 0.3],
      ].map { p in
        let d = try distance(p).distance
        return PilotRun(mixture: p, distance: d, performance: level - 0.2 * d)
      }
      return ScalingPredictor.Pilot(size: size, try MixturePredictor(runs, forms: [.distance]))
    }
    let predictor = try ScalingPredictor(distance, pilot(100, 0.6), pilot(200, 0.7))
    // Not [0.2, 0.3, 0.5]: samples of the last source would weigh as much as targets, which is a kink.
    let p = [0.21, 0.3, 0.49]
    let here = try predictor(p, size: 800)
    // Two more doublings, each worth 0.1.
    #expect(try abs(here.value - (0.9 - 0.2 * distance(p).distance)) < 1e-9)
    let step = 1e-7
    let ahead = try predictor([0.21 + step, 0.3, 0.49 - step], size: 800).value
    let behind = try predictor([0.21 - step, 0.3, 0.49 + step], size: 800).value
    #expect(abs((ahead - behind) / (2 * step) - (here.slopes[0] - here.slopes[2])) < 1e-4)
    // The best mixture is the nearest: no mixture of a grid is better.
    let best = try predictor.best(size: 800)
    for i in 0...10 {
      for j in 0...(10 - i) {
        let q = [Double(i) / 10, Double(j) / 10, Double(10 - i - j) / 10]
        #expect(try predictor(q, size: 800).value <= best.value + 1e-3)
      }
    }
    #expect(
      message { _ = try ScalingPredictor(distance, pilot(200, 1), pilot(100, 1)) }
        == "setting-out-of-range: pilots of 200 and 100 samples (projection). "
        + "Give two sizes above 0, the smaller first.")
  }

  @Test("what cannot be fitted or mixed is refused")
  func refusals() throws {
    let cloud = try PointCloud(Points([0, 1], dimensions: 1), Points([0], dimensions: 1))
    #expect(
      message { _ = try MixtureDistance(cloud, sourceOf: [0]) }
        == "shape-mismatch: the sources of 1 samples for 2 rows (mixture). Give each row its source."
    )
    #expect(
      message { _ = try MixtureDistance(cloud, sourceOf: [0, -1]) }
        == "setting-out-of-range: the source is -1 (mixture, sample 1). Number sources from 0.")
    #expect(
      message { _ = try MixtureDistance(cloud, sourceOf: [1, 1]) }
        == "setting-out-of-range: source 0 has no samples (mixture). "
        + "Number sources from 0 and leave none out.")
    let two = try MixtureDistance(cloud, sourceOf: [0, 1])
    #expect(
      message { _ = try two([0, 0]) }
        == "mass-out-of-range: the total mass is 0.0 (source masses). "
        + "Give at least one mass above 0, and a total of at most 1e+25.")
    #expect(
      message { _ = try two([1, .nan]) }
        == "mass-out-of-range: the mass is nan (source 1). Masses must be finite and at least 0.")
    let run = PilotRun(mixture: [1, 0], distance: 1, performance: 1)
    #expect(
      message { _ = try MixturePredictor([run, run]) }
        == "shape-mismatch: 2 runs, the first of 2 sources (mixture predictor). "
        + "Give at least 3 runs, all of the same sources.")
    #expect(
      message {
        _ = try MixturePredictor([
          run, run, PilotRun(mixture: [1, 0], distance: .nan, performance: 1),
        ])
      }
        == "point-out-of-range: a share, the distance nan or the performance 1.0 is not finite "
        + "(mixture predictor, run 2). Leave the run out.")
    #expect(
      message { _ = try MixturePredictor([run, run, run], forms: []) }
        == "setting-out-of-range: there are no forms to choose from (mixture predictor). "
        + "Give at least one.")
    // Equal runs have no slope, and predict what they measured.
    #expect(try MixturePredictor([run, run, run])([0, 1], distance: 5) == 1)
  }
}
