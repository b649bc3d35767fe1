// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport

/// Cells under drugs and doses that were never tried: one transport map that is told the treatment.
public struct Perturbation: Recipe {
  public init() {}

  public var paper: Paper {
    Paper(
      name: "perturbation",
      title: "What drugs do to single cells, for doses and drugs that were never tried",
      idea: """
        Measuring a cell kills it: of treated and untreated cells there are two crowds, and no pairs. One \
        network, told which drug at which dose, learns where each cell of one crowd goes, so that the \
        other comes out (a Sinkhorn divergence) at least cost (the Monge gap). Where drugs are told by \
        what they do, the network answers for drugs it was never trained on. The cells are simulated, \
        so that the same cell can be run again, treated.
        """,
      data: """
        The published network of 11 genes by which myeloid blood cells differentiate (grn), as noisy Hill \
        kinetics: 22 drugs, each holding one gene down or driving it, at 5 doses, and 15 pairs of drugs. \
        60 measured genes, each a sparse mixture, with log-normal noise and 10 % missed; 12 numbers of an \
        autoencoder.
        """,
      references: [
        ConditionalMonge.reference,
        Reference(
          key: "krumsiek2011hierarchical",
          authors:
            "Krumsiek, Jan and Marr, Carsten and Schroeder, Timm and Theis, Fabian J.",
          title:
            "Hierarchical Differentiation of Myeloid Progenitors Is Encoded in the Transcription "
            + "Factor Network",
          venue: "PLoS ONE", year: 2011,
          link: "https://doi.org/10.1371/journal.pone.0022649"),
        Reference(
          key: "wittmann2009transforming",
          authors:
            "Wittmann, Dominik M. and Krumsiek, Jan and Saez-Rodriguez, Julio and "
            + "Lauffenburger, Douglas A. and Klamt, Steffen and Theis, Fabian J.",
          title:
            "Transforming Boolean models to continuous models: methodology and application to "
            + "T-cell receptor signaling",
          venue: "BMC Systems Biology", year: 2009,
          link: "https://doi.org/10.1186/1752-0509-3-98"),
        Reference(
          key: "deleeuw2024convergence", authors: "de Leeuw, Jan",
          title: "Convergence of SMACOF", venue: "arXiv", year: 2024,
          link: "https://arxiv.org/abs/2407.12945"),
      ])
  }

  public var needs: [DataItem] { [.grn] }
  public var larger: String? {
    "900 tested cells, not 300: two samples of one population are then nearer to each other"
  }

  public var claims: [Claim] {
    [
      Claim(
        "seen", "One map is nearly as good as one for each condition.",
        "divergence at 12 trained conditions over that of maps trained on one each, as many steps for "
          + "each; baseline: the mean shift",
        .atMost(1.15), paper: "on a par, sci-Plex 3 and 4i"),
      Claim(
        "unseen-dose", "Doses between the trained ones are met.",
        "divergence over that of the mean shift, taken between doses",
        .atMost(0.6), paper: "strong, sci-Plex 3"),
      Claim(
        "unseen-drug", "Drugs that were not trained are met, told by their effect.",
        "divergence at 4 drugs and 5 doses over that of the cells as they are",
        .atMost(0.8), paper: "strong, sci-Plex 3"),
      Claim(
        "mode-of-action", "A drug's effect tells more of it than its target.",
        "divergence at unseen drugs over that of the map told the target",
        .atMost(1), paper: "better than molecules' fingerprints"),
      Claim(
        "one-hot", "A mere name says nothing of a new drug.",
        "divergence at unseen drugs, told by names, over that of the cells as they are; the map "
          + "told the effect has to be at 0.8",
        .atLeast(0.8), paper: "cannot be applied"),
      Claim(
        "heterogeneity", "It gains more in how cells differ than in their mean.",
        "the worst of variance, third moment and discrepancy, each over the mean shift's, over the "
          + "same of the mean, unseen doses",
        .atMost(1), paper: "its point against mean shifts"),
      Claim(
        "gap", "Trained with the gap, maps have less of it.",
        "Monge gap over that of the same network without it, trained conditions",
        .atMost(0.2), paper: "none"),
      Claim(
        "fit", "The fit hardly suffers.",
        "divergence over that without the gap, trained conditions", .atMost(1.05),
        paper: "none"),
      Claim(
        "truth", "It says best what becomes of a given cell.",
        "mean error of a cell at unseen doses, over the least of the mean shift's, the cells as they "
          + "are and the map without the gap",
        .atMost(1), paper: "none: no cell can be treated and not"),
    ]
  }

