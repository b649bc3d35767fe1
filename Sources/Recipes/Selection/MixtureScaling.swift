// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport

/// projektor: how well a mixture of sources will train at a size that nobody has trained, from small pilots
/// and transport distances.
public struct MixtureScaling: Recipe {
  public init() {}

  public var paper: Paper {
    Paper(
      name: "mixture-scaling",
      title: "The best mixture of data sources for a size that was never trained",
      idea: """
        Sources show a few samples each. Small trainings on some mixtures, and the transport distance from \
        each mixture to the validation set, give performance as a function of both; two sizes give a line \
        in the logarithm of the size. Slopes of the distance by the shares come from its potentials, so \
        that the best mixture is climbed to.
        """,
      data: """
        mnist5k: sources with the digits 0 to 3, 4 to 6 and 7 to 9; validation and test with 40 of each \
        class. 40 principal components, logistic regression, pilots of 200 and 300 samples on 28 mixtures, \
        5 repetitions.
        """,
      references: [
        Reference(
          key: "kang2023projektor",
          authors: "Kang, Feiyang and Just, Hoang Anh and Sahu, Anit Kumar and Jia, Ruoxi",
          title:
            "Performance Scaling via Optimal Transport: Enabling Data Selection from Partially Revealed "
            + "Sources",
          venue: "Neural Information Processing Systems", year: 2023,
          link: "https://arxiv.org/abs/2307.02460"),
        Reference(
          key: "alvarezmelis2020otdd", authors: "Alvarez-Melis, David and Fusi, Nicolo",
          title: "Geometric Dataset Distances via Optimal Transport",
          venue: "Neural Information Processing Systems", year: 2020,
          link: "https://arxiv.org/abs/2002.02923"),
      ])
  }

  public var claims: [Claim] {
    [
      Claim(
        "mixtures", "It predicts mixtures unlike those that were trained.",
        "mean error of accuracy where the first share is above 1/2; baseline: shares alone",
        .atMost(0.08), paper: "none at this scale"),
      Claim(
        "mixtures-edge",
        "It does where its form is chosen by what lies beyond the trained mixtures.",
        "the same, with the runs of most of a source left out together",
        .atMost(0.08), paper: "none: not the paper's"),
      Claim(
        "distance", "The distance is what makes it predict them.",
        "that error over that of a fit to shares alone", .atMost(0.999),
        paper: "better than fits without the distance"),
      Claim(
        "sizes", "It predicts sizes that were never trained.",
        "mean error of accuracy over that of taking the larger pilot's, worse of 600 and 1,500",
        .atMost(0.999), paper: "errors of about 1 point of accuracy, CIFAR-10"),
      Claim(
        "sizes-smooth",
        "It does where the pilots' difference is smoothed over mixtures.",
        "the same, with the difference as fitted to mixtures and distances",
        .atMost(0.999), paper: "none: not the paper's"),
      Claim(
        "choice", "The mixture it chooses is as good as any that is easily had.",
        "accuracy at the greatest size, less the best of equal shares, least distance and random",
        .atLeast(-0.005), paper: "better than the baselines by 1 to 3 points"),
      Claim(
        "slopes", "Potentials say how the distance changes with the shares.",
        "greatest difference from finite differences", .atMost(1e-5),
        paper: "a closed form"),
    ]
  }

  public var needs: [DataItem] { [.mnist5k] }

  public var larger: String? { "10 splits of the digits instead of 5" }

