// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation
import Testing

/// Every solver on every degenerate input: the right answer, or one clear error.
@Suite("Degenerate inputs")
struct DegenerateTests {
  /// What a solver is asked. Those on a line take the first coordinate, those without masses ignore
  /// them.
  struct Input: Sendable {
    var x: [Double]
    var y: [Double]
    var a: [Double]?
    var b: [Double]?
    /// ε in units of the mean cost.
    var strength = 0.3

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

  struct Solver: Sendable, CustomTestStringConvertible {
    enum Kind: Sendable { case linear, other }
    let testDescription: String
    /// `linear`: between two single points the answer is their squared distance.
    let kind: Kind
    let takesMasses: Bool
    let isEntropic: Bool
    /// The cost; its unit is coordinates squared.
    let cost: @Sendable (Input) throws -> Double

    init(
      _ name: String, _ kind: Kind, masses: Bool = true, entropic: Bool = false,
      _ cost: @escaping @Sendable (Input) throws -> Double
    ) {
      testDescription = name
      self.kind = kind
      takesMasses = masses
      isEntropic = entropic
      self.cost = cost
    }
  }

  static let solvers: [Solver] = [
    Solver("network simplex", .linear) { try NetworkSimplex().solve($0.problem()).transportCost },
    Solver("assignment", .linear, masses: false) {
      try Assignment().solve(LinearProblem($0.cloud())).transportCost
    },
    Solver("one-dimensional", .other) {
      let (x, y) = $0.line()
      let solution = try OneDimensional().solve(x, y, rowMasses: $0.a, columnMasses: $0.b)
      let alone = try OneDimensional().cost(x, y, rowMasses: $0.a, columnMasses: $0.b)
      #expect(abs(alone - solution.transportCost) <= 1e-12 * abs(alone))
      return alone
    },
    Solver("circle", .other) {
      let (x, y) = $0.line()
      let length = 4 * max(1e-300, (x + y).reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 })
      return try Circle(length: length).solve(x, y, rowMasses: $0.a, columnMasses: $0.b).cost
    },
    Solver("sliced", .other) {
      let (x, y) = try $0.points()
      return try Sliced(directions: 9)(x, y, rowMasses: $0.a, columnMasses: $0.b).cost
    },
    Solver("sliced, greatest", .other) {
      let (x, y) = try $0.points()
      return try Sliced(directions: 9).greatest(x, y, rowMasses: $0.a, columnMasses: $0.b).cost
    },
    Solver("sinkhorn", .linear, entropic: true) {
      try Sinkhorn(.epsilon($0.epsilon())).solve($0.problem()).transportCost
    },
    Solver("partial", .other) {
      let (a, b) = try $0.masses()
      return try PartialTransport(mass: 0.5).solve(
        $0.cloud(), rowMasses: a, columnMasses: b
      ).transportCost
    },
    Solver("entropic partial", .other, entropic: true) {
      let (a, b) = try $0.masses()
      return try EntropicPartial(mass: 0.5, epsilon: $0.epsilon()).solve(
        $0.cloud(), rowMasses: a, columnMasses: b
      ).transportCost
    },
    Solver("weak", .linear) {
      let (x, y) = try $0.points()
      return try WeakTransport(tolerance: 1e-9).solve(
        x, y, rowMasses: $0.a, columnMasses: $0.b
      ).certificate.primal
    },
    Solver("multi-marginal", .linear, entropic: true) {
      let problem = try $0.problem()
      return try MultiMarginal(epsilon: $0.epsilon()).solve(
        costs: allCosts(problem.geometry), measures: [problem.rowMasses, problem.columnMasses]
      ).transportCost
    },
    Solver("gromov-wasserstein", .other) {
      try GromovWasserstein().solve($0.distances()).cost
    },
    Solver("entropic gromov-wasserstein", .other, entropic: true) {
      try EntropicGromov(Sinkhorn(.epsilon($0.epsilon()))).solve($0.distances()).cost
    },
    Solver("co-optimal", .other) {
      let (x, y) = try $0.points()
      return try CoOptimalTransport().solve(x, y, sampleMasses: ($0.a, $0.b)).cost
    },
    Solver("fixed-support barycenter", .other, entropic: true) {
      let (x, _) = try $0.points()
      let (a, b) = try $0.masses()
      _ = try $0.problem()
      let solution = try FixedSupportBarycenter(epsilon: $0.epsilon()).solve(
        PointCloud(x, x), measures: a.count == b.count ? [a, b] : [a, a])
      #expect(abs(solution.masses.reduce(0, +) - 1) < 1e-12)
      return 0
    },
    Solver("free-support barycenter", .other, masses: false) {
      let (x, y) = try $0.points()
      return try FreeSupportBarycenter().solve(
        [PointMeasure(x), PointMeasure(y)], start: PointMeasure(x)
      ).cost
    },
    Solver("wasserstein k-means", .other, masses: false) {
      let (x, y) = try $0.points()
      return try WassersteinKMeans(clusters: 1, supportSize: 3).solve(
        [PointMeasure(x), PointMeasure(y)]
      ).cost
    },
    Solver("progressive partial", .other, masses: false, entropic: true) {
      try ProgressivePartial(share: 0.5, epsilon: $0.epsilon(), sizePenalty: 10 * $0.epsilon())
        .solve($0.cloud()).transportCost
    },
    Solver("balanced assignment", .other, masses: false) {
      let cloud = try $0.cloud()
      return try BalancedAssignment(.even).solve(cloud).cost / Double(cloud.rowCount)
    },
    Solver("constrained k-means", .other, masses: false) {
      let (x, _) = try $0.points()
      return try ConstrainedKMeans(clusters: 1).solve(x).costs.last!
    },
    Solver("monge gap", .other, masses: false) {
      let (x, y) = try $0.points()
      return try MongeGap()(x, y).gap
    },
    Solver("gaussian", .linear) {
      _ = try $0.problem()
      let (x, y) = try $0.points()
      return try Gaussian(of: x, masses: $0.a).squaredDistance(to: Gaussian(of: y, masses: $0.b))
    },
    Solver("domain adaptation", .linear, masses: false, entropic: true) {
      let (x, y) = try $0.points()
      return try DomainAdaptation(Sinkhorn(.epsilon($0.epsilon())), classStrength: $0.epsilon())
        .solve(x, labels: (0..<x.count).map { $0 % 2 }, y).transportCost
    },
    Solver("sinkhorn-newton", .linear, entropic: true) {
      try SinkhornNewton(.epsilon($0.epsilon())).solve($0.problem()).transportCost
    },
    Solver("greenkhorn", .linear, entropic: true) {
      try Greenkhorn(.epsilon($0.epsilon()), tolerance: 1e-9).solve($0.problem()).transportCost
    },
    Solver("smooth", .linear) {
      // γ in the unit of cost, too.
      let gamma = max(0.1 * (try $0.cloud().cost(0, 0)), .leastNormalMagnitude)
      return try SmoothTransport(.squares(gamma)).solve($0.problem()).solution.transportCost
    },
    Solver("at most 3 entries a column", .linear) {
      let gamma = max(0.1 * (try $0.cloud().cost(0, 0)), .leastNormalMagnitude)
      return try SmoothTransport(.sparse(gamma, entriesMax: 3)).solve($0.problem()).solution
        .transportCost
    },
    Solver("group lasso", .linear, entropic: true) {
      let (x, epsilon) = (try $0.points().0, try $0.epsilon())
      return try GroupLassoTransport(
        Sinkhorn(.epsilon(epsilon), tolerance: 1e-9), groupStrength: epsilon, tolerance: 1e-9
      ).solve($0.problem(), groups: (0..<x.count).map { x[$0].first! < x[$0].last! ? 1 : 0 })
        .solution.transportCost
    },
    Solver("low-rank gromov", .other) {
      max(
        0,
        try LowRankGromov(rank: 2, tolerance: 1e-9, unfinished: .isReturned).solve(
          $0.distances()
        ).cost)
    },
    Solver("low-rank", .linear) {
      try LowRankTransport(rank: 2, tolerance: 1e-9, unfinished: .isReturned)
        .solve($0.problem()).transportCost
    },
    Solver("sinkhorn divergence", .linear, entropic: true) {
      let value = try SinkhornDivergence(Sinkhorn(.epsilon($0.epsilon()), tolerance: 1e-9))(
        $0.cloud(), rowMasses: $0.a, columnMasses: $0.b)
      return max(0, value.divergence)
    },
  ]

