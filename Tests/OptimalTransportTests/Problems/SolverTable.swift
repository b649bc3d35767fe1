// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation
import Testing

/// What a solver of the table is asked. Those on a line take the first coordinate, those without masses
/// ignore them.
struct DegenerateInput: Sendable {
  var x: [Double]
  var y: [Double]
  var a: [Double]?
  var b: [Double]?
  /// ε in units of the mean cost.
  var strength = 0.3
  /// Of the solver whose steps gain least.
  var tolerance = 1e-9

  func points() throws -> (Points, Points) {
    (try Points(x, dimensions: 2), try Points(y, dimensions: 2))
  }

  func cloud() throws -> PointCloud {
    let (x, y) = try points()
    return try PointCloud(x, y)
  }

  func problem() throws -> LinearProblem {
    try LinearProblem(cloud(), rowMasses: a, columnMasses: b)
  }

  func epsilon() throws -> Double {
    let mean = try CostRange(of: cloud()).mean
    return strength * (mean == 0 ? 1 : mean)
  }

  func masses() throws -> ([Double], [Double]) {
    let (x, y) = try points()
    return (
      a ?? Array(repeating: 1 / Double(x.count), count: x.count),
      b ?? Array(repeating: 1 / Double(y.count), count: y.count)
    )
  }

  func line() -> ([Double], [Double]) {
    (
      stride(from: 0, to: x.count, by: 2).map { x[$0] },
      stride(from: 0, to: y.count, by: 2).map { y[$0] }
    )
  }

  func distances() throws -> QuadraticProblem {
    let (x, y) = try points()
    return try QuadraticProblem(
      rowDistances: allCosts(PointCloud(x, x, cost: .euclidean)),
      columnDistances: allCosts(PointCloud(y, y, cost: .euclidean)), rowMasses: a,
      columnMasses: b)
  }
}

/// A solver under a name, asked for its cost alone.
struct TableSolver: Sendable, CustomTestStringConvertible {
  enum Kind: Sendable { case linear, other }
  let testDescription: String
  /// `linear`: between two single points the answer is their squared distance.
  let kind: Kind
  let takesMasses: Bool
  let isEntropic: Bool
  /// Whether totals may differ.
  let isPartial: Bool
  /// The cost; its unit is coordinates squared.
  let cost: @Sendable (DegenerateInput) throws -> Double

  init(
    _ name: String, _ kind: Kind, masses: Bool = true, entropic: Bool = false,
    partial: Bool = false,
    _ cost: @escaping @Sendable (DegenerateInput) throws -> Double
  ) {
    testDescription = name
    self.kind = kind
    takesMasses = masses
    isEntropic = entropic
    isPartial = partial
    self.cost = cost
  }
}

