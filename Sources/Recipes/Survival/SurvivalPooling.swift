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
        "rho", "A share that grows is better than the whole from the start.",
        "mean C-index less that with the whole mass, γ the same", .atLeast(0.01),
        paper: "an ablation in favor of it"),
      Claim(
        "noise", "Early in training spoilt tiles move little of the mass.",
        "their part of what moves after one epoch, as a share of their part of the tiles",
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
        "greatest error of a marginal, L1, or relative gap, of 12 bags", .atMost(1e-6),
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
    for way in Way.compared { try study.add(way) }
    // By the loss on patients that say when to stop, not by those held out.
    let best = Way.sizes.map(Way.free).min { study[$0].trial.loss < study[$1].trial.loss }!
    guard case .free(let gamma) = best else { preconditionFailure("sizes are free") }
    try study.add(.whole(gamma))
    let trial = study[best].trial
    let trusted = try trial.check()
    let noise = try trial.spoiltMass(of: trial.early.model, share: trial.early.share)
    let real = try RealTimes(run, training)

    let index = { (way: Way) in study[way].index.mean }
    let others = ([.whole(gamma), .balanced, .attention, .mean, .greatest] as [Way]).map(index)
    var findings = Findings()
    findings.measured = [
      "c-index": Measured(index(best) - index(.attention), baseline: 0),
      "over-mean": Measured(index(best) - index(.mean), baseline: 0),
      "others": Measured(index(best) - Measured.worst(others)),
      "rho": Measured(index(best) - index(.whole(gamma)), baseline: 0),
      "noise": Measured(noise, baseline: 1),
      "gamma": Measured(Self.hump(Way.sizes.map { index(.free($0)) })),
      "stratify": Measured(
        trial.test.pValue, baseline: study[.mean].trial.test.pValue),
      "solver": Measured(trusted.solution), "gradient": Measured(trusted.gradient),
      "gbsg2": Measured(real.cox.mean - real.own.mean),
    ]
    try report(study, best: best, .whole(gamma), trusted.solution, real, into: &findings)
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
