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
        Morphology and hazard are simulated, tile images are real: bags of 30 to 120 digits of mnist5k in 32 \
        principal components, digits long-tailed, exp(4 · share of nines − 2 · share of zeros) the hazard, \
        30 % censored; no picture is in bags of two folds. Real times: gbsg2, a patient a bag of one row \
        and 20 jittered copies.
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
        id: "c-index", sentence: "It ranks patients no worse than any other pooling.",
        metric: "mean C-index of held-out patients less that of the best other",
        need: .atLeast(-0.005),
        reported: "0.646 over six cohorts, 0.036 above the best before"),
      Claim(
        id: "over-mean", sentence: "It ranks patients better than the mean of their tiles does.",
        metric: "mean C-index less that of mean pooling", need: .atLeast(0.03),
        reported: "better in all six cohorts"),
      Claim(
        id: "stratify", sentence: "Its median risk tells patients who live longer from others.",
        metric:
          "p of the log-rank test, held-out patients above and below their fold's median; the "
          + "median of the draws", need: .atMost(0.01),
        reported: "p < 0.05 in its cohorts"),
      Claim(
        id: "ramp", sentence: "A share that grows is better than the whole from the start.",
        metric: "mean C-index less that with the whole mass", need: .atLeast(0.01),
        reported: "an ablation in favor of it"),
      Claim(
        id: "solver",
        sentence: "Each assignment is one: rows and the virtual prototype get theirs.",
        metric: "greatest error of a marginal, L1", need: .atMost(1e-6),
        reported: "stops at 1e-10, or after 1,000 passes"),
      Claim(
        id: "gradient", sentence: "Gradients through the assignment are those of its solution.",
        metric: "difference from finite differences, as a share of the greatest",
        need: .atMost(1e-3), reported: "unrolls its passes"),
      Claim(
        id: "gbsg2", sentence: "On real times of one row each it is as good as a Cox model.",
        metric: "C-index of a Cox model less its own, five folds", need: .atMost(0.01),
        reported: "none: a check that training works"),
    ]
  }

  /// The poolings that are compared.
  enum Way: String, CaseIterable {
    case partial = "OTSurv"
    case whole = "OTSurv, whole mass from the start"
    case balanced = "balanced prototypes"
    case begun = "OTSurv, begun at clusters, γ = 0.05"
    case attention = "gated attention"
    case mean = "mean of tiles"
    case greatest = "greatest of tiles"

    var pooling: Pooling {
      switch self {
      case .partial: .transport(sizePenalty: 1, ramp: true, start: .chance)
      case .whole: .transport(sizePenalty: 1, ramp: false, start: .chance)
      case .balanced: .transport(sizePenalty: 1_000, ramp: false, start: .chance)
      case .begun: .transport(sizePenalty: 0.05, ramp: true, start: .clusters)
      case .attention: .attention
      case .mean: .mean
      case .greatest: .greatest
      }
    }

    /// Whether claims compare with it; the one begun at clusters is a variant of the method, not the
    /// paper's.
    var isOther: Bool { self != .partial && self != .begun }
  }

  public func run(in run: RecipeRun) throws -> Findings {
    let draws = run.size(smoke: 1, standard: 3)
    var chance = run.generator("components")
    let images = try run.data.images(.mnist5k)
    let features = images.components(32, using: &chance).scaledToUnitSquare()
    let training = BagTraining(epochs: run.size(smoke: 3, standard: 24))
    var scores: [Way: Scores] = [:]
    var truth = MeanWithSpread()
    var trial: Trial?
    for draw in 0..<draws {
      let seed = run.seed.derived("draw", UInt64(draw))
      var chance = SplitMix64(seed)
      let bags = DigitBags(
        count: run.size(smoke: 30, standard: 300), folds: run.size(smoke: 2, standard: 5),
        tiles: run.budget == .smoke ? 5...12 : 30...120, from: features, using: &chance)
      for way in Way.allCases {
        run.note("draw \(draw + 1) of \(draws): \(way.rawValue)")
        let isControl = way == .partial && run.subject == .baseline
        let (found, seconds) = try run.timed {
          try Trial(
            isControl ? .mean : way.pooling, bags.set, folds: bags.folds, training,
            key: RandomKey(seed.derived("model")))
        }
        try scores[way, default: Scores()].add(found, seconds: seconds)
        if way == .partial, trial == nil { trial = found }
      }
      for fold in bags.folds {
        let own = bags.set.watched.chosen(fold)
        if let index = own.concordance(ofRisks: fold.map { bags.hazards[$0] }) { truth.add(index) }
      }
      if draw == 0 { trial?.bags = bags }
    }
    let trusted = try trial!.check()
    let real = try RealTimes(run, training)

    var findings = Findings()
    let own = scores[.partial]!
    let others = Way.allCases.filter(\.isOther).map { scores[$0]!.index.mean }
    findings.measured = [
      "c-index": Measured(own.index.mean - others.max()!),
      "over-mean": Measured(own.index.mean - scores[.mean]!.index.mean, baseline: 0),
      "stratify": Measured(own.median, baseline: scores[.mean]!.median),
      "ramp": Measured(own.index.mean - scores[.whole]!.index.mean, baseline: 0),
      "solver": Measured(trusted.marginal), "gradient": Measured(trusted.gradient),
      "gbsg2": Measured(real.cox.mean - real.own.mean),
    ]
    let bags = trial!.bags!
    findings.moved =
      "tile images are real, morphology and hazard are simulated: \(bags.pictures.joined().count) "
      + "tiles of \(bags.set.bags.count) patients to \(BagModel.prototypeCount) prototypes, "
      + "\(draws) draws"
    findings.cost =
      "\(short(own.seconds)) s to train \(draws * bags.folds.count) models, "
      + "\(short(scores[.mean]!.seconds)) s with the mean of tiles"
    findings.inSync =
      "rows and prototypes to \(short(trusted.marginal)); C-index 0.5 → "
      + "\(short(own.index.mean)), of the true hazard \(short(truth.mean))"
    findings.tables = [
      FindingTable(
        title: "C-index of held-out patients, with an interval of 95 % over folds and draws",
        columns: ["pooling", "C-index", "±", "log-rank p, median", "of a tile to one, %", "s"],
        rows: Way.allCases.map { way in
          let score = scores[way]!
          return [way.rawValue, short(score.index.mean), short(score.index.spread)]
            + [short(score.median), score.sharpness.map { short(100 * $0) } ?? "–"]
            + [short(score.seconds)]
        } + [["the true hazard", short(truth.mean), short(truth.spread), "–", "–", "–"]]),
      FindingTable(
        title: "C-index on gbsg2, mean of folds", columns: ["model", "C-index", "±"],
        rows: [
          ["Cox", short(real.cox.mean), short(real.cox.spread)],
          ["OTSurv", short(real.own.mean), short(real.own.spread)],
        ]),
    ]
    findings.figures = try [
      .shares(
        title: "C-index", note: "Of held-out patients, with intervals of 95 %; 50 % is chance.",
        Way.allCases.map { ($0.rawValue, scores[$0]!.index.mean, scores[$0]!.index.spread) }),
      .pictures(
        title: "Patients below and above their fold's median risk",
        note: "Kaplan–Meier curves of the first draw, held-out patients: below in green, above in "
          + "red; the top is 100 %, the right end the last time.",
        [(caption: "share without the event over time", picture: trial!.curves())]),
    ]
    if let tiles = try trial!.mosaic(of: images) {
      findings.figures.append(
        .pictures(
          title: "What prototypes receive",
          note: "A row for each prototype: the tiles of one held-out patient that give it most.",
          [(caption: "most mass to the left", picture: tiles)]))
    }
    func share(_ score: Scores) -> String {
      score.sharpness.map { "\(short(100 * $0)) %" } ?? "none"
    }
    findings.simulated = [
      "Morphology and hazard: which digits a patient has, and what they mean for the hazard. The times "
        + "follow from that. Tile images and the times of gbsg2 are real.",
      "The hazard is log-linear in shares of digits, which a mean of tiles can express exactly: this is "
        + "no home game for transport.",
      "Prototypes that begin by chance, as published, end far from all tiles: each receives much the "
        + "same of every tile, \(share(own)) of it the one that gets most, where even shares are "
        + "\(short(100 / Double(BagModel.prototypeCount))) %. What is pooled is then near the mean, and "
        + "so is the score, whatever the share or the sizes.",
      "The copies of rows of gbsg2 are jittered by a tenth of a deviation.",
    ]
    findings.notDone = [
      "No slides: the paper has six cohorts of TCGA with features of a pathology network (1,024 numbers "
        + "a tile, thousands of tiles), 16 prototypes of width 256 and 50 epochs.",
      "Its steps see 16 bags at a rate of 1e-4; here \(training.batch) at \(short(training.rate)) for "
        + "\(training.epochs) epochs, the share growing over the first third.",
      "Its gradients run through up to 1,000 unrolled passes; here through the solution.",
      "Corrupted tiles, and the course of the score over sizes' freedom, are not measured.",
    ]
    return findings
  }
}