/// Every solver of the room, for laws that all of them keep.
let solverTable: [TableSolver] = [
  TableSolver("network simplex", .linear) {
    try NetworkSimplex().solve($0.problem()).transportCost
  },
  TableSolver("assignment", .linear, masses: false) {
    try Assignment().solve(LinearProblem($0.cloud())).transportCost
  },
  TableSolver("one-dimensional", .other) {
    let (x, y) = $0.line()
    let solution = try OneDimensional().solve(x, y, rowMasses: $0.a, columnMasses: $0.b)
    let alone = try OneDimensional().cost(x, y, rowMasses: $0.a, columnMasses: $0.b)
    #expect(abs(alone - solution.transportCost) <= 1e-12 * abs(alone))
    return alone
  },
  TableSolver("circle", .other) {
    let (x, y) = $0.line()
    let length = 4 * max(1e-300, (x + y).reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 })
    return try Circle(length: length).solve(x, y, rowMasses: $0.a, columnMasses: $0.b).cost
  },
  TableSolver("sliced", .other) {
    let (x, y) = try $0.points()
    return try Sliced(directions: 9)(x, y, rowMasses: $0.a, columnMasses: $0.b).cost
  },
  TableSolver("sliced, greatest", .other) {
    let (x, y) = try $0.points()
    return try Sliced(directions: 9).greatest(x, y, rowMasses: $0.a, columnMasses: $0.b).cost
  },
  TableSolver("sinkhorn", .linear, entropic: true) {
    try Sinkhorn(.epsilon($0.epsilon())).solve($0.problem()).transportCost
  },
  TableSolver("partial", .other, partial: true) {
    let (a, b) = try $0.masses()
    return try PartialTransport(mass: 0.5).solve(
      $0.cloud(), rowMasses: a, columnMasses: b
    ).transportCost
  },
  TableSolver("entropic partial", .other, entropic: true, partial: true) {
    let (a, b) = try $0.masses()
    return try EntropicPartial(mass: 0.5, epsilon: $0.epsilon()).solve(
      $0.cloud(), rowMasses: a, columnMasses: b
    ).transportCost
  },
  TableSolver("weak", .linear) {
    let (x, y) = try $0.points()
    return try WeakTransport(tolerance: $0.tolerance).solve(
      x, y, rowMasses: $0.a, columnMasses: $0.b
    ).certificate.primal
  },
  TableSolver("multi-marginal", .linear, entropic: true) {
    let problem = try $0.problem()
    return try MultiMarginal(epsilon: $0.epsilon()).solve(
      costs: allCosts(problem.geometry), measures: [problem.rowMasses, problem.columnMasses]
    ).transportCost
  },
  TableSolver("gromov-wasserstein", .other) {
    try GromovWasserstein().solve($0.distances()).cost
  },
  TableSolver("entropic gromov-wasserstein", .other, entropic: true) {
    try EntropicGromov(Sinkhorn(.epsilon($0.epsilon()))).solve($0.distances()).cost
  },
  TableSolver("co-optimal", .other) {
    let (x, y) = try $0.points()
    return try CoOptimalTransport().solve(x, y, sampleMasses: ($0.a, $0.b)).cost
  },
  TableSolver("fixed-support barycenter", .other, entropic: true) {
    let (x, _) = try $0.points()
    let (a, b) = try $0.masses()
    _ = try $0.problem()
    let solution = try FixedSupportBarycenter(epsilon: $0.epsilon()).solve(
      PointCloud(x, x), measures: a.count == b.count ? [a, b] : [a, a])
    #expect(abs(solution.masses.reduce(0, +) - 1) < 1e-12)
    return 0
  },
  TableSolver("free-support barycenter", .other, masses: false) {
    let (x, y) = try $0.points()
    return try FreeSupportBarycenter().solve(
      [PointMeasure(x), PointMeasure(y)], start: PointMeasure(x)
    ).cost
  },
  TableSolver("wasserstein k-means", .other, masses: false) {
    let (x, y) = try $0.points()
    return try WassersteinKMeans(clusters: 1, supportSize: 3).solve(
      [PointMeasure(x), PointMeasure(y)]
    ).cost
  },
  TableSolver("progressive partial", .other, masses: false, entropic: true) {
    try ProgressivePartial(share: 0.5, epsilon: $0.epsilon(), sizePenalty: 10 * $0.epsilon())
      .solve($0.cloud()).transportCost
  },
  TableSolver("balanced assignment", .other, masses: false) {
    let cloud = try $0.cloud()
    return try BalancedAssignment(.even).solve(cloud).cost / Double(cloud.rowCount)
  },
  TableSolver("constrained k-means", .other, masses: false) {
    let (x, _) = try $0.points()
    return try ConstrainedKMeans(clusters: 1).solve(x).costs.last!
  },
  TableSolver("monge gap", .other, masses: false) {
    let (x, y) = try $0.points()
    return try MongeGap()(x, y).gap
  },
  TableSolver("gaussian", .linear) {
    _ = try $0.problem()
    let (x, y) = try $0.points()
    return try Gaussian(of: x, masses: $0.a).squaredDistance(to: Gaussian(of: y, masses: $0.b))
  },
  TableSolver("domain adaptation", .linear, entropic: true) {
    let (x, epsilon) = (try $0.points().0, try $0.epsilon())
    return try DomainAdaptation(
      Sinkhorn(.epsilon(epsilon), tolerance: 1e-9), classStrength: epsilon
    )
    .solve($0.problem(), labels: (0..<x.count).map { x[$0].first! < x[$0].last! ? 1 : 0 })
    .transportCost
  },
  TableSolver("sinkhorn-newton", .linear, entropic: true) {
    try SinkhornNewton(.epsilon($0.epsilon())).solve($0.problem()).transportCost
  },
  TableSolver("greenkhorn", .linear, entropic: true) {
    try Greenkhorn(.epsilon($0.epsilon()), tolerance: 1e-9).solve($0.problem()).transportCost
  },
  TableSolver("smooth", .linear) {
    // γ in the unit of cost, too.
    let gamma = max(0.1 * (try $0.cloud().cost(0, 0)), .leastNormalMagnitude)
    return try SmoothTransport(.squares(gamma)).solve($0.problem()).solution.transportCost
  },
  TableSolver("at most 3 entries a column", .linear) {
    let gamma = max(0.1 * (try $0.cloud().cost(0, 0)), .leastNormalMagnitude)
    return try SmoothTransport(.sparse(gamma, entriesMax: 3)).solve($0.problem()).solution
      .transportCost
  },
  TableSolver("group lasso", .linear, entropic: true) {
    let (x, epsilon) = (try $0.points().0, try $0.epsilon())
    return try GroupLassoTransport(
      Sinkhorn(.epsilon(epsilon), tolerance: 1e-9), groupStrength: epsilon, tolerance: 1e-9
    ).solve($0.problem(), groups: (0..<x.count).map { x[$0].first! < x[$0].last! ? 1 : 0 })
      .solution.transportCost
  },
  TableSolver("low-rank gromov", .other) {
    max(
      0,
      try LowRankGromov(rank: 2, tolerance: 1e-9, unfinished: .isReturned).solve(
        $0.distances()
      ).cost)
  },
  TableSolver("low-rank", .linear) {
    try LowRankTransport(rank: 2, tolerance: 1e-9, unfinished: .isReturned)
      .solve($0.problem()).transportCost
  },
  TableSolver("sinkhorn divergence", .linear, entropic: true) {
    let value = try SinkhornDivergence(Sinkhorn(.epsilon($0.epsilon()), tolerance: 1e-9))(
      $0.cloud(), rowMasses: $0.a, columnMasses: $0.b)
    return max(0, value.divergence)
  },
  TableSolver("tree", .other) {
    // Down a path through all first coordinates; gaps times the greatest have the unit of a square.
    _ = try $0.points()
    let (x, y) = $0.line()
    let (a, b) = try $0.masses()
    let all = x + y
    let size = all.reduce(0) { max($0, abs($1)) }
    let order = all.indices.sorted { (all[$0], $0) < (all[$1], $1) }
    var (parents, lengths) = (all.map { _ in -1 }, all.map { _ in 0.0 })
    for (above, below) in zip(order, order.dropFirst()) {
      parents[below] = above
      lengths[below] = (all[below] - all[above]) * size
    }
    return try TreeMetric(parents: parents, lengths: lengths).solve(
      from: a + y.map { _ in 0 }, to: x.map { _ in 0 } + b
    ).cost
  },
  TableSolver("unbalanced", .other, entropic: true, partial: true) {
    let penalty = MarginalPenalty.kullbackLeibler(max(10 * (try $0.epsilon()), 1e-300))
    return try Sinkhorn(.epsilon($0.epsilon()), tolerance: 1e-10).solve(
      UnbalancedProblem(
        $0.cloud(), rowMasses: $0.a, columnMasses: $0.b, rowPenalty: penalty,
        columnPenalty: penalty)
    ).transportCost
  },
  TableSolver("semantic partial", .other, masses: false, entropic: true) {
    let (x, epsilon) = (try $0.points().0, try $0.epsilon())
    let similarity = try Similarity(
      count: x.count, pairs: x.count > 1 ? [(0, 1, 1), (x.count - 1, 0, 0.5)] : [])
    let coupling = try SemanticPartial(
      ProgressivePartial(share: 0.5, epsilon: epsilon, sizePenalty: 10 * epsilon),
      attraction: epsilon, tolerance: 1e-9
    ).solve($0.cloud(), similarity: similarity).assignment.coupling
    // Its own cost is that of the linearized problem.
    return zip(coupling.masses, try allCosts($0.cloud())).reduce(0) { $0 + $1.0 * $1.1 }
  },
  TableSolver("entropic map", .linear, entropic: true) {
    // How far points go, squared: at most what their mass costs.
    let solution = try Sinkhorn(.epsilon($0.epsilon()), tolerance: 1e-10).solve($0.problem())
    let (x, a) = (try $0.points().0, try $0.masses().0)
    let images = try EntropicMap(solution)(x)
    return x.coordinates.indices.reduce(0) {
      let way = images.coordinates[$1] - x.coordinates[$1]
      return $0 + a[$1 / 2] * way * way
    }
  },
  TableSolver("barycentric map", .linear, masses: false) {
    let (x, y) = try $0.points()
    let coupling = try NetworkSimplex().solve($0.problem()).coupling
    let map = try BarycentricMap(coupling, from: x, to: y)
    // As the sources go, and as the targets would, being the nearest source's.
    let (own, other) = (try map(x), try map(y))
    #expect(other.count == y.count)
    return zip(own.coordinates, x.coordinates).reduce(0) {
      $0 + ($1.0 - $1.1) * ($1.0 - $1.1) / Double(x.count)
    }
  },
  TableSolver("product quantizer", .other, masses: false) {
    let (x, y) = try $0.points()
    let taught = try CodebookTraining(parts: 2, codewords: x.count).taught(on: x)
    let codes = try taught.quantizer.codes(of: x)
    let near = try taught.quantizer.search(Array(y[0]), in: codes, count: 1)
    return taught.error + near[0].distance
  },
  TableSolver("even codewords", .other, masses: false) {
    let x = try $0.points().0
    return try CodebookTraining(parts: 1, codewords: min(2, x.count), assignment: .even)
      .taught(on: x).error
  },
  TableSolver("inverted index", .other, masses: false) {
    let (x, y) = try $0.points()
    let taught = try CodebookTraining(parts: 1, codewords: min(2, x.count)).taught(on: x)
    let index = try InvertedIndex(x, centers: y, quantizer: taught.quantizer)
    let found = try index.search(Array(x[0]), count: 1, probes: y.count)
    return found[0].distance
  },
  TableSolver("selection by count", .linear, masses: false, entropic: true) {
    let (x, y) = try $0.points()
    return try TargetedSelection(
      solver: Sinkhorn(.epsilon($0.epsilon()), tolerance: 1e-10), cost: .squaredEuclidean
    ).choose(min(2, x.count), from: x, for: y).solution.transportCost
  },
  TableSolver("mixture distance", .linear, masses: false) {
    let x = try $0.points().0
    let mixture = try MixtureDistance(
      $0.cloud(), sourceOf: (0..<x.count).map { $0 % 2 })
    return try mixture(x.count > 1 ? [0.25, 0.75] : [1]).distance
  },
  TableSolver("whitened features", .other, masses: false) {
    // They have no unit: as a share of what the first points cost.
    let (x, y) = try $0.points()
    guard x.count > 1, Set(x.coordinates).count > 2 else { return 0 }
    let features = try WhitenedFeatures(pool: x, targets: y)
    _ = try CostRange(of: $0.cloud())
    let away = zip(features.pool[0], features.targets[0]).reduce(0) { $0 + $1.0 * $1.1 }
    return (1 - away) * (try $0.cloud().cost(0, 0))
  },
  TableSolver("principal components", .other, masses: false) {
    try PrincipalComponents(of: $0.points().0, count: 2).variances.reduce(0, +)
  },
]
