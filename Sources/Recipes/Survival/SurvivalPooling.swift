// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import FerryOptimalTransport
import Foundation

/// Survival from bags of tiles: prototypes share a bag's tiles out by partial transport.
public struct SurvivalPooling: Recipe {
  public init() {}

  public var paper: Paper {
    Paper(
      name: "otsurv",
      title: "Survival from bags of tiles, pooled by partial transport to prototypes",
      idea: """
        A patient is a bag of tiles of which few matter. Prototypes, learned with the rest, receive the \
        tiles' mass by transport: how much each may get is free at a price, and at first only the tiles \
        that are certain of a prototype move. What the prototypes received is mixed to one number, the \
        risk, and trained by Cox's partial likelihood.
        """,
      data: """
        Morphology and hazard are simulated, tile images are real: bags of 150 to 300 digits of mnist5k in 64 \
        principal components, a fifth of them spoilt by noise or blur, digits long-tailed. The hazard is \
        ((share of clean nines + 0.005) / 0.02)^1.2 · exp(0.8 · how thick those nines' strokes are), times are \
        Weibull's, 35 % censored; no picture is in bags of two folds. Real times: gbsg2, a patient a bag of \
        one row and 20 jittered copies.
        """,
      references: [
        Reference(
          key: "ren2025otsurv",
          authors: "Ren, Qin and Wang, Yifan and Fang, Ruogu and Ling, Haibin and You, Chenyu",
          title:
            "OTSurv: A Novel Multiple Instance Learning Framework for Survival Prediction with "
            + "Heterogeneity-aware Optimal Transport",
          venue: "Medical Image Computing and Computer Assisted Intervention", year: 2025,
          link: "https://arxiv.org/abs/2506.20741"),
        Reference(
          key: "ilse2018attention",
          authors: "Ilse, Maximilian and Tomczak, Jakub M. and Welling, Max",
          title: "Attention-based Deep Multiple Instance Learning",
          venue: "International Conference on Machine Learning", year: 2018,
          link: "https://arxiv.org/abs/1802.04712"),
      ])
  }

  public var needs: [DataItem] { [.mnist5k, .survival] }

  public var claims: [Claim] {
    [
      Claim(
        "c-index", "It ranks patients better than gated attention does.",
        "mean C-index of held-out patients less that of gated attention", .atLeast(0.02),
        paper: "0.646 over six cohorts, 0.036 above the best before"),
      Claim(
        "over-mean", "It ranks patients better than the mean of their tiles does.",
        "mean C-index less that of mean pooling", .atLeast(0.03), paper: "better in all six cohorts"
      ),
      Claim(
        "others", "It ranks patients no worse than any other pooling.",
        "mean C-index less that of the best other", .atLeast(-0.005), paper: "better than all"),
      Claim(
        "c-index-seconds", "It does so, too, where gated attention is trained for as long.",
        "the same, gated attention trained for as many seconds", .atLeast(0.02),
        paper: "0.646 over six cohorts, 0.036 above the best before"),
      Claim(
        "over-mean-seconds", "It does so, too, where the mean's network is trained for as long.",
        "the same, mean pooling trained for as many seconds", .atLeast(0.03),
        paper: "better in all six cohorts"),
      Claim(
        "others-seconds", "It does so, too, where each of the others is trained for as long.",
        "the same, others trained for as many seconds", .atLeast(-0.005),
        paper: "better than all"),
      Claim(
        "rho", "A share that grows is better than the whole from the start.",
        "mean C-index less that with the whole mass, γ the same", .atLeast(0.01),
        paper: "an ablation in favor of it"),
      Claim(
        "rho-seconds", "It is so, too, where the whole may be trained for as long.",
        "the same, the whole mass trained for as many seconds", .atLeast(0.01),
        paper: "an ablation in favor of it"),
      Claim(
        "noise", "Early in training spoilt tiles move little of the mass.",
        "their part of what moves after one epoch, as a share of their part of the tiles; mean of "
          + "all held-out bags",
        .atMost(0.5), paper: "confident tiles first; no figure"),
      Claim(
        "gamma", "Sizes are best neither free nor held: the score has a hump over γ.",
        "the least rise of the mean C-index toward its top at γ = 0.05 or 0.2, from 0.02 and 1",
        .atLeast(1e-9), paper: "γ = 1 throughout"),
      Claim(
        "stratify", "Its median risk tells patients who live longer from others.",
        "p of the log-rank test, held-out patients above and below their fold's median",
        .atMost(0.01), paper: "p < 0.05 in its cohorts"),
      Claim(
        "solver", "Each assignment is one: all get theirs, and no other costs less.",
        "greatest error of a marginal, L1, or relative gap, of all held-out bags", .atMost(1e-6),
        paper: "stops at 1e-10, or after 1,000 passes"),
      Claim(
        "gradient", "Gradients through the assignment are those of its solution.",
        "difference from finite differences, as a share of the greatest", .atMost(1e-3),
        paper: "unrolls its passes"),
      Claim(
        "gbsg2", "On real times of one row each it is as good as a Cox model.",
        "C-index of a Cox model less its own, five folds", .atMost(0.01),
        paper: "none: a check that training works"),
    ]
  }