  public func run(in run: RecipeRun) throws -> Findings {
    let images = try run.data.images(.mnist5k)
    var random = run.generator("components")
    let isSmoke = run.budget == .smoke
    let all = images.components(isSmoke ? 8 : 40, using: &random)
    let plan = MixturePlan(isSmoke: isSmoke)
    let splits = (0..<run.size(smoke: 1, standard: 5, full: 10)).map {
      MixtureSplit(all, plan: plan, seed: run.seed.derived("split", UInt64($0)))
    }
    run.note("distances of \(plan.mixtures.count) mixtures")
    let distance = try splits[0].distance(showing: plan.pilot)
    let (distances, seconds) = try run.timed {
      try plan.mixtures.parallel { try distance($0).distance }
    }
    let accuracies = try plan.sizes.map { size in
      run.note("trainings of \(plan.mixtures.count) mixtures with \(size) samples")
      return try Self.accuracies(plan.mixtures, size: size, splits, on: \.validation)
    }
    let pilots = accuracies.prefix(2).map { values in
      plan.mixtures.indices.map {
        PilotRun(
          mixture: plan.mixtures[$0], distance: distances[$0], performance: values[$0])
      }
    }
    // The control does without distances, and without a line through two sizes.
    let isMethod = run.subject == .method
    let forms: [MixturePredictor.Form] = isMethod ? MixturePredictor.Form.allCases : [.mixture]
    let unseen = try pilots.map { try UnseenMixtures($0, forms: forms) }
    let sizes = try Self.sizes(plan, accuracies, distances, forms: forms, isProjected: isMethod)
    run.note("choosing a mixture for \(plan.sizes.last!) samples")
    let predictor = try ScalingPredictor(
      distance, .init(size: plan.sizes[0], MixturePredictor(pilots[0], forms: forms)),
      .init(size: plan.sizes[1], MixturePredictor(pilots[1], forms: forms)))
    let choices = try Self.choices(plan, splits, distance, distances, predictor, run)
    let slopes = try Self.slopeError(distance, run)

    let (error, alone) = (unseen.map(\.byEdges).mean, unseen.map(\.sharesAlone).mean)
    let (projected, unprojected) = (sizes.map(\.projected).mean, sizes.map(\.unprojected).mean)
    var findings = Findings()
    findings.moved =
      "\(plan.mixtures.count) mixtures of 3 sources to \(splits[0].validation.count) validation "
      + "samples, \(splits.count) splits"
    findings.cost =
      "\(short(seconds)) s for distances; "
      + "\(plan.mixtures.count * plan.sizes.count * splits.count) trainings on the grid"
    findings.inSync =
      "error on unseen mixtures \(short(alone)) (shares alone) → \(short(error)); at unseen sizes "
      + "\(short(unprojected)) (the larger pilot's) → \(short(projected))"
    findings.measured = [
      "mixtures": Measured(unseen.map(\.byOne).mean, baseline: alone),
      "mixtures-edge": Measured(error, baseline: alone),
      "distance": Measured(error / alone),
      "sizes": Measured(Measured.worst(sizes.map { $0.projected / $0.unprojected })),
      "sizes-smooth": Measured(
        Measured.worst(sizes.map { $0.smoothed / $0.unprojected })),
      "choice": Measured(choices[0].accuracy - Measured.worst(choices.dropFirst().map(\.accuracy))),
      "slopes": Measured(isMethod ? slopes.calibrated : slopes.plain),
    ]
    findings.tables = [
      FindingTable(
        title: "Fits to pilots: error on runs left out, and on mixtures unlike them",
        columns: ["size, form", "ridge", "left out", "unlike"],
        rows: zip(plan.sizes, unseen).flatMap { size, unseen in
          unseen.fits.map { fit in
            [
              "\(size), \(fit.candidate.form.rawValue)", short(fit.candidate.ridge),
              short(fit.candidate.errorLeftOut), short(fit.error),
            ]
          }
        }),
      FindingTable(
        title: "Accuracy at sizes that were not trained: mean error over mixtures",
        columns: ["size", "projected", "difference smoothed", "as the larger pilot", "bias"],
        rows: sizes.map {
          [
            "\($0.size)", short($0.projected), short($0.smoothed), short($0.unprojected),
            short($0.bias),
          ]
        }),
      FindingTable(
        title: "Mixtures for \(plan.sizes.last!) samples",
        columns: ["chosen by", "0 to 3", "4 to 6", "7 to 9", "accuracy, %"],
        rows: choices.map { [$0.name] + $0.mixture.map(short) + [short(100 * $0.accuracy)] }),
    ]
    findings.figures = [
      .shares(
        title: "Accuracy at \(plan.sizes.last!) samples", note: "On test digits of all classes.",
        choices.map { ($0.name, $0.accuracy, 0) })
    ]
    findings.simulated = [
      "The sources: digits dealt by class, where the paper has separate collections."
    ]
    findings.notDone = [
      "The paper draws samples for each mixture and size and works out their distance; here one set stands "
        + "for all mixtures, sizes and splits, its samples weighed by the shares.",
      "Its distance has entropy and takes the two sides' own off; this one is exact.",
      "It climbs by the calibrated gradient in 100 steps of fixed length; that vector's products with changes "
        + "of several shares are not the distance's, so the plain slopes are taken here.",
      "Chosen by runs left out one at a time, a form of many terms wins between the trained mixtures and is "
        + "far off beyond them; a fit to the distance alone is near in both: see the first table.",
      "Accuracy bends below a line in the logarithm of the size: a projection to 1,500 is too high, whether "
        + "or not the pilots' difference is smoothed. See the bias in the second table.",
      "Mixtures that ask a source for more samples than it has are left out at the sizes where they do.",
    ]
    return findings
  }

  /// Mean accuracies over splits; not a number where a source has too few samples.
  private static func accuracies(
    _ mixtures: [[Double]], size: Int, _ splits: [MixtureSplit],
    on part: any KeyPath<MixtureSplit, LabeledFeatures> & Sendable
  ) throws -> [Double] {
    try mixtures.parallel { mixture in
      splits.compactMap { $0.accuracy(mixture, size: size, on: part) }.mean
    }
  }

