// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport

/// TAROT: which samples of a large and partly wrong pool serve a target that only a few samples show.
public struct DataSelection: Recipe {
  public init() {}

  public var paper: Paper {
    Paper(
      name: "data-selection",
      title: "A few good samples from a large and partly wrong pool",
      idea: """
        Each sample is described by the gradient of a proxy's loss: what learning from it would change. \
        Whitened, no direction counts for more because it varies more. For every target the nearest \
        samples are taken, layer by layer, so that no kind of target is forgotten; the transport distance \
        between the chosen and the targets says which part of a last layer to take, and how many layers \
        are worth taking.
        """,
      data: """
        mnist5k: a pool of 4,000 digits of all classes, 30 % of the labels wrong; 60 clean samples of 1, 3, \
        7 and 8 as the target, all other such digits outside the pool as the test. 40 principal \
        components, logistic regression, 5 splits.
        """,
      references: [
        Reference(
          key: "feng2024tarot",
          authors: "Feng, Lan and Nie, Fan and Liu, Yuejiang and Alahi, Alexandre",
          title: "TAROT: Targeted Data Selection via Optimal Transport", venue: "arXiv preprint",
          year: 2024, link: "https://arxiv.org/abs/2412.00420")
      ])
  }

  public var claims: [Claim] {
    [
      Claim(
        "few", "100 samples chosen so teach more than 100 chosen otherwise.",
        "accuracy above the best of random, mean influence and whitened mean",
        .atLeast(0.2), paper: "none at this scale"),
      Claim(
        "few-against-all", "They teach more than the whole pool does.",
        "accuracy above the whole pool's", .atLeast(0.01),
        paper: "less data than the whole pool, better results in three tasks"),
      Claim(
        "folds-against-all", "So do as many as folds of the targets ask for.",
        "accuracy above the whole pool's", .atLeast(0.01),
        paper: "less data than the whole pool, better results in three tasks"),
      Claim(
        "folds-are-few", "And these are few.",
        "share of the pool", .atMost(0.12), paper: "none at this scale"),
    ]
  }

  public var needs: [DataItem] { [.mnist5k] }

  private static let wanted = [1, 3, 7, 8]
  private static let wrongLabels = 0.3
  /// What gradients are projected to.
  private static let dimensions = 128

  public var larger: String? { "10 splits of the digits instead of 5" }

  public func run(in run: RecipeRun) throws -> Findings {
    let images = try run.data.images(.mnist5k)
    let splits = run.size(smoke: 1, standard: 5, full: 10)
    let sizes = run.budget == .smoke ? [12] : [100, 300]
    var random = run.generator("components")
    let all = images.components(run.size(smoke: 10, standard: 40), using: &random)
    var accuracies: [String: [Double]] = [:]
    var distances: [String: [Double]] = [:]
    var counts: [Double] = []
    var seconds = 0.0
    for split in 0..<splits {
      run.note("split \(split + 1) of \(splits)")
      let task = Task(all, poolShare: 0.8, seed: run.seed.derived("split", UInt64(split)))
      let gradients = try task.gradients()
      func note(_ name: String, _ indices: [Int]) throws {
        accuracies[name, default: []].append(task.accuracy(indices))
        distances[name, default: []].append(try gradients.distance(indices))
      }
      for size in sizes {
        for rule in Rule.allCases {
          // The control puts chance under the method's name.
          let isControl = run.subject == .baseline && rule == .layers
          let (indices, took) = try run.timed {
            try gradients.choose(size, by: isControl ? .random : rule, task.seed)
          }
          if rule == .layers { seconds += took }
          try note("\(size), \(rule.rawValue)", indices)
        }
      }
      let (free, took) = try run.timed { try gradients.chooseWhileNearer(task.seed) }
      seconds += took
      let random = try gradients.choose(free.count, by: .random, task.seed.derived("as many"))
      try note("by folds, layers", run.subject == .method ? free : random)
      try note("by folds, as many at random", random)
      try note("whole pool", Array(0..<task.pool.count))
      counts.append(Double(free.count))
    }
    return findings(
      run, accuracies: accuracies, distances: distances, counts: counts, seconds: seconds,
      pool: Double(all.count) * 0.8, few: sizes[0])
  }

  private func findings(
    _ run: RecipeRun, accuracies: [String: [Double]], distances: [String: [Double]],
    counts: [Double], seconds: Double, pool: Double, few: Int
  ) -> Findings {
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    func accuracy(_ name: String) -> Double { mean(accuracies[name]!) }
    let whole = accuracy("whole pool")
    let chosen = accuracy("\(few), \(Rule.layers.rawValue)")
    let others = [Rule.random, .influence, .whitenedMean].map { accuracy("\(few), \($0.rawValue)") }
    let folds = accuracy("by folds, layers")
    let (near, far) = (
      mean(distances["\(few), \(Rule.layers.rawValue)"]!),
      mean(distances["\(few), \(Rule.random.rawValue)"]!)
    )
    var findings = Findings()
    findings.moved =
      "\(few), or \(short(counts.min()!)) to \(short(counts.max()!)) of \(short(pool)) samples "
      + "chosen for a target, \(counts.count) splits"
    findings.cost = "\(short(seconds)) s for all choices"
    findings.inSync =
      "distance to the target \(short(far)) (random) → \(short(near)); accuracy "
      + "\(short(100 * whole)) (whole pool) → \(short(100 * chosen)) %"
    findings.measured = [
      "few": Measured(chosen - others.max()!, baseline: 0),
      "few-against-all": Measured(chosen - whole, baseline: 0),
      "folds-against-all": Measured(folds - whole, baseline: 0),
      "folds-are-few": Measured(counts.max()! / pool, baseline: 1),
    ]
    let names = accuracies.keys.sorted { (accuracy($0), $0) < (accuracy($1), $1) }
    findings.tables = [
      FindingTable(
        title: "Accuracy on test digits of the target's classes, and distance to the target",
        columns: ["chosen", "accuracy, %", "± over splits", "distance"],
        rows: names.map { name in
          let values = accuracies[name]!
          let spread = values.map { ($0 - mean(values)) * ($0 - mean(values)) }.reduce(0, +)
          let deviation = (spread / Double(max(1, values.count - 1))).squareRoot()
          return [
            name, short(100 * mean(values)), short(100 * deviation), short(mean(distances[name]!)),
          ]
        })
    ]
    findings.figures = [
      .shares(
        title: "Accuracy", note: "On test digits of the target's classes, the mean over splits.",
        names.map { ($0, accuracy($0), 0) })
    ]
    findings.simulated = [
      "The wrong labels: drawn from the seed, uniform over the other classes.",
      "The pool: MNIST digits, where the paper has scenes, trajectories and instructions.",
    ]
    findings.notDone = [
      "The paper takes gradients of deep networks; here those of a logistic regression, the proxy being "
        + "fitted to 500 samples of the pool.",
      "It weighs the chosen by their potentials and trains on the targets, too; here all weigh the same, and "
        + "targets are only looked at.",
      "Its program keeps the layer that came no nearer, and takes the greatest potentials of a last layer: "
        + "the table's \"\(Rule.greatest.rawValue)\".",
    ]
    return findings
  }