  public func run(in run: RecipeRun) throws -> Findings {
    let training = BagTraining(epochs: run.size(smoke: 3, standard: 24))
    var study = try Study(run, training)
    try study.add(Way.compared)
    // By the loss on patients that say when to stop, not by those held out.
    let best = Way.sizes.map(Way.free).min { study[$0].trial.loss < study[$1].trial.loss }!
    guard case .free(let gamma) = best else { preconditionFailure("sizes are free") }
    try study.add([.whole(gamma)])
    let trial = study[best].trial
    let others: [Way] = [.whole(gamma), .balanced, .attention, .mean, .greatest]
    try study.add(others, asLongAs: best)
    run.note("what is held out, under \(best.name)")
    let (proof, checking) = try run.timed { try trial.check() }
    let noise = try trial.spoiltMass { $0.early }
    let real = try RealTimes(run, training)

    let index = { (way: Way) in study[way].index.mean }
    let longer = { (way: Way) in study.atEqualSeconds(way).index.mean }
    var findings = Findings()
    findings.measured = [
      "c-index": Measured(index(best) - index(.attention), baseline: 0),
      "over-mean": Measured(index(best) - index(.mean), baseline: 0),
      "others": Measured(index(best) - Measured.worst(others.map(index))),
      "c-index-seconds": Measured(index(best) - longer(.attention), baseline: 0),
      "over-mean-seconds": Measured(index(best) - longer(.mean), baseline: 0),
      "others-seconds": Measured(index(best) - Measured.worst(others.map(longer))),
      "rho": Measured(index(best) - index(.whole(gamma)), baseline: 0),
      "rho-seconds": Measured(index(best) - longer(.whole(gamma)), baseline: 0),
      "noise": Measured(noise.mean, baseline: 1),
      "gamma": Measured(Self.hump(Way.sizes.map { index(.free($0)) })),
      "stratify": Measured(
        trial.test.pValue, baseline: study[.mean].trial.test.pValue),
      "solver": Measured(Trial.Proof.worst(proof.solutions)),
      "gradient": Measured(Trial.Proof.worst(proof.gradients)),
      "gbsg2": Measured(real.cox.mean - real.own.mean),
    ]
    findings.tables = try tables(study, best: best, longer: others, real)
    findings.tables.append(
      FindingTable(
        title: "What is judged of held-out patients, each under the model trained without them",
        columns: ["what", "bags", "value", "±", "s"],
        rows: [
          ["spoilt tiles' part of what moves after one epoch", "\(noise.total)"]
            + [short(noise.mean), short(noise.spread), "–"],
          ["error of an assignment, greatest", "\(proof.solutions.count)"]
            + [short(Trial.Proof.worst(proof.solutions)), "–", short(checking)],
          ["error of a gradient, greatest", "\(proof.gradients.count)"]
            + [short(Trial.Proof.worst(proof.gradients)), "–", "with it"],
        ]))
    try report(study, best: best, Trial.Proof.worst(proof.solutions), into: &findings)
    return findings
  }

  /// The least rise toward the top of the inner ones, from both ends; not above 0 where the top is at
  /// an end.
  package static func hump(_ values: [Double]) -> Double {
    let inner = values.indices.dropFirst().dropLast()
    let top = inner.max { values[$0] < values[$1] }!
    let before = (0..<top).map { values[$0 + 1] - values[$0] }
    let after = (top..<values.count - 1).map { values[$0] - values[$0 + 1] }
    return (before + after).min()!
  }
}