  /// How near accuracies at one size are predicted by those of the pilots.
  private struct SizeError {
    let size: Int
    let projected: Double
    /// With the difference of the pilots as fitted to all mixtures, not as measured on each.
    let smoothed: Double
    let unprojected: Double
    /// How much too high a projection is on the mean.
    let bias: Double
  }

  private static func sizes(
    _ plan: MixturePlan, _ accuracies: [[Double]], _ distances: [Double],
    forms: [MixturePredictor.Form], isProjected: Bool
  ) throws -> [SizeError] {
    let line = try LogProjection(from: plan.sizes[0], plan.sizes[1])
    let differences = try MixturePredictor(
      plan.mixtures.indices.map {
        PilotRun(
          mixture: plan.mixtures[$0], distance: distances[$0],
          performance: accuracies[1][$0] - accuracies[0][$0])
      }, forms: forms)
    return plan.sizes.indices.dropFirst(2).map { at in
      let there = plan.mixtures.indices.filter { !accuracies[at][$0].isNaN }
      func errors(_ small: (Int) -> Double) -> [Double] {
        there.map {
          line(small($0), accuracies[1][$0], size: plan.sizes[at]) - accuracies[at][$0]
        }
      }
      let unprojected = errors { accuracies[1][$0] }
      let projected = isProjected ? errors { accuracies[0][$0] } : unprojected
      let smoothed =
        isProjected
        ? errors {
          accuracies[1][$0] - differences(plan.mixtures[$0], distance: distances[$0])
        } : unprojected
      return SizeError(
        size: plan.sizes[at], projected: projected.map(abs).mean,
        smoothed: smoothed.map(abs).mean, unprojected: unprojected.map(abs).mean,
        bias: projected.mean)
    }
  }

  /// A mixture for the greatest size, and what came of it on the test.
  private struct Choice {
    let name: String
    let mixture: [Double]
    let accuracy: Double
  }

  /// The predictor's first, then what is easily had.
  private static func choices(
    _ plan: MixturePlan, _ splits: [MixtureSplit], _ distance: MixtureDistance,
    _ distances: [Double], _ predictor: ScalingPredictor, _ run: RecipeRun
  ) throws -> [Choice] {
    let size = plan.sizes.last!
    let equal = [1.0 / 3, 1.0 / 3, 1.0 / 3]
    let search = MixtureSearch(iterationsMax: run.size(smoke: 3, standard: 15))
    let own = try predictor.best(size: size, starts: [equal], search: search).mixture
    let near = plan.mixtures[distances.indices.min { distances[$0] < distances[$1] }!]
    let nearest = try search([near]) { (mixture) throws(TransportError) in
      let at = try distance(mixture)
      return (-at.distance, at.slopes.map { -$0 })
    }.mixture
    // As many trainings as the two pilots had.
    var random = run.generator("random mixtures")
    let drawn = (0..<2 * plan.mixtures.count).map { _ -> [Double] in
      // Uniform on the simplex: gaps between two numbers and the ends.
      let cuts = [Double.random(in: 0..<1, using: &random), .random(in: 0..<1, using: &random)]
      return [cuts.min()!, cuts.max()! - cuts.min()!, 1 - cuts.max()!]
    }
    let trained = try accuracies(drawn, size: plan.pilot, splits, on: \.validation)
    let best = drawn[trained.indices.max { trained[$0] < trained[$1] }!]
    let mixtures = [own, equal, nearest, best]
    let tested = try accuracies(mixtures, size: size, splits, on: \.test)
    let names = ["prediction", "equal shares", "least distance", "random search"]
    return mixtures.indices.map {
      Choice(name: names[$0], mixture: mixtures[$0], accuracy: tested[$0])
    }
  }

  /// The greatest differences of the calibrated slopes, and of the plain ones, from what raising one share
  /// does.
  private static func slopeError(
    _ distance: MixtureDistance, _ run: RecipeRun
  ) throws -> (calibrated: Double, plain: Double) {
    var random = run.generator("slopes")
    let step = 1e-7
    var worst = (calibrated: 0.0, plain: 0.0)
    for _ in 0..<run.size(smoke: 1, standard: 5) {
      let raw = (0..<3).map { _ in Double.random(in: 0.2...1, using: &random) }
      let shares = raw.map { $0 / raw.reduce(0, +) }
      let here = try distance(shares)
      for source in shares.indices {
        func raised(_ by: Double) throws -> Double {
          let shrunk = 1 - by / (1 - shares[source])
          return try distance(
            shares.indices.map { $0 == source ? shares[$0] + by : shares[$0] * shrunk }
          ).distance
        }
        let found = try (raised(step) - raised(-step)) / (2 * step)
        worst.calibrated = Measured.worse(
          worst.calibrated, abs(found - here.calibrated[source]!))
        worst.plain = Measured.worse(worst.plain, abs(found - here.slopes[source]))
      }
    }
    return worst
  }
}
