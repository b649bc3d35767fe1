// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation

/// The conditional Monge gap: one network that maps a population onto others by a condition, for
/// conditions, too, that it was never shown.
public struct ConditionalMonge: Recipe {
  public init() {}

  typealias Variant = MapTask.Variant

  public var paper: Paper {
    Paper(
      name: "conditional-monge",
      title: "Transport maps that depend on a condition, from samples without pairs",
      idea: """
        Cells before and after a drug are different cells: nobody knows which became which. A network \
        learns where each goes from populations alone: its images must look like the treated cells (a \
        Sinkhorn divergence), and go there at least cost (the Monge gap). Told the drug or its dose, one \
        network learns all of them, and answers for doses in between.
        """,
      data: """
        Affine maps that are known, of 20 conditions in 4 dimensions, from the seed; and the threes and \
        eights of mnist5k, other ones upright than turned, by 0 to 50 degrees at two brightnesses, as 30 \
        principal components.
        """,
      references: [
        Self.reference,
        Reference(
          key: "uscidda2023gap", authors: "Uscidda, Théo and Cuturi, Marco",
          title: "The Monge Gap: A Regularizer to Learn All Transport Maps",
          venue: "International Conference on Machine Learning", year: 2023,
          link: "https://arxiv.org/abs/2302.04953"),
      ])
  }

  /// The paper, which `Perturbation` is after, too.
  static let reference = Reference(
    key: "driessen2025conditional",
    authors: "Driessen, Alice and Harsanyi, Benedek and Rapsomaniki, Marianna and Born, Jannis",
    title: "Towards generalizable single-cell perturbation modeling via the Conditional Monge Gap",
    venue: "arXiv", year: 2025, link: "https://arxiv.org/abs/2504.08328")

  public var needs: [DataItem] { [.mnist5k] }

  public var claims: [Claim] {
    [
      Claim(
        "unseen", "Conditions that were not trained are met.",
        "W2 to the known map's images at 10 new conditions, over the lesser of the identity's "
          + "and the unconditional map's",
        .atMost(0.5), paper: "none: real cells have no known map"),
      Claim(
        "truth", "The gap brings the map nearer to the known one.",
        "mean error of a point over that of the same network without the gap",
        .atMost(1), paper: "none: real cells have no known map"),
      Claim(
        "gap", "Trained with the gap, maps have less of it.",
        "Monge gap over that of the same network without it, known maps",
        .atMost(0.2), paper: "none"),
      Claim(
        "fit", "The fit hardly suffers.",
        "W2 to the known images over that without the gap", .atMost(1.05),
        paper: "none"),
      Claim(
        "angles", "Angles between the trained ones are met.",
        "discrepancy of kernel means at 25 and 35 degrees, over the least of the identity's and, at the "
          + "nearest trained angle, of its digits and its map; baseline: its map",
        .atMost(1), paper: "strong on unseen doses, sci-Plex 3"),
      Claim(
        "signature", "So is the mean shift.",
        "length of the error of the mean, likewise", .atMost(1),
        paper: "strong on unseen doses, sci-Plex 3"),
      Claim(
        "bounded", "No gap is below 0.",
        "the least exact or debiased gap of 40 maps", .atLeast(-1e-6),
        paper: "holds by definition of exact gaps"),
      Claim(
        "optimal", "Gradients of convex functions have none.",
        "the greatest exact gap of 5 under squared distances", .atMost(1e-4),
        paper: "theorem"),
      Claim(
        "turned", "Turns by 40 degrees have one.",
        "the least exact or debiased gap, as a share of the mean cost",
        .atLeast(0.01), paper: "theorem"),
    ]
  }

