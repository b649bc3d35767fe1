// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation

/// Labels of one set of digits for another: transport between scans of two collections.
public struct DigitsAdaptation: Recipe {
  public init() {}

  public var paper: Paper {
    Paper(
      name: "digits-adaptation",
      title: "Labels of one collection of digits, used on another",
      idea: """
        A classifier learned on one collection of scans is bad on another: frames, pens and gray levels \
        differ. Transport moves the labeled digits onto the unlabeled ones, each to the mean of where its \
        mass goes, and the classifier is made anew from there. Labels help to couple, too: a target should \
        take its mass from few classes.
        """,
      data: """
        mnist5k with labels, each digit cut to its box and averaged to 8 × 8 pixels, onto digits8 without; \
        all scaled to length 1. 500 of each a draw; 500 other targets, of a half \
        that no draw shows to the coupling, are kept from it.
        """,
      references: [
        Reference(
          key: "courty2016adaptation",
          authors: "Courty, Nicolas and Flamary, Rémi and Tuia, Devis and Rakotomamonjy, Alain",
          title: "Optimal Transport for Domain Adaptation",
          venue: "IEEE Transactions on Pattern Analysis and Machine Intelligence", year: 2016,
          link: "https://arxiv.org/abs/1507.00504")
      ])
  }

  public var needs: [DataItem] { [.mnist5k, .digits8] }

  public var claims: [Claim] {
    let none = "better than no adaptation between USPS and MNIST; its figures are of other sets"
    return [
      Claim(
        "adapted", "Moved digits label the targets better than unmoved ones.",
        "points of accuracy gained by the nearest neighbor, less half an interval of 95 %",
        .atLeast(10), paper: none),
      Claim(
        "unseen", "So they do with targets that the coupling does not know.",
        "points of accuracy gained by the nearest neighbor, less half an interval of 95 %",
        .atLeast(8), paper: none),
      Claim(
        "classes", "Coupling by classes is no worse than by pixels alone.",
        "points of accuracy gained over transport without labels, less half an interval "
          + "of 95 %",
        .atLeast(0), paper: "better in most of its pairs of sets"),
    ]
  }

  /// Set with the thresholds by a pilot on two draws of its own.
  private static let epsilonShare = 0.1
  /// η for roots of shares of a target's mass, as a share of the mean cost; by the same pilot.
  private static let classShare = 0.3
  /// δ as a share of a target's mass.
  private static let leastShare = 1e-3

  public var larger: String? { "20 draws of the digits instead of 10" }

