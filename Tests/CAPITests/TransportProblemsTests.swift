// SPDX-License-Identifier: Apache-2.0

import CFerry
import FerryCAPI
import Foundation
import Testing

/// More problems of optimal transport, called as C calls them.
@Suite("C door of partial, quadratic and other problems")
struct TransportProblemsTests {
  private let points: [Double] = [0, 0, 1, 0, 0, 2]
  private var lastError: String { unsafe String(cString: ferry_last_error()) }

  /// Calls `body` with a problem between the three points and themselves, two to the right.
  private func withProblem(_ body: (inout ferry_ot_problem) -> Void) {
    let moved = points.enumerated().map { $0.offset % 2 == 0 ? $0.element + 2 : $0.element }
    unsafe points.withUnsafeBufferPointer { from in
      unsafe moved.withUnsafeBufferPointer { to in
        var problem = unsafe ferry_ot_problem()
        unsafe problem.size = MemoryLayout<ferry_ot_problem>.size
        unsafe problem.rows = 3
        unsafe problem.columns = 3
        unsafe problem.row_points = from.baseAddress
        unsafe problem.column_points = to.baseAddress
        unsafe problem.dimensions = 2
        unsafe body(&problem)
      }
    }
  }

  @Test("a part moves; the solution has a proof, entries and potentials")
  func partial() {
    unsafe withProblem { problem in
      var solution: OpaquePointer?
      #expect(unsafe ferry_ot_partial(&problem, nil, 1.0 / 3, &solution) == FERRY_OK)
      var proof = ferry_ot_certificate()
      #expect(unsafe ferry_ot_certificate(solution, &proof) == FERRY_OK)
      // The nearest two: (1, 0) and (2, 0).
      #expect(abs(proof.cost - 1.0 / 3) < 1e-12 && abs(proof.mass - 1.0 / 3) < 1e-12)
      #expect(proof.entries == 1 && proof.primal - proof.dual < 1e-12)
      var f = [0.0, 0, 0]
      #expect(unsafe ferry_ot_potentials(solution, &f, nil) == FERRY_OK)
      #expect(f.allSatisfy { $0 <= 0 })
      unsafe ferry_ot_free(solution)
      #expect(unsafe ferry_ot_partial(&problem, nil, 2, &solution) == FERRY_BAD_ARGUMENT)
      let isThere = unsafe solution != nil
      #expect(!isThere && lastError.hasPrefix("mass-out-of-range: 2.0 is to move, of 1.0 in rows"))
    }
  }

  @Test("points go where their mass does")
  func map() {
    unsafe withProblem { problem in
      var solution: OpaquePointer?
      #expect(unsafe ferry_ot_solve(&problem, nil, &solution) == FERRY_OK)
      var images = [Double](repeating: 0, count: 6)
      #expect(unsafe ferry_ot_map(solution, points, 3, &images) == FERRY_OK)
      for k in 0..<6 { #expect(abs(images[k] - points[k] - (k % 2 == 0 ? 2 : 0)) < 1e-12) }
      #expect(unsafe ferry_ot_map(solution, points, 0, &images) == FERRY_BAD_ARGUMENT)
      #expect(lastError == "count is 0")
      unsafe ferry_ot_free(solution)
    }
  }

  @Test("a space is matched to itself; a quadratic problem has no potentials")
  func gromov() {
    let distances: [Double] = [0, 1, 5, 1, 0, 3, 5, 3, 0]
    unsafe distances.withUnsafeBufferPointer { distances in
      var problem = unsafe ferry_ot_quadratic()
      unsafe problem.size = MemoryLayout<ferry_ot_quadratic>.size
      unsafe problem.rows = 3
      unsafe problem.columns = 3
      unsafe problem.row_distances = distances.baseAddress
      unsafe problem.column_distances = distances.baseAddress
      var solution: OpaquePointer?
      #expect(unsafe ferry_ot_gromov(&problem, nil, &solution) == FERRY_OK)
      var proof = ferry_ot_certificate()
      #expect(unsafe ferry_ot_certificate(solution, &proof) == FERRY_OK)
      #expect(proof.row_error + proof.column_error < 1e-12 && abs(proof.mass - 1) < 1e-12)
      var f = [0.0, 0, 0]
      #expect(unsafe ferry_ot_potentials(solution, &f, nil) == FERRY_BAD_ARGUMENT)
      #expect(lastError == "this kind of problem has no potentials")
      unsafe ferry_ot_free(solution)
      unsafe problem.size = 8
      #expect(unsafe ferry_ot_gromov(&problem, nil, &solution) == FERRY_BAD_ARGUMENT)
      #expect(lastError == "problem.size is 8; set it to sizeof(struct ferry_ot_quadratic)")
    }
  }

  @Test("the middle of two clouds, and what is refused of their counts")
  func freeBarycenter() {
    let clouds: [Double] = [0, 0, 4, 0]
    var start = [1.0, 1]
    var cost = -1.0
    func middle(_ counts: [Int]) -> ferry_status {
      unsafe ferry_ot_free_barycenter(
        clouds, nil, counts, counts.count, 2, nil, &start, nil, 1, nil, &cost)
    }
    #expect(middle([1, 1]) == FERRY_OK)
    #expect(abs(start[0] - 2) < 1e-9 && abs(start[1]) < 1e-9 && abs(cost - 4) < 1e-9)
    #expect(middle([1, 0]) == FERRY_BAD_ARGUMENT)
    #expect(lastError == "a cloud has 0 points")
    #expect(middle([]) == FERRY_BAD_ARGUMENT)
    #expect(lastError == "0 clouds of 2 dimensions; there must be at least 1 of each")
  }

  @Test("a weak problem counts the means of rows, at squared distances alone")
  func weak() {
    // From (0, 0) to (−1, 0) and (1, 2): the mean is (0, 1).
    let from = [0.0, 0]
    let to = [-1.0, 0, 1, 2]
    unsafe from.withUnsafeBufferPointer { from in
      unsafe to.withUnsafeBufferPointer { to in
        var problem = unsafe ferry_ot_problem()
        unsafe problem.size = MemoryLayout<ferry_ot_problem>.size
        unsafe problem.rows = 1
        unsafe problem.columns = 2
        unsafe problem.row_points = from.baseAddress
        unsafe problem.column_points = to.baseAddress
        unsafe problem.dimensions = 2
        var solution: OpaquePointer?
        #expect(unsafe ferry_ot_weak(&problem, nil, &solution) == FERRY_OK)
        var proof = ferry_ot_certificate()
        #expect(unsafe ferry_ot_certificate(solution, &proof) == FERRY_OK)
        #expect(abs(proof.cost - 1) < 1e-12 && proof.primal - proof.dual < 1e-5)
        #expect(abs(proof.mass - 1) < 1e-12 && proof.row_error + proof.column_error < 1e-12)
        unsafe ferry_ot_free(solution)
        unsafe problem.cost = FERRY_OT_EUCLIDEAN.rawValue
        #expect(unsafe ferry_ot_weak(&problem, nil, &solution) == FERRY_BAD_ARGUMENT)
        #expect(
          lastError == "a weak problem has FERRY_OT_SQUARED_EUCLIDEAN and FERRY_OT_EXACT alone")
      }
    }
  }

