// SPDX-License-Identifier: Apache-2.0

import FerryBasics

extension SurvivalPooling {
  /// Scores of all ways, at equal steps and at equal seconds, and those on real times.
  func tables(
    _ study: Study, best: Way, longer: [Way], _ real: RealTimes
  ) throws -> [FindingTable] {
    func row(_ name: String, _ score: Score) throws -> [String] {
      let sharpness = try score.trial.sharpness()
      return [name, short(score.index.mean), short(score.index.spread)]
        + [short(score.trial.loss), short(score.trial.test.pValue)]
        + [sharpness.map { short(100 * $0) } ?? "–", "\(score.epochs)", short(score.seconds)]
    }
    let ways = Way.sizes.map(Way.free) + [.published] + longer
    return try [
      FindingTable(
        title: "C-index of held-out patients, with an interval of 95 % over folds",
        columns: [
          "pooling", "C-index", "±", "loss", "log-rank p", "of a tile to one, %", "epochs", "s",
        ],
        rows: ways.map { try row($0.name, study[$0]) } + [
          ["the true hazard", short(study.truth.mean), short(study.truth.spread)]
            + ["–", "–", "–", "–", "–"]
        ]),
      FindingTable(
        title: "The same of others trained for as long as \(best.name)",
        columns: [
          "pooling", "C-index", "±", "loss", "log-rank p", "of a tile to one, %", "epochs", "s",
        ],
        rows: longer.map { try row($0.name, study.atEqualSeconds($0)) }),
      FindingTable(
        title: "C-index on gbsg2, mean of folds", columns: ["model", "C-index", "±"],
        rows: [
          ["Cox", short(real.cox.mean), short(real.cox.spread)],
          ["OTSurv as published", short(real.own.mean), short(real.own.spread)],
        ]),
    ]
  }

  /// What a report shows beside claims and tables.
  func report(
    _ study: Study, best: Way, _ error: Double, into findings: inout Findings
  ) throws {
    let (trial, bags, training) = (study[best].trial, study.bags, study.training)
    let ways = Way.compared
    findings.moved =
      "tile images are real, morphology and hazard are simulated: \(bags.pictures.joined().count) "
      + "tiles of \(bags.set.bags.count) patients to \(BagModel.prototypeCount) prototypes"
    findings.cost =
      "\(short(study[best].seconds)) s to train \(bags.folds.count) models, "
      + "\(short(study[.mean].seconds)) s with the mean of tiles"
    findings.inSync =
      "rows and prototypes to \(short(error)); C-index 0.5 → \(short(study[best].index.mean)), of "
      + "the true hazard \(short(study.truth.mean))"
    findings.figures = try [
      .shares(
        title: "C-index", note: "Of held-out patients, with intervals of 95 %; 50 % is chance.",
        ways.map { ($0.name, study[$0].index.mean, study[$0].index.spread) }),
      .pictures(
        title: "Patients below and above their fold's median risk",
        note: "Kaplan–Meier curves of held-out patients: below in green, above in red; the top is "
          + "100 %, the right end the last time.",
        [(caption: "share without the event over time", picture: trial.curves())]),
      .decay(
        title: "Spoilt tiles' part of the mass that moves",
        note: "As a share of their part of the tiles, over how much moves.", x: "ρ", y: "share",
        [
          Curve(name: "after one epoch", points: film(trial) { $0.early.model }),
          Curve(name: "trained", points: film(trial) { $0.model }),
        ]),
    ]
    if let tiles = try trial.mosaic(of: study.slides.images) {
      findings.figures.append(
        .pictures(
          title: "What prototypes receive",
          note: "A row for each prototype: the tiles of one held-out patient that give it most.",
          [(caption: "most mass to the left", picture: tiles)]))
    }
    findings.simulated = [
      "Morphology and hazard: which digits a patient has, and what they mean for the hazard. The times "
        + "follow from that. Tile images and the times of gbsg2 are real.",
      "The hazard grows with the share of a rare digit, times something of its strokes: the mean of a "
        + "number of each tile can say nearly that. This is no home game for transport.",
      "Training is short, and hazards hang on a rare digit: where losses of the table are close to each "
        + "other, their C-indices say little of the poolings.",
      "Prototypes that begin at clusters of tiles may begin at clusters of spoilt ones.",
      "The copies of rows of gbsg2 are jittered by a tenth of a deviation.",
    ]
    findings.notDone = [
      "No slides: the paper has six cohorts of TCGA with features of a pathology network (1,024 numbers "
        + "a tile, thousands of tiles), 16 prototypes of width 256 and 50 epochs.",
      "Its prototypes begin by chance, far from all tiles, which then give each much the same; here they "
        + "begin at clusters of tiles but for the row that says otherwise, and γ is chosen by the loss "
        + "on patients that say when to stop.",
      "It learns at a rate of 1e-4 for 50 epochs; here at \(short(training.rate)) for "
        + "\(training.epochs), \(training.batch) bags a step as there, the share growing over the first third.",
      "Where others are trained for as long, that is as long as the one γ took: choosing it took the others "
        + "of γ, too.",
      "Its tiles' features come from a network; here they are 64 principal components of clean digits.",
      "Its gradients run through up to 1,000 unrolled passes; here through the solution.",
    ]
  }

  private func film(
    _ trial: Trial, _ model: (BagTraining.Fitted) -> BagModel
  ) throws -> [SIMD2<Double>] {
    try [0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1].map { share in
      SIMD2(share, try trial.spoiltMass { (model($0), share) }.mean)
    }
  }
}
