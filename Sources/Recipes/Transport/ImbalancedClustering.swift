// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation

/// SP²OT: clusters of unlike sizes from labels that a classifier gives itself through transport.
public struct ImbalancedClustering: Recipe {
  public init() {}

  public var paper: Paper {
    Paper(
      name: "imbalanced-clustering",
      title: "Clusters of unlike sizes from self-given labels, by partial transport",
      idea: """
        A classifier without labels learns from its own guesses, once transport has made labels of them \
        that cannot all fall into one class. Equal masses force equal clusters, which data seldom has. So \
        sizes may differ at a price, only a share of the samples moves at first, the surest, and alike \
        samples draw each other into one cluster.
        """,
      data: """
        A part of mnist5k with a long tail: 250 images of one digit down to 12 or 13 of another, which is \
        which by the seed; 30 principal components of their pixels.
        """,
      references: [
        Reference(
          key: "zhang2024sp2ot", authors: "Zhang, Chuyu and Ren, Hui and He, Xuming",
          title: "SP²OT: Semantic-Regularized Progressive Partial Optimal Transport for Imbalanced "
            + "Clustering",
          venue: "arXiv", year: 2024, link: "https://arxiv.org/abs/2404.03446"),
        Reference(
          key: "zhang2024p2ot", authors: "Zhang, Chuyu and Ren, Hui and He, Xuming",
          title: "P²OT: Progressive Partial Optimal Transport for Deep Imbalanced Clustering",
          venue: "International Conference on Learning Representations", year: 2024,
          link: "https://arxiv.org/abs/2401.09266"),
      ])
  }

  public var needs: [DataItem] { [.mnist5k] }

  public var claims: [Claim] {
    [
      Claim(
        "order",
        "Labels get better from equal sizes to free ones, to partial ones, to semantic ones.",
        "least gain from one to the next, in points of accuracy", .atLeast(0),
        paper: "this order, on CIFAR-100, ImageNet-R and iNaturalist"),
      Claim(
        "k-means", "Semantic partial labels beat clustering the features.",
        "points of accuracy above the best of 10 spherical k-means", .atLeast(5),
        paper: "none: the network is trained, too"),
      Claim(
        "objective", "The objective never rises from one linearization to the next.",
        "greatest rise, as a share of it", .atMost(1e-9),
        paper: "shown for similarities without negative eigenvalues"),
      Claim(
        "rows", "No sample gives more than it has.",
        "greatest mass of a row above 1/N", .atMost(1e-12), paper: "a constraint"),
      Claim(
        "mass", "The share of the mass that is to move moves.",
        "greatest difference from it", .atMost(1e-9), paper: "a constraint"),
    ]
  }

  static let classes = 10
  /// How many times more images the first class has than the last.
  static let imbalance = 20.0
  static let components = 30
  /// ε, λ and Adam's rate, as published but for the rate.
  static let epsilon = 0.1
  static let sizePenalty = 1.0
  static let rate = 0.02
  /// The deviation of a view's noise, in units of that of the features.
  static let noise = 0.3
  /// The published attraction, 1,000 for 5,120 samples: entries of Q are as small as samples are
  /// many.
  static let attractionPerSample = 1_000.0 / 5_120

  /// Where a classifier's labels come from.
  enum Labels: String, CaseIterable {
    case balanced = "balanced transport"
    case unbalanced = "unbalanced transport"
    case partial = "partial, P²OT"
    case semantic = "semantic partial, SP²OT"
  }

  public var larger: String? { "10 draws of the digits instead of 5" }