extension SurvivalPooling {
  /// C-indices of a pooling over folds and draws.
  struct Scores {
    var index = MeanWithSpread()
    var seconds = 0.0
    /// How much of a tile one prototype gets, in the first draw.
    private(set) var sharpness: Double?
    private var p: [Double] = []

    mutating func add(_ trial: Trial, seconds: Double) throws {
      if p.isEmpty { sharpness = try trial.sharpness() }
      for value in trial.indices { index.add(value) }
      p.append(trial.test.pValue)
      self.seconds += seconds
    }

    /// The median of the log-rank tests.
    var median: Double { p.sorted()[p.count / 2] }
  }

  /// Real times: a Cox model and the method on the same folds.
  struct RealTimes {
    var cox = MeanWithSpread()
    var own = MeanWithSpread()

    init(_ run: RecipeRun, _ training: BagTraining) throws {
      run.note("gbsg2: bags of one row and its copies")
      var chance = run.generator("gbsg2")
      let table = try run.data.table("gbsg2")
      let times = try CensoredTimes(
        table.numbers("time"), events: table.numbers("cens").map { $0 == 1 })
      let grades = ["I": 1.0, "II": 2, "III": 3]
      let columns = try [
        table.texts("horTh").map { $0 == "yes" ? 1 : 0 },
        table.numbers("age"), table.texts("menostat").map { $0 == "Post" ? 1 : 0 },
        table.numbers("tsize"), table.texts("tgrade").map { grades[$0] ?? 2 },
        table.numbers("pnodes"), table.numbers("progrec"), table.numbers("estrec"),
      ].map(Self.standardized)
      let rows = (0..<times.count).flatMap { i in columns.map { $0[i] } }
      var set = BagSet(width: columns.count, watched: times)
      set.bags = (0..<times.count).map { i in
        (0...20).flatMap { copy in
          columns.map { Float($0[i] + (copy == 0 ? 0 : 0.1 * chance.normal())) }
        }
      }
      let count = run.size(smoke: 2, standard: 5)
      let order = (0..<times.count).shuffled(using: &chance)
      let folds = (0..<count).map { fold in
        order.indices.filter { $0 % count == fold }.map { order[$0] }
      }
      let trial = try Trial(
        run.subject == .baseline ? .mean : Way.partial.pooling, set, folds: folds, training,
        key: RandomKey(run.seed.derived("gbsg2")))
      for index in trial.indices { own.add(index) }
      let d = columns.count
      for fold in folds {
        let held = Set(fold)
        let rest = (0..<times.count).filter { !held.contains($0) }
        func part(_ indices: [Int]) -> [Double] {
          indices.flatMap { rows[$0 * d..<($0 + 1) * d] }
        }
        guard
          let model = CoxModel(
            part(rest), dimensions: d, times.chosen(rest), penalty: 1e-6),
          let index = times.chosen(fold).concordance(ofRisks: model.risks(part(fold)))
        else { continue }
        cox.add(index)
      }
    }

    /// Of mean 0 and deviation 1.
    private static func standardized(_ values: [Double]) -> [Double] {
      let mean = values.reduce(0, +) / Double(values.count)
      let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      return values.map { square > 0 ? ($0 - mean) / square.squareRoot() : 0 }
    }
  }
}

extension LabeledFeatures {
  /// Scaled so that a number's square is 1 in the mean.
  fileprivate func scaledToUnitSquare() -> LabeledFeatures {
    let square = features.reduce(0) { $0 + $1 * $1 } / Double(max(1, features.count))
    let scale = square > 0 ? 1 / square.squareRoot() : 1
    return LabeledFeatures(
      features: features.map { scale * $0 }, labels: labels, dimensions: dimensions)
  }
}