  public func run(in run: RecipeRun) throws -> Findings {
    let each = run.size(smoke: 60, standard: 500)
    let draws = run.size(smoke: 2, standard: 10, full: 20)
    let sources = try run.data.images(.mnist5k).boxed(width: 8, height: 8).scaledToLengthOne()
    let targets = try run.data.images(.digits8).scaledToLengthOne()
    // What stays unseen does so in all draws.
    let split = splitOrder(of: DataItem.digits8.key, 0..<targets.count)
    let (shown, hidden) = (split.prefix(targets.count / 2), split.dropFirst(targets.count / 2))
    var known: [Way: MeanWithSpread] = [:]
    var unseen: [Way: MeanWithSpread] = [:]
    var gained: [String: MeanWithSpread] = [:]
    var costs: [Double] = []
    var seconds = 0.0
    for draw in 0..<draws {
      run.note("draw \(draw + 1) of \(draws): \(each) digits onto \(each)")
      var chance = SplitMix64(run.seed.derived("draw", UInt64(draw)))
      let source = sources.chosen(
        Array((0..<sources.count).shuffled(using: &chance).prefix(each)))
      let target = targets.chosen(Array(shown.shuffled(using: &chance).prefix(each)))
      let other = targets.chosen(Array(hidden.shuffled(using: &chance).prefix(each)))
      var here: [Way: (known: Double, unseen: Double)] = [:]
      for way in Way.allCases {
        var moved = source
        if way != .none, run.subject == .method {
          let (adapted, took) = try run.timed { try Self.adapt(source, to: target, way) }
          let x = try source.points()
          moved = try source.with(
            BarycentricMap(adapted.solution.coupling, from: x, to: target.points())(x))
          seconds += took
          if way == .pixels { costs.append(adapted.transportCost) }
        }
        here[way] = (moved.accuracy(on: target), moved.accuracy(on: other))
        known[way, default: .init()].add(here[way]!.known)
        unseen[way, default: .init()].add(here[way]!.unseen)
      }
      gained["adapted", default: .init()].add(here[.classes]!.known - here[.none]!.known)
      gained["unseen", default: .init()].add(here[.classes]!.unseen - here[.none]!.unseen)
      gained["classes", default: .init()].add(here[.classes]!.known - here[.pixels]!.known)
    }

    var findings = Findings()
    let meanCost = costs.isEmpty ? 0 : costs.reduce(0, +) / Double(costs.count)
    findings.moved = "\(each) labeled digits to \(each) unlabeled ones, \(draws) draws"
    findings.cost =
      "\(short(meanCost)) of squared distance between digits of length 1; \(short(seconds)) s"
    findings.inSync =
      "accuracy \(short(100 * known[.none]!.mean)) → \(short(100 * known[.pixels]!.mean)) % by "
      + "pixels, \(short(100 * known[.classes]!.mean)) % by classes"
    findings.measured = gained.mapValues { Measured(100 * ($0.mean - $0.spread), baseline: 0) }
    findings.tables = [
      FindingTable(
        title: "Accuracy of the nearest neighbor, with an interval of 95 %",
        columns: ["digits that label", "targets, %", "±", "unseen, %", "±"],
        rows: Way.allCases.map { way in
          [
            way.rawValue, short(100 * known[way]!.mean), short(100 * known[way]!.spread),
            short(100 * unseen[way]!.mean), short(100 * unseen[way]!.spread),
          ]
        })
    ]
    findings.figures = [
      .shares(
        title: "Accuracy on the targets", note: "Of the nearest neighbor, with intervals of 95 %.",
        Way.allCases.map { ($0.rawValue, known[$0]!.mean, known[$0]!.spread) })
    ]
    findings.simulated = ["Nothing: both sets are scans of what people wrote."]
    findings.notDone = [
      "The paper has USPS and MNIST at 16 × 16 pixels, faces, objects and features of networks; here "
        + "are two sets of digits at 8 × 8.",
      "It chooses its strengths by validation; here they are fixed for all draws.",
    ]
    return findings
  }

  /// How labeled digits are moved.
  private enum Way: String, CaseIterable {
    case none = "as they are"
    case pixels = "moved by pixels"
    case classes = "moved by pixels and classes"
  }

  private static func adapt(
    _ source: LabeledImages, to target: LabeledImages, _ way: Way
  ) throws -> DomainAdaptation.Solution {
    let cloud = try PointCloud(source.points(), target.points())
    let mean = try CostRange(of: cloud).mean
    let share = 1 / Double(target.count)
    return try DomainAdaptation(
      Sinkhorn(.epsilon(epsilonShare * mean)),
      classStrength: way == .classes ? classShare * mean * share.squareRoot() : 0,
      leastMass: leastShare * share, linearizations: 10
    ).solve(LinearProblem(cloud), labels: source.labels)
  }
}

extension LabeledImages {
  /// The same labels on other features of as many pixels.
  fileprivate func with(_ points: Points) -> LabeledImages {
    LabeledImages(width: width, height: height, features: points.coordinates, labels: labels)
  }

  /// The share of others' labels that the nearest of these has.
  fileprivate func accuracy(on others: LabeledImages) -> Double {
    var hits = 0
    for i in 0..<others.count {
      let query = others[i]
      var (nearest, least) = (0, Double.infinity)
      for k in 0..<count {
        let distance = zip(query, self[k]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        if distance < least { (nearest, least) = (k, distance) }
      }
      if labels[nearest] == others.labels[i] { hits += 1 }
    }
    return Double(hits) / Double(others.count)
  }
}