  private static let some = Input(
    x: [0, 0.1, 0.9, 0.2, 0.3, 0.8, 0.4, 0.4], y: [0.5, 0.5, 1, 0.1, 0.2, 0.7, 0.6, 0.9],
    a: nil, b: nil)

  private func code(_ body: () throws -> Double) -> TransportError.Code? {
    do {
      let value = try body()
      Issue.record("it gave \(value)")
      return nil
    } catch let error as TransportError {
      return error.code
    } catch {
      Issue.record("\(error)")
      return nil
    }
  }

  @Test("one point on each side", arguments: solvers)
  func single(solver: Solver) throws {
    let cost = try solver.cost(Input(x: [0.1, 0.2], y: [0.5, 0.5], a: nil, b: nil))
    #expect(cost >= 0 && cost.isFinite)
    if solver.kind == .linear { #expect(abs(cost - 0.25) < 1e-9) }
  }

  @Test("all points are one: nothing costs anything", arguments: solvers)
  func duplicates(solver: Solver) throws {
    let same = (0..<6).flatMap { _ in [0.3, 0.7] }
    #expect(abs(try solver.cost(Input(x: same, y: same, a: nil, b: nil))) < 1e-9)
  }

  @Test("points without mass change nothing", arguments: solvers.filter(\.takesMasses))
  func zeros(solver: Solver) throws {
    var input = Self.some
    input.a = [0.25, 0, 0.5, 0.25]
    input.b = [0, 0.5, 0.5, 0]
    var part = input
    part.x = [0, 0.1, 0.3, 0.8, 0.4, 0.4]
    part.a = [0.25, 0.5, 0.25]
    part.y = [1, 0.1, 0.2, 0.7]
    part.b = [0.5, 0.5]
    // ε follows the mean cost of all points, also of those without mass.
    part.strength = try input.epsilon() / part.epsilon() * part.strength
    let whole = try solver.cost(input)
    #expect(abs(whole - (try solver.cost(part))) < 1e-6)
  }

  @Test(
    "unequal masses are refused, or all that is asked for", arguments: solvers.filter(\.takesMasses)
  )
  func unequal(solver: Solver) throws {
    var input = Self.some
    input.a = [1, 1, 1, 1]
    input.b = [1, 1, 1, 2]
    if solver.testDescription.contains("partial") {
      #expect(try solver.cost(input) >= 0)
    } else {
      #expect(code { try solver.cost(input) } == .unequalMass)
    }
  }

  @Test(
    "a mass that is no number, below 0, or none at all", arguments: solvers.filter(\.takesMasses))
  func masses(solver: Solver) {
    for masses in [[.nan, 1, 1, 1], [-1.0, 1, 1, 1], [0, 0, 0, 0], [.infinity, 1, 1, 1]] {
      var input = Self.some
      input.a = masses
      #expect(code { try solver.cost(input) } == .badMass)
    }
    var input = Self.some
    input.b = [1, 2]
    #expect(code { try solver.cost(input) } == .shapeMismatch)
  }

  @Test("a coordinate that is no number, or infinite", arguments: solvers)
  func coordinates(solver: Solver) {
    for bad in [Double.nan, .infinity] {
      var input = Self.some
      input.x[2] = bad
      #expect(code { try solver.cost(input) } == .badPoint)
    }
  }

  @Test("no entropy where there must be some", arguments: solvers.filter(\.isEntropic))
  func noEntropy(solver: Solver) {
    for strength in [0, -1, Double.nan] {
      var input = Self.some
      input.strength = strength
      #expect(code { try solver.cost(input) } == .badSetting)
    }
  }

  @Test(
    "huge and tiny coordinates: the answer in another unit, or an error that says so",
    arguments: solvers, [1e-120, 1e-60, 1e60, 1e120, 1e160, 1e300])
  func scales(solver: Solver, scale: Double) throws {
    var input = Self.some
    let plain = try solver.cost(input)
    input.x = input.x.map { $0 * scale }
    input.y = input.y.map { $0 * scale }
    do {
      let scaled = try solver.cost(input)
      #expect(abs(scaled / scale / scale - plain) <= 1e-6 * max(abs(plain), 1e-3))
    } catch let error as TransportError {
      #expect([.badCost, .badPoint, .badSetting].contains(error.code))
      #expect(scale > 1e60, "\(error)")
    }
  }
}