  public func run(in run: RecipeRun) throws -> Findings {
    let (data, preparing) = try run.timed { try PerturbationData(run) }
    let contenders = try PerturbationContenders(data, run)
    run.note("scores of \(data.truth.count) treatments")
    let (scores, scoring) = try run.timed { try PerturbationScores(data, contenders) }
    var findings = Findings()
    let d = data.dimensions
    let sizes = data.trained.map { data.treated[$0]!.count / d }
    findings.moved =
      "\(data.sources.count / d) untreated cells to \(sizes.reduce(0, +)) others under "
      + "\(data.trained.count) treatments, one a step; \(data.start.count / d) more are tested under "
      + "\(data.truth.count)"
    findings.cost =
      "\(short(contenders.seconds(.mode)!)) s to train the map, \(short(preparing)) s to simulate and "
      + "encode cells, \(short(scoring)) s to score"
    let (before, after) = (scores[.dose, .identity], scores[.dose, .mode])
    findings.inSync =
      "divergence at unseen doses \(short(before.divergence.mean)) → "
      + "\(short(after.divergence.mean)), error of a cell \(short(before.paired.mean)) → "
      + "\(short(after.paired.mean))"
    findings.measured = Self.measured(scores)
    findings.tables = Self.tables(data, contenders, scores)
    findings.figures = try Self.figures(data, contenders, scores)
    func share(_ score: PerturbationScore) -> String {
      "\(short(score.gap.mean)) of a way of \(short(score.way.mean))"
    }
    let (floor, shifted) = (scores[.dose, .itself].divergence.mean, scores[.dose, .shift])
    findings.simulated = [
      "All cells: a published network, but run as Hill kinetics with ten times its noise. Drugs act on "
        + "one gene's production in the last quarter of a cell's life.",
      "What is measured: mixtures, noise and misses from the seed.",
      "Predictions are compared with other cells under the treatment, with noise of their own; the error "
        + "of a cell with the same cell, run again under the treatment with the same noise and measured "
        + "with the same errors. Training sees none of either, and no pairs.",
      "Two samples of one population differ: at unseen doses the tested cells themselves, treated, have a "
        + "divergence of \(short(floor)), \(short(floor / shifted.divergence.mean)) of the mean shift's, and no "
        + "prediction can be expected to be below. What is above it is "
        + "\(short((after.divergence.mean - floor) / (shifted.divergence.mean - floor))) of the mean shift's.",
      "A cell's own noise is the same in the truth, and a mean shift keeps it as it is; maps, a map for each "
        + "condition among them, are trained on crowds and do not.",
      "Cells differ by noise in 12 numbers, so that the nearest image of each is its own: without the gap "
        + "in training it is \(share(scores[.seen, .withoutGap])), hardly anything to take away.",
      "A mode of action needs cells under the drug: of drugs that are not trained, a population at the "
        + "greatest dose is seen, for the distances alone.",
    ]
    findings.notDone = [
      "The paper maps cells of sci-Plex 3 and 4i: 1,000 genes, 50 latent numbers, hundreds of "
        + "conditions. Here no real cell is read.",
      "Its contexts are molecules' fingerprints, too; here the target with a sign stands for them.",
      "It trains 10,000 steps of 512 cells at a rate of 1e-4; here 3,000 of 128 at 1e-3. Populations "
        + "have 256 cells.",
      "Modes of action are scaled from Sinkhorn divergences of distances at ε = 1, since exact distances "
        + "of two samples of one population are far from 0 in 12 dimensions.",
      "Its divergences between populations are at ε = 0.1; here at 1 as in the fit: at 0.1 any two samples "
        + "of one population are far apart in 12 dimensions.",
      "The best cost in its gap is entropic, at ε = 0.01; here it is exact. The dual of convex networks "
        + "(CellOT) and conditional autoencoders are not run.",
    ]
    return findings
  }