  public func run(in run: RecipeRun) throws -> Findings {
    let seeds = run.size(smoke: 1, standard: 5, full: 10)
    let largest = run.size(smoke: 30, standard: 250)
    let steps = run.size(smoke: 10, standard: 150)
    let images = try run.data.images(.mnist5k)
    var scores: [String: (accuracy: MeanWithSpread, information: MeanWithSpread)] = [:]
    func add(_ name: String, _ agreement: ClusterAgreement) {
      scores[name, default: (.init(), .init())].accuracy.add(agreement.accuracy)
      scores[name, default: (.init(), .init())].information.add(agreement.information)
    }
    var proof = Proof()
    var seconds = 0.0
    var count = 0
    for number in 0..<seeds {
      var chance = SplitMix64(run.seed.derived("data", UInt64(number)))
      let part = Self.tailed(images, largest: largest, using: &chance)
      count = part.count
      let features = try Self.features(of: part)
      var starts = SplitMix64(run.seed.derived("k-means", UInt64(number)))
      let clusters = SphericalMeans.clusters(
        Self.unit(features.coordinates), dimensions: Self.components, count: Self.classes,
        starts: 10, using: &starts)
      add("k-means", try ClusterAgreement(clusters, classes: part.labels, count: Self.classes))
      for labels in Labels.allCases {
        run.note("\(labels.rawValue), \(number + 1) of \(seeds): \(count) images, \(steps) steps")
        // One chance for all: the same first prototypes and the same noise.
        var training = SplitMix64(run.seed.derived("training", UInt64(number)))
        let source = labels == .semantic && run.subject == .baseline ? .balanced : labels
        let (found, took) = try run.timed {
          try Self.train(
            features, labels: source, steps: steps, using: &training, proof: &proof)
        }
        if labels == .semantic { seconds += took }
        add(
          labels.rawValue,
          try ClusterAgreement(found, classes: part.labels, count: Self.classes))
      }
    }
    return findings(scores, proof, seeds: seeds, count: count, steps: steps, seconds: seconds)
  }

  private func findings(
    _ scores: [String: (accuracy: MeanWithSpread, information: MeanWithSpread)], _ proof: Proof,
    seeds: Int, count: Int, steps: Int, seconds: Double
  ) -> Findings {
    let names = ["k-means"] + Labels.allCases.map(\.rawValue)
    let accuracies = names.map { 100 * scores[$0]!.accuracy.mean }
    let (means, balanced, semantic) = (accuracies[0], accuracies[1], accuracies.last!)
    let gains = zip(accuracies.dropFirst(), accuracies.dropFirst(2)).map { $1 - $0 }
    var findings = Findings()
    findings.moved =
      "\(count) images to \(Self.classes) clusters, twice in each of \(steps) steps, \(seeds) draws"
    findings.cost =
      "\(short(seconds)) s for semantic labels: \(proof.solves) solves, "
      + "\(proof.linearizations) linearized problems"
    findings.inSync =
      "accuracy \(short(balanced)) % from balanced labels → \(short(semantic)) % from semantic ones; "
      + "k-means \(short(means)) %"
    findings.measured = [
      "order": Measured(gains.min()!), "k-means": Measured(semantic - means, baseline: 0),
      // A control has no answers of the solver to look at.
      "objective": Measured(proof.solves > 0 ? proof.rise : .infinity),
      "rows": Measured(proof.solves > 0 ? proof.rowExcess : .infinity),
      "mass": Measured(proof.solves > 0 ? proof.massError : .infinity),
    ]
    findings.tables = [
      FindingTable(
        title: "Agreement with the digits, with an interval of 95 %",
        columns: ["clusters from", "accuracy, %", "±", "information, %", "±"],
        rows: names.map { name in
          let score = scores[name]!
          return [
            name, short(100 * score.accuracy.mean), short(100 * score.accuracy.spread),
            short(100 * score.information.mean), short(100 * score.information.spread),
          ]
        })
    ]
    findings.figures = [
      .shares(
        title: "Accuracy", note: "By the best matching of clusters and digits.",
        names.map { ($0, scores[$0]!.accuracy.mean, scores[$0]!.accuracy.spread) })
    ]
    findings.simulated = ["The long tail: MNIST has about as many of each digit."]
    findings.notDone = [
      "The paper trains the last block of a vision transformer with the classifier, on CIFAR-100, "
        + "ImageNet-R and iNaturalist; here features are principal components and stay as they are.",
      "Its views are augmented pictures; here noise is added to features.",
      "It solves for a memory of batches; here all samples are in each step.",
      "Similarities to 20 nearest neighbors, as published, have negative eigenvalues: a linearization "
        + "may then raise the objective. Such a step is not taken here.",
      "Its test set is balanced; here the clustered samples themselves are scored.",
    ]
    return findings
  }
}
