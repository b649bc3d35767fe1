// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Gradients of transport, against finite differences")
struct GradientTests {
  private let h = 1e-5

  private struct Input {
    var x: [Double]
    var y: [Double]
    var a: [Double]
    var b: [Double]
    var cost: PointCost

    func cloud() throws -> PointCloud {
      try PointCloud(Points(x, dimensions: 2), Points(y, dimensions: 2), cost: cost)
    }
    func problem() throws -> LinearProblem {
      try LinearProblem(cloud(), rowMasses: a, columnMasses: b)
    }
  }

  private func input(_ seed: Seed, _ cost: PointCost) throws -> Input {
    var random = SplitMix64(seed)
    return Input(
      x: try samplePoints(&random, count: 6, dimensions: 2).coordinates.map { $0 + 0.2 },
      y: try samplePoints(&random, count: 7, dimensions: 2).coordinates.map { $0 + 0.2 },
      a: sampleMasses(&random, count: 6), b: sampleMasses(&random, count: 7), cost: cost)
  }

  private static let costs: [PointCost] = [
    .squaredEuclidean, .euclidean, .manhattan, .cosine, .minkowski(p: 3, power: 1.5),
  ]

  private func slope(_ value: (Double) throws -> Double) rethrows -> Double {
    (try value(h) - value(-h)) / (2 * h)
  }

  @Test("of the regularized value, for every cost", arguments: costs.indices)
  func value(at: Int) throws {
    let input = try input(Seed(UInt64(at + 1)), Self.costs[at])
    let solver = Sinkhorn(.epsilon(0.1), tolerance: 1e-12)
    func dual(_ change: (inout Input) -> Void) throws -> Double {
      var changed = input
      change(&changed)
      return try solver.solve(changed.problem()).certificate.dual
    }
    let gradient = try TransportGradient(
      of: solver.solve(input.problem()), input.cloud(), problem: input.problem())
    for k in [0, 5, 11] {
      let x = try slope { step in try dual { $0.x[k] += step } }
      #expect(abs(x - gradient.sources[k]) < 1e-7)
      let y = try slope { step in try dual { $0.y[k] += step } }
      #expect(abs(y - gradient.targets[k]) < 1e-7)
    }
    let a = try slope { step in
      try dual {
        $0.a[1] += step
        $0.a[4] -= step
      }
    }
    #expect(abs(a - (gradient.rowMasses[1] - gradient.rowMasses[4])) < 1e-7)
    let b = try slope { step in
      try dual {
        $0.b[6] += step
        $0.b[2] -= step
      }
    }
    #expect(abs(b - (gradient.columnMasses[6] - gradient.columnMasses[2])) < 1e-7)
  }

  @Test("of the exact cost, where the coupling does not change", arguments: costs.indices)
  func exact(at: Int) throws {
    let input = try input(Seed(9), Self.costs[at])
    let gradient = try TransportGradient(
      of: NetworkSimplex().solve(input.problem()), input.cloud(), problem: input.problem())
    for k in 0..<12 {
      let slopes = try [\Input.x, \.y].map { side in
        try slope { step in
          var changed = input
          changed[keyPath: side][k] += step
          return try NetworkSimplex().solve(changed.problem()).transportCost
        }
      }
      #expect(abs(slopes[0] - gradient.sources[k]) < 1e-7)
      #expect(abs(slopes[1] - gradient.targets[k]) < 1e-7)
    }
  }

  @Test("of the divergence", arguments: costs.indices)
  func divergence(at: Int) throws {
    let input = try input(Seed(10), Self.costs[at])
    let divergence = SinkhornDivergence(Sinkhorn(.epsilon(0.1), tolerance: 1e-12))
    func value(_ input: Input) throws -> SinkhornDivergence.Value {
      try divergence(input.cloud(), rowMasses: input.a, columnMasses: input.b)
    }
    let sources = try divergence.sourceGradient(of: value(input), input.cloud())
    let targets = try divergence.targetGradient(of: value(input), input.cloud())
    for k in [0, 3, 10] {
      let slopes = try [\Input.x, \.y].map { side in
        try slope { step in
          var changed = input
          changed[keyPath: side][k] += step
          return try value(changed).divergence
        }
      }
      #expect(abs(slopes[0] - sources[k]) < 1e-7)
      #expect(abs(slopes[1] - targets[k]) < 1e-7)
    }
  }

  @Test("of what is computed from a coupling, by implicit differentiation", arguments: seeds(3))
  func pullback(seed: Seed) throws {
    var random = SplitMix64(seed)
    let costs = (0..<30).map { _ in Double.random(in: 0...1, using: &random) }
    let weights = (0..<30).map { _ in Double.random(in: -1...1, using: &random) }
    let a = sampleMasses(&random, count: 5)
    let b = sampleMasses(&random, count: 6)
    let solver = Sinkhorn(.epsilon(0.2), tolerance: 1e-13)
    func solution(_ costs: [Double], _ a: [Double], _ b: [Double]) throws -> TransportSolution {
      try solver.solve(
        LinearProblem(DenseCost(costs, rows: 5, columns: 6), rowMasses: a, columnMasses: b))
    }
    /// Something of the coupling: `Σ w P + Σ w P²`.
    func value(_ costs: [Double], _ a: [Double], _ b: [Double]) throws -> Double {
      let masses = try solution(costs, a, b).coupling.dense().masses
      return zip(masses, weights).reduce(0) { $0 + $1.1 * ($1.0 + $1.0 * $1.0) }
    }
    let base = try solution(costs, a, b)
    let coupled = zip(base.coupling.dense().masses, weights).map { $1 * (1 + 2 * $0) }
    let gradient = try CouplingPullback(base).gradient(of: coupled)
    for k in [0, 7, 29] {
      let c = try slope { step in
        var changed = costs
        changed[k] += step
        return try value(changed, a, b)
      }
      #expect(abs(c - gradient.costs[k]) < 1e-8)
    }
    let rows = try slope { step in
      try value(costs, [a[0] + step, a[1] - step] + a[2...], b)
    }
    #expect(abs(rows - (gradient.rowMasses[0] - gradient.rowMasses[1])) < 1e-8)
    let columns = try slope { step in
      try value(costs, a, [b[0] + step, b[1] - step] + b[2...])
    }
    #expect(abs(columns - (gradient.columnMasses[0] - gradient.columnMasses[1])) < 1e-8)
  }

  @Test("a custom cost, and a coupling that is not entropic, are refused exactly")
  func refusals() throws {
    let input = try input(Seed(1), .custom { x, y in abs(x.first! - y.first!) })
    let solution = try Sinkhorn(.epsilon(1)).solve(input.problem())
    #expect(
      message {
        _ = try TransportGradient(of: solution, input.cloud(), problem: input.problem())
      }
        == "setting-out-of-range: a custom cost has no derivative here (gradient). Take one of the other costs, or differentiate the coupling's sum yourself."
    )
    let exact = try NetworkSimplex().solve(input.problem())
    #expect(
      message { _ = try CouplingPullback(exact) }
        == "setting-out-of-range: the coupling is not entropic (pullback). Solve with Sinkhorn: couplings of exact solvers have no derivative."
    )
  }
}
