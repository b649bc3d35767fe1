// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import FerryOptimalTransport
import Testing

extension EngineTests {
  @Suite("Soft assignment")
  struct SoftAssignmentTests {
    private static func costs(_ seed: UInt64, _ n: Int, _ m: Int) throws -> Tensor {
      try RandomKey(Seed(seed)).normal(shape: [n, m], deviation: 1).square()
    }

    private static let solver = Sinkhorn(.epsilon(0.3), tolerance: 1e-12)

    @Test(
      "gradients of any function of the coupling are those of finite differences in f64",
      arguments: [(5, 4), (4, 7), (6, 1)], [false, true])
    func gradients(shape: (Int, Int), isUneven: Bool) throws {
      let (n, m) = shape
      let costs = try Self.costs(UInt64(n + m), n, m)
      let weights = try Self.costs(99, n, m)
      let a = isUneven ? (0..<n).map { Double($0 + 1) } : Array(repeating: 1.0, count: n)
      let total = a.reduce(0, +)
      let b = (0..<m).map {
        isUneven ? 2 * total * Double($0 + 1) / Double(m * (m + 1)) : total / Double(m)
      }
      let found = try valueAndGradient(at: [costs]) { inputs in
        let coupling = try SoftAssignment(Self.solver)(inputs[0], rowMasses: a, columnMasses: b)
        return try (weights * coupling.square() + weights * coupling).sum()
      }
      let gradient = try found.gradients[0].floats()
      let (start, scale) = (
        try costs.floats().map(Double.init), try weights.floats().map(Double.init)
      )
      func value(_ costs: [Double]) throws -> Double {
        let problem = try LinearProblem(
          DenseCost(costs, rows: n, columns: m), rowMasses: a, columnMasses: b)
        let masses = try Self.solver.solve(problem).coupling.dense().masses
        return zip(masses, scale).reduce(0) { $0 + $1.1 * ($1.0 * $1.0 + $1.0) }
      }
      let size = gradient.reduce(1) { max($0, abs($1)) }
      #expect(abs(Double(try found.value.scalar()) - (try value(start))) < 1e-5 * Double(size))
      for k in start.indices {
        var (up, down) = (start, start)
        up[k] += 1e-5
        down[k] -= 1e-5
        let slope = (try value(up) - value(down)) / 2e-5
        #expect(abs(slope - Double(gradient[k])) < 2e-6 * Double(size), "\(k)")
      }
    }

    @Test("the same pullback as the library's", arguments: [UInt64(1), 2, 3])
    func pullback(seed: UInt64) throws {
      let costs = try Self.costs(seed, 9, 6)
      let weights = try Self.costs(seed + 10, 9, 6)
      let problem = try LinearProblem(
        DenseCost(costs.floats().map(Double.init), rows: 9, columns: 6))
      let expected = try CouplingPullback(Self.solver.solve(problem)).gradient(
        of: weights.floats().map(Double.init)
      ).costs
      let gradient = try valueAndGradient(at: [costs]) {
        try (SoftAssignment(Self.solver)($0[0]) * weights).sum()
      }.gradients[0].floats()
      for (a, b) in zip(gradient, expected) { #expect(abs(Double(a) - b) < 1e-6) }
    }

    @Test("a coupling that falls into parts has no derivative, and is refused exactly")
    func parts() throws {
      let costs = try Tensor([0, 1, 1, 0], shape: [2, 2])
      let error = try #require(throws: TransportError.self) {
        _ = try SoftAssignment(Sinkhorn(.epsilon(1e-3)))(costs)
      }
      #expect(
        "\(error)"
          == "not-converged: the coupling falls into parts, and has no derivative (soft assignment, epsilon 0.001). Raise epsilon."
      )
    }
  }
}