  @Test("columns take from few groups, by norms or by roots")
  func groups() {
    unsafe withProblem { problem in
      var options = ferry_ot_options()
      options.size = MemoryLayout<ferry_ot_options>.size
      options.method = FERRY_OT_SINKHORN.rawValue
      options.epsilon = 2
      let labels: [Int64] = [0, 0, 1]
      /// What each column has from both groups, by `size` of a group's entries.
      func spread(_ solution: OpaquePointer?, _ size: ([Double]) -> Double) -> Double {
        var plan = [Double](repeating: 0, count: 9)
        #expect(unsafe ferry_ot_coupling(solution, &plan) == FERRY_OK)
        return (0..<3).reduce(0) { $0 + size([plan[$1], plan[3 + $1]]) + size([plan[6 + $1]]) }
      }
      func norm(_ entries: [Double]) -> Double {
        entries.reduce(0) { $0 + $1 * $1 }.squareRoot()
      }
      func root(_ entries: [Double]) -> Double { entries.reduce(0, +).squareRoot() }
      var plain: OpaquePointer?
      var norms: OpaquePointer?
      var roots: OpaquePointer?
      #expect(unsafe ferry_ot_solve(&problem, &options, &plain) == FERRY_OK)
      #expect(unsafe ferry_ot_group_lasso(&problem, &options, labels, 20, &norms) == FERRY_OK)
      #expect(unsafe ferry_ot_class_roots(&problem, &options, labels, 20, 10, &roots) == FERRY_OK)
      #expect(unsafe spread(norms, norm) < spread(plain, norm) - 0.01)
      #expect(unsafe spread(roots, root) < spread(plain, root) - 0.01)
      unsafe ferry_ot_free(plain)
      unsafe ferry_ot_free(norms)
      unsafe ferry_ot_free(roots)
      #expect(
        unsafe ferry_ot_group_lasso(&problem, &options, nil, 1, &norms) == FERRY_BAD_ARGUMENT)
      #expect(lastError == "groups is NULL")
      // Of other masses, and of costs alone.
      let masses = [0.5, 1, 1.5]
      let costs: [Double] = [0, 1, 2, 1, 0, 1, 2, 1, 0]
      unsafe masses.withUnsafeBufferPointer { masses in
        unsafe costs.withUnsafeBufferPointer { costs in
          unsafe problem.row_masses = masses.baseAddress
          unsafe problem.costs = costs.baseAddress
          #expect(
            unsafe ferry_ot_class_roots(&problem, &options, labels, 1, 10, &roots) == FERRY_OK)
        }
      }
      var proof = ferry_ot_certificate()
      #expect(unsafe ferry_ot_certificate(roots, &proof) == FERRY_OK)
      #expect(abs(proof.mass - 3) < 1e-5 && proof.is_converged)
      unsafe ferry_ot_free(roots)
    }
  }

  @Test("clouds near each other are one cluster")
  func clusters() {
    let points: [Double] = [0, 1, 2, 10, 11, 12, 0.5, 1.5]
    var clusterOf = [-1, -1, -1]
    var centers = [0.0, 0]
    var cost = -1.0
    func cluster(_ clusters: Int) -> ferry_status {
      unsafe ferry_ot_clusters(
        points, nil, [3, 3, 2], 3, 1, clusters, 1, 3, nil, &clusterOf, &centers, &cost)
    }
    #expect(cluster(2) == FERRY_OK)
    #expect(clusterOf[0] == clusterOf[2] && clusterOf[0] != clusterOf[1])
    #expect(abs(centers[clusterOf[0]] - 1) < 1e-9 && abs(centers[clusterOf[1]] - 11) < 1e-9)
    // Variances 2/3, 2/3 and 1/4.
    #expect(abs(cost - (4.0 / 3 + 0.25) / 3) < 1e-9)
    #expect(cluster(4) == FERRY_BAD_ARGUMENT)
    #expect(lastError.hasPrefix("setting-out-of-range: 4 clusters of 1 points for 3 measures"))
  }

  @Test("three measures have one coupling, whose potentials give each entry")
  func multi() {
    let costs: [Double] = [0, 1, 2, 1, 1, 0, 3, 1]
    let masses = [0.25, 0.75, 0.5, 0.5, 2, 6]
    var options = ferry_ot_options()
    options.size = MemoryLayout<ferry_ot_options>.size
    options.epsilon = 0.5
    var plan = [Double](repeating: 0, count: 8)
    var f = [Double](repeating: 0, count: 6)
    var proof = ferry_ot_certificate()
    #expect(
      unsafe ferry_ot_multi(costs, [2, 2, 2], 3, masses, &options, &plan, &f, &proof) == FERRY_OK)
    let (a, b, c) = ([0.25, 0.75], [0.5, 0.5], [0.25, 0.75])
    for k in 0..<8 {
      let (i, j, l) = (k / 4, k / 2 % 2, k % 2)
      let entry = a[i] * b[j] * c[l] * exp((f[i] + f[2 + j] + f[4 + l] - costs[k]) / 0.5)
      #expect(abs(plan[k] - entry) < 1e-9)
    }
    #expect(abs(plan[0] + plan[1] + plan[2] + plan[3] - 0.25) < 1e-6)
    #expect(abs(plan[0] + plan[2] + plan[4] + plan[6] - 0.25) < 1e-6)
    #expect(proof.row_error < 1e-6 && abs(proof.primal - proof.dual) < 1e-6)
    #expect(abs(proof.cost - zip(costs, plan).reduce(0) { $0 + $1.0 * $1.1 }) < 1e-12)
    #expect(
      unsafe ferry_ot_multi(costs, [2, 0, 2], 3, masses, &options, &plan, nil, nil)
        == FERRY_BAD_ARGUMENT)
    #expect(lastError == "a measure has 0 points")
  }

  @Test("samples like the targets are selected")
  func select() {
    let pool: [Double] = [9, 9, 0.1, 0, -7, 5, 0, 1.1]
    let targets: [Double] = [0, 0, 0, 1]
    unsafe pool.withUnsafeBufferPointer { pool in
      unsafe targets.withUnsafeBufferPointer { targets in
        var selection = unsafe ferry_ot_selection()
        unsafe selection.size = MemoryLayout<ferry_ot_selection>.size
        unsafe selection.pool_samples = pool.baseAddress
        unsafe selection.target_samples = targets.baseAddress
        unsafe selection.pool = 4
        unsafe selection.targets = 2
        unsafe selection.dimensions = 2
        unsafe selection.count = 2
        unsafe selection.is_plain = true
        var rows = [-1, -1, -1, -1]
        var count = 0
        #expect(unsafe ferry_ot_select(&selection, &rows, &count, nil) == FERRY_OK)
        #expect(count == 2 && Set(rows.prefix(2)) == [1, 3] && rows[2] == -1)
        unsafe selection.count = 5
        #expect(unsafe ferry_ot_select(&selection, &rows, &count, nil) == FERRY_BAD_ARGUMENT)
        #expect(lastError.hasPrefix("setting-out-of-range: 5 of 4 samples (selection)."))
        unsafe selection.pool = 0
        #expect(unsafe ferry_ot_select(&selection, &rows, &count, nil) == FERRY_BAD_ARGUMENT)
        #expect(
          lastError
            == "0 samples, 2 targets and 2 dimensions; there must be at least 1 of each")
      }
    }
  }
}