  /// A gap over that without it in training; 1 where that is rounding of the way, with nothing to take
  /// away: what rounding leaves of two zeros says nothing.
  package static func gapLeft(_ gap: Double, of without: Double, way: Double) -> Double {
    without > 1e-9 * way ? max(0, gap) / without : 1
  }

  private static func measured(_ scores: PerturbationScores) -> [String: Measured] {
    func divergence(_ group: PerturbationData.Group, _ way: PerturbationContenders.Way) -> Double {
      scores[group, way].divergence.mean
    }
    let (seen, specific) = (divergence(.seen, .mode), divergence(.seen, .specific))
    let (dose, shifted) = (scores[.dose, .mode], scores[.dose, .shift])
    func gain(_ of: (PerturbationScore) -> MeanWithSpread) -> Double {
      of(dose).mean / of(shifted).mean
    }
    let worst = Measured.worst([gain(\.variance), gain(\.third), gain(\.discrepancy)])
    let others = [PerturbationContenders.Way.shift, .identity, .withoutGap].map {
      scores[.dose, $0].paired.mean
    }
    let (moved, free) = (scores[.seen, .mode], scores[.seen, .withoutGap])
    let asTheyAre = divergence(.drug, .identity)
    return [
      "seen": Measured(seen / specific, baseline: divergence(.seen, .shift) / specific),
      "unseen-dose": Measured(
        divergence(.dose, .mode) / divergence(.dose, .shift), baseline: 1),
      "unseen-drug": Measured(divergence(.drug, .mode) / asTheyAre, baseline: 1),
      "mode-of-action": Measured(divergence(.drug, .mode) / divergence(.drug, .target)),
      "one-hot": Measured(divergence(.drug, .oneHot) / asTheyAre),
      "heterogeneity": Measured(worst / gain(\.mean)),
      "gap": Measured(
        Self.gapLeft(moved.gap.mean, of: free.gap.mean, way: free.way.mean), baseline: 1),
      "fit": Measured(seen / divergence(.seen, .withoutGap)),
      "truth": Measured(dose.paired.mean / others.min()!),
    ]
  }

  private static func tables(
    _ data: PerturbationData, _ contenders: PerturbationContenders, _ scores: PerturbationScores
  ) -> [FindingTable] {
    let names = PerturbationData.Group.allCases.map { group in
      FindingTable(
        title: "\(group.rawValue): means over \(data.tests[group]!.count)",
        columns: [
          "told by", "divergence", "±", "discrepancy", "mean", "variance", "third moment",
          "error of a cell", "gap", "way", "r² of genes' means",
        ],
        rows: PerturbationContenders.Way.allCases.compactMap { way in
          guard way != .specific || group == .seen else { return nil }
          let score = scores[group, way]
          return [way.rawValue]
            + [
              score.divergence.mean, score.divergence.spread, score.discrepancy.mean,
              score.mean.mean, score.variance.mean, score.third.mean, score.paired.mean,
              score.gap.mean, score.way.mean, score.geneMeans.mean,
            ].map(short)
        })
    }
    return names + [
      FindingTable(
        title: "What there is", columns: ["what", "value"],
        rows: [
          [
            "not told again by the autoencoder, % of the variance",
            short(100 * data.autoencoder.error),
          ],
          ["stress of the modes of action", short(data.stress)],
          [
            "drugs that are not trained",
            data.heldOut.map { $0.text(data.genes) }.joined(separator: ", "),
          ],
        ]
          + PerturbationContenders.Way.allCases.compactMap { way in
            contenders.seconds(way).map { ["seconds to train: \(way.rawValue)", short($0)] }
          }),
      FindingTable(
        title: "The fit in training, means over tenths of the steps",
        columns: ["told by", "first", "fifth", "eighth", "ninth", "last"],
        rows: PerturbationContenders.Way.allCases.compactMap { way in
          let fits = contenders.fits(way)
          return fits.isEmpty
            ? nil
            : [way.rawValue] + [0, 4, 7, 8, 9].map { short(fits[min($0, fits.count - 1)]) }
        }),
    ]
  }
}
