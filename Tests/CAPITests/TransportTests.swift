// SPDX-License-Identifier: Apache-2.0

import CFerry
import FerryCAPI
import Testing

/// The C functions of optimal transport, called as C calls them.
@Suite("C door of optimal transport")
struct TransportTests {
  private let costs: [Double] = [1, 3, 2, 5, 1, 4]
  private var lastError: String { unsafe String(cString: ferry_last_error()) }

  /// Calls `body` with a problem of 2 rows and 3 columns whose pointers stay valid through it.
  private func withProblem(
    costs: [Double]? = nil, masses: [Double] = [0.5, 0.5], _ body: (inout ferry_ot_problem) -> Void
  ) {
    unsafe (costs ?? self.costs).withUnsafeBufferPointer { costs in
      unsafe masses.withUnsafeBufferPointer { masses in
        var problem = unsafe ferry_ot_problem()
        unsafe problem.size = MemoryLayout<ferry_ot_problem>.size
        unsafe problem.rows = 2
        unsafe problem.columns = 3
        unsafe problem.costs = costs.baseAddress
        unsafe problem.row_masses = masses.baseAddress
        unsafe body(&problem)
      }
    }
  }

  @Test("solves, proves, and gives coupling, entries and potentials")
  func exact() {
    unsafe withProblem { problem in
      var solution: OpaquePointer?
      #expect(unsafe ferry_ot_solve(&problem, nil, &solution) == FERRY_OK)
      var proof = ferry_ot_certificate()
      #expect(unsafe ferry_ot_certificate(solution, &proof) == FERRY_OK)
      // A third to each column: the second row fills the second, and each gives half.
      #expect(abs(proof.cost - (1.0 / 3 + 2.0 / 6 + 1.0 / 3 + 4.0 / 6)) < 1e-12)
      #expect(proof.is_converged && proof.primal - proof.dual < 1e-12 && proof.epsilon == 0)
      var all = [Double](repeating: -1, count: 6)
      #expect(unsafe ferry_ot_coupling(solution, &all) == FERRY_OK)
      #expect(abs(all[0] + all[1] + all[2] - 0.5) < 1e-15)
      var rows = [Int](repeating: -1, count: proof.entries)
      var columns = rows
      var masses = [Double](repeating: 0, count: proof.entries)
      #expect(unsafe ferry_ot_entries(solution, &rows, &columns, &masses) == FERRY_OK)
      for k in rows.indices { #expect(all[3 * rows[k] + columns[k]] == masses[k]) }
      var f = [0.0, 0]
      var g = [0.0, 0, 0]
      #expect(unsafe ferry_ot_potentials(solution, &f, &g) == FERRY_OK)
      for i in 0..<2 {
        for j in 0..<3 { #expect(f[i] + g[j] <= costs[3 * i + j] + 1e-12) }
      }
      var image = [0.0, 0]
      #expect(unsafe ferry_ot_apply(solution, false, [1, 1, 1], &image) == FERRY_OK)
      #expect(abs(image[0] - 0.5) < 1e-15)
      unsafe ferry_ot_free(solution)
    }
  }

  @Test("a limit that comes first is a status of its own, with the state reached")
  func unfinished() {
    unsafe withProblem { problem in
      var options = ferry_ot_options()
      options.size = MemoryLayout<ferry_ot_options>.size
      options.method = FERRY_OT_SINKHORN.rawValue
      options.epsilon = 0.001
      options.iterations_max = 1
      var solution: OpaquePointer?
      #expect(unsafe ferry_ot_solve(&problem, &options, &solution) == FERRY_NOT_CONVERGED)
      #expect(lastError.hasPrefix("not-converged: after 1 iterations the marginal error is "))
      var proof = ferry_ot_certificate()
      #expect(unsafe ferry_ot_certificate(solution, &proof) == FERRY_OK)
      #expect(!proof.is_converged && proof.epsilon == 0.001 && proof.entries == 0)
      unsafe ferry_ot_free(solution)
    }
  }

  @Test("options that mean nothing to the method are refused, not passed over")
  func badOptions() {
    unsafe withProblem { problem in
      var solution: OpaquePointer?
      var options = ferry_ot_options()
      options.size = MemoryLayout<ferry_ot_options>.size
      options.tolerance = 1e-6
      #expect(unsafe ferry_ot_solve(&problem, &options, &solution) == FERRY_BAD_ARGUMENT)
      #expect(lastError == "options.tolerance is 1e-06; an exact solution takes none: 0")
      options.method = 7
      #expect(unsafe ferry_ot_solve(&problem, &options, &solution) == FERRY_BAD_ARGUMENT)
      #expect(
        lastError
          == "options.method is 7; FERRY_OT_EXACT is 0, FERRY_OT_NEWTON the last with 2")
      let isThere = unsafe solution != nil
      #expect(!isThere)
    }
  }

  @Test("what makes no sense is one sentence, and no solution")
  func badArguments() {
    unsafe withProblem(costs: [1, 2, .nan, 4, 5, 6]) { problem in
      var solution: OpaquePointer?
      #expect(unsafe ferry_ot_solve(&problem, nil, &solution) == FERRY_BAD_ARGUMENT)
      #expect(
        lastError == "cost-out-of-range: the cost is nan (row 0, column 2). "
          + "Costs must be finite: scale huge coordinates down, leave out what is NaN.")
      let isThere = unsafe solution != nil
      #expect(!isThere)
      #expect(unsafe ferry_ot_solve(nil, nil, &solution) == FERRY_BAD_ARGUMENT)
      #expect(lastError == "the problem is NULL")
      unsafe problem.costs = nil
      #expect(unsafe ferry_ot_solve(&problem, nil, &solution) == FERRY_BAD_ARGUMENT)
      #expect(lastError == "there are neither problem.costs nor points: problem.dimensions is 0")
      unsafe problem.rows = Int.max
      unsafe problem.dimensions = 3
      #expect(unsafe ferry_ot_solve(&problem, nil, &solution) == FERRY_BAD_ARGUMENT)
      #expect(
        lastError
          == "problem.row_points: \(Int.max) × 3 numbers are more than memory has")
      unsafe problem.size = 8
      #expect(unsafe ferry_ot_solve(&problem, nil, &solution) == FERRY_BAD_ARGUMENT)
      #expect(lastError == "problem.size is 8; set it to sizeof(struct ferry_ot_problem)")
      #expect(ferry_ot_coupling(nil, nil) == FERRY_BAD_ARGUMENT)
      #expect(lastError == "the solution is NULL")
    }
  }
}