  /// How a given count is chosen.
  private enum Rule: String, CaseIterable {
    case random
    case influence = "mean influence"
    case whitenedMean = "whitened mean"
    case greatest = "layers, greatest potentials"
    case layers = "layers"
  }

  /// A pool with wrong labels, a target and a test.
  private struct Task {
    let pool: LabeledFeatures
    let target: LabeledFeatures
    let test: LabeledFeatures
    let seed: Seed

    init(_ all: LabeledFeatures, poolShare: Double, seed: Seed) {
      var random = SplitMix64(seed.derived("task"))
      let order = Array(0..<all.count).shuffled(using: &random)
      let size = Int(Double(all.count) * poolShare)
      var pool = all.chosen(order.prefix(size))
      for i in 0..<size where Double.random(in: 0..<1, using: &random) < DataSelection.wrongLabels {
        pool.labels[i] = (pool.labels[i] + Int.random(in: 1...9, using: &random)) % 10
      }
      let rest = order.dropFirst(size).filter { DataSelection.wanted.contains(all.labels[$0]) }
      let shown = min(60, rest.count / 2)
      self.pool = pool
      target = all.chosen(rest.prefix(shown))
      test = all.chosen(rest.dropFirst(shown))
      self.seed = seed
    }

    /// Of a classifier that learned from these samples of the pool.
    func accuracy(_ indices: [Int]) -> Double {
      test.accuracy(of: pool.chosen(indices).fitted())
    }

    /// By a proxy that learned from some of the pool.
    func gradients() throws -> Gradients {
      let proxy = pool.chosen(0..<min(500, pool.count / 2)).fitted()
      let width = (pool.dimensions + 1) * proxy.classes
      let projection = RandomProjection(
        to: min(DataSelection.dimensions, width), seed: seed.derived("projection"))
      func described(_ samples: LabeledFeatures) throws -> Points {
        try projection(
          Points(
            proxy.gradients(samples.features, labels: samples.labels), dimensions: width))
      }
      return try Gradients(pool: described(pool), target: described(target))
    }
  }

  /// What learning from each sample would change.
  private struct Gradients {
    let raw: (pool: Points, target: Points)
    let whitened: WhitenedFeatures

    init(pool: Points, target: Points) throws {
      raw = (pool, target)
      whitened = try WhitenedFeatures(pool: pool, targets: target)
    }

    func choose(_ count: Int, by rule: Rule, _ seed: Seed) throws -> [Int] {
      switch rule {
      case .random:
        var random = SplitMix64(seed.derived("random", UInt64(count)))
        return Array((0..<raw.pool.count).shuffled(using: &random).prefix(count))
      case .influence: return greatest(count, raw.pool, raw.target)
      case .whitenedMean: return greatest(count, whitened.pool, whitened.targets)
      case .greatest:
        return try TargetedSelection(lastLayer: .greatestPotentials).choose(
          count, from: whitened.pool, for: whitened.targets
        ).indices
      case .layers:
        return try TargetedSelection().choose(count, from: whitened.pool, for: whitened.targets)
          .indices
      }
    }

    func chooseWhileNearer(_ seed: Seed) throws -> [Int] {
      try TargetedSelection().chooseWhileNearer(
        from: whitened.pool, for: whitened.targets, seed: seed.derived("folds")
      ).indices
    }

    /// Of the chosen to the target, as the method sees it.
    func distance(_ indices: [Int]) throws -> Double {
      let d = whitened.pool.dimensions
      let chosen = try Points(indices.flatMap { whitened.pool[$0] }, dimensions: d)
      let solver = TargetedSelection().solver
      return try solver.solve(
        LinearProblem(PointCloud(chosen, whitened.targets, cost: .euclidean))
      ).certificate.dual
    }

    /// Those with the greatest product with the mean of the targets.
    private func greatest(_ count: Int, _ pool: Points, _ targets: Points) -> [Int] {
      var mean = [Double](repeating: 0, count: targets.dimensions)
      for j in 0..<targets.count {
        for (k, value) in targets[j].enumerated() { mean[k] += value }
      }
      let scores = matrixProduct(pool.coordinates, mean, inner: mean.count)
      let order = scores.indices.sorted { (-scores[$0], $0) < (-scores[$1], $1) }
      return Array(order.prefix(count))
    }
  }
}