  public func run(in run: RecipeRun) throws -> Findings {
    let affine = try Self.affine(run)
    let digits = try Self.digits(run)
    let gaps = try Self.gaps(run)
    var findings = Findings()
    let method = Variant.conditional.rawValue
    findings.moved =
      "points of \(affine.conditions) known maps and \(digits.counts.trained) digits to "
      + "\(Turn.trained.count) turns of others, one condition a step"
    findings.cost =
      "\(short(affine.seconds[method]!)) s for the known maps, \(short(digits.seconds[method]!)) s for "
      + "digits"
    let start = digits.scores[Self.asTheyAre]!.discrepancy.mean
    findings.inSync =
      "W2 to known images \(short(affine.scores["identity"]!.distance.mean)) → "
      + "\(short(affine.scores[method]!.distance.mean)); discrepancy of digits at angles never shown "
      + "\(short(start)) → \(short(digits.scores[method]!.discrepancy.mean))"
    findings.measured = measured(affine, digits, gaps)
    findings.tables = tables(affine, digits, gaps)
    findings.figures = [
      .pictures(
        title: "Threes and eights at angles that were not trained",
        note:
          "The map has never seen a digit and the same digit turned: it sends each to where the "
          + "population of turned ones is met at least cost, which need not be the same digit. All "
          + "are drawn from their 30 principal components.", digits.pictures),
      .decay(
        title: "The fit of digits, in tenths of the training", note: "A Sinkhorn divergence.",
        x: "tenth", y: "divergence",
        Variant.allCases.map { variant in
          Curve(
            name: variant.rawValue,
            points: digits.fits[variant]!.enumerated().map {
              SIMD2(Double($0 + 1), max($1, 1e-6))
            })
        }),
    ]
    findings.simulated = [
      "Conditions: known affine maps, and digits that are turned and dimmed, in place of drugs and doses.",
      "The truth at held-out angles is the tested digits' own: what an experiment cannot have.",
    ]
    findings.notDone = [
      "The paper maps cells of sci-Plex 3 and 4i; here no cell is read; the recipe perturbation has "
        + "simulated ones under drugs, and modes of action.",
      "Its contexts are molecules' fingerprints, and modes of action by multidimensional scaling of "
        + "distances between treated populations; here they are one or two numbers.",
      "Its points are 50 latent numbers of an autoencoder; here 30 principal components.",
      "It trains 10,000 steps of 512 points at a rate of 1e-4; here, at standard size, 2,000 of 128 and "
        + "3,000 of 256 at 10 to 20 times the rate.",
      "The best cost in its gap is entropic, at ε = 0.01; here it is exact, which is faster at these "
        + "batches, and at least 0.",
    ]
    return findings
  }

  private func measured(
    _ affine: AffineResult, _ digits: DigitsResult, _ gaps: GapResult
  ) -> [String: Measured] {
    func known(_ variant: Variant) -> AffineResult.Score { affine.scores[variant.rawValue]! }
    let (map, free) = (known(.conditional), known(.withoutGap))
    let least = min(
      affine.scores["identity"]!.distance.mean, known(.unconditional).distance.mean)
    /// Beside the best of the others; the baseline is the map of the nearest angle.
    func ratio(_ metric: (DigitsResult.Score) -> MeanWithSpread) -> Measured {
      let own = metric(digits.scores[Variant.conditional.rawValue]!).mean
      let others = [Self.asTheyAre, Self.nearestData, Self.nearestMap].map {
        metric(digits.scores[$0]!).mean
      }
      return Measured(own / others.min()!, baseline: others[2] / others.min()!)
    }
    return [
      "unseen": Measured(map.distance.mean / least, baseline: 1),
      "truth": Measured(map.error.mean / free.error.mean),
      "gap": Measured(map.gap.mean / free.gap.mean, baseline: 1),
      "fit": Measured(map.distance.mean / free.distance.mean),
      "angles": ratio(\.discrepancy),
      "signature": ratio(\.signature),
      "bounded": Measured(gaps.least), "optimal": Measured(gaps.optimal),
      "turned": Measured(gaps.turned),
    ]
  }

  private func tables(
    _ affine: AffineResult, _ digits: DigitsResult, _ gaps: GapResult
  ) -> [FindingTable] {
    [
      FindingTable(
        title: "Known maps at conditions that were not trained",
        columns: [
          "map", "W2", "error of a point", "explained, %", "gap, % of the cost", "seconds",
        ],
        rows: (["identity"] + Variant.allCases.map(\.rawValue)).map { name in
          let score = affine.scores[name]!
          return [
            name, short(score.distance.mean), short(score.error.mean),
            short(100 * score.explained.mean), short(100 * score.gap.mean),
            affine.seconds[name].map(short) ?? "–",
          ]
        }),
      FindingTable(
        title: "Digits at angles that were not trained",
        columns: [
          "what", "discrepancy", "error of the mean", "W1", "gap, % of the cost", "seconds",
        ],
        rows: digits.names.map { name in
          let score = digits.scores[name]!
          return [
            name, short(score.discrepancy.mean), short(score.signature.mean),
            short(score.moved.mean), score.gap.map { short(100 * $0.mean) } ?? "–",
            digits.seconds[name].map(short) ?? "–",
          ]
        }),
      FindingTable(
        title: "Gaps of maps that are known to be optimal, or not",
        columns: ["map", "mean cost", "exact", "debiased", "⟨P, C⟩ of entropic couplings"],
        rows: gaps.rows),
    ]
  }
}
