// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Match two spaces by their inner distances: minimize
/// `(1 − α) ⟨M, P⟩ + α Σ_ijkl (A_ik − B_jl)² P_ij P_kl` over couplings of the masses.
///
/// α = 1 is Gromov–Wasserstein (Mémoli 2011; Peyré, Cuturi and Solomon 2016), below it is fused
/// with a cost between the spaces (Vayer et al. 2019).
public struct QuadraticProblem: Sendable {
  /// Distances in the first space, `[n, n]`, symmetric.
  public let rowDistances: [Double]
  /// Distances in the second, `[m, m]`, symmetric.
  public let columnDistances: [Double]
  /// `[n]`, 1 in all but for partial problems.
  public let rowMasses: [Double]
  /// `[m]`, likewise.
  public let columnMasses: [Double]
  /// Costs between the spaces, `[n, m]`; nil where α is 1.
  public let costs: [Double]?
  /// From 0 to 1: the share of the distances.
  public let alpha: Double
  /// The greatest magnitude of what is squared or summed.
  let magnitude: Double

  var rowCount: Int { rowMasses.count }
  var columnCount: Int { columnMasses.count }

  /// Matches by distances alone.
  ///
  /// - Parameters:
  ///   - rowDistances: `[n, n]`, symmetric; any numbers, such as squared distances or weights.
  ///   - columnDistances: `[m, m]`, likewise.
  ///   - rowMasses: `[n]`, at least 0; nil is equal masses, 1 in all.
  ///   - columnMasses: `[m]`, likewise.
  /// - Throws: `.shapeMismatch`, `.badMass`, `.badCost` for numbers that are not finite or not
  ///   symmetric.
  public init(
    rowDistances: [Double], columnDistances: [Double], rowMasses: [Double]? = nil,
    columnMasses: [Double]? = nil
  ) throws(TransportError) {
    try self.init(
      rowDistances: rowDistances, columnDistances: columnDistances, costs: nil, alpha: 1,
      rowMasses: rowMasses, columnMasses: columnMasses)
  }

  /// Matches by distances and by costs between the spaces.
  ///
  /// - Parameters:
  ///   - costs: `[n, m]`.
  ///   - alpha: the share of the distances, from 0 to 1.
  /// - Throws: as the other initializer, `.badSetting` for α out of range.
  public init(
    rowDistances: [Double], columnDistances: [Double], costs: [Double]?, alpha: Double,
    rowMasses: [Double]? = nil, columnMasses: [Double]? = nil
  ) throws(TransportError) {
    func side(_ distances: [Double], _ name: String) throws(TransportError) -> Int {
      let n = Int(Double(distances.count).squareRoot().rounded())
      guard n > 0, n * n == distances.count else {
        throw TransportError(
          .shapeMismatch, "\(distances.count) distances", at: "\(name) distances",
          remedy: "Give n × n of them.")
      }
      for i in 0..<n {
        for j in 0..<n where !(distances[i * n + j] == distances[j * n + i]) {
          let (one, other) = (distances[i * n + j], distances[j * n + i])
          guard abs(one - other) <= 1e-9 * max(abs(one), abs(other)) else {
            throw TransportError(
              .badCost, "one way is \(one), the other \(other)",
              at: "\(name) distances, \(i) and \(j)",
              remedy: "Distances must be finite and the same both ways.")
          }
        }
      }
      return n
    }
    let n = try side(rowDistances, "row")
    let m = try side(columnDistances, "column")
    guard alpha >= 0, alpha <= 1, costs != nil || alpha == 1 else {
      throw TransportError(
        .badSetting, "alpha is \(alpha)", at: "quadratic problem",
        remedy: "Give a share from 0 to 1, and costs where it is below 1.")
    }
    if let costs { _ = try DenseCost(costs, rows: n, columns: m) }
    let greatest = (rowDistances + columnDistances).reduce(0) { max($0, abs($1)) }
    let greatestCost = (costs ?? []).reduce(0) { max($0, abs($1)) }
    magnitude = alpha * 4 * greatest * greatest + (1 - alpha) * greatestCost
    guard magnitude <= CostRange.magnitudeLimit, greatest.isFinite else {
      throw TransportError(
        .badCost, "distances reach \(greatest) and costs \(greatestCost)",
        at: "quadratic problem", remedy: "Scale them down: their squares overflow.")
    }
    self.rowDistances = rowDistances
    self.columnDistances = columnDistances
    self.costs = costs
    self.alpha = alpha
    if let rowMasses { _ = try LinearProblem.total(rowMasses, count: n, side: "row") }
    if let columnMasses { _ = try LinearProblem.total(columnMasses, count: m, side: "column") }
    self.rowMasses = rowMasses ?? Array(repeating: 1 / Double(n), count: n)
    self.columnMasses = columnMasses ?? Array(repeating: 1 / Double(m), count: m)
  }
}

/// The objective `⟨(1 − α) M, P⟩ + α ⟨L(P), P⟩`, where `L` is linear and symmetric:
/// `L(P)_ij = Σ_kl (A_ik − B_jl)² P_kl`.
struct QuadraticObjective {
  let problem: QuadraticProblem
  private let squaredRows: [Double]
  private let squaredColumns: [Double]

  init(_ problem: QuadraticProblem) {
    self.problem = problem
    squaredRows = problem.rowDistances.map { $0 * $0 }
    squaredColumns = problem.columnDistances.map { $0 * $0 }
  }

  /// `L(P)` of a coupling with few entries: one product of matrices, `[n, m]`.
  func loss(_ coupling: SparseCoupling) -> [Double] {
    let (n, m) = (problem.rowCount, problem.columnCount)
    var rows = [Double](repeating: 0, count: n)
    var columns = [Double](repeating: 0, count: m)
    // (A P)ᵀ first, whose rows are sums of rows of A.
    var half = [Double](repeating: 0, count: m * n)
    do {
      var all = half.mutableSpan
      for k in coupling.rows.indices {
        let (i, j, mass) = (coupling.rows[k], coupling.columns[k], coupling.masses[k])
        rows[i] += mass
        columns[j] += mass
        var row = all.part(j * n..<(j + 1) * n)
        CostKernels.accumulate(
          problem.rowDistances.span.extracting(i * n..<(i + 1) * n), scaledBy: mass, into: &row)
      }
    }
    let cross = matrixProduct(problem.columnDistances, half, inner: m)
    return assembled(transposed(cross, rows: m), rows, columns)
  }

  /// `L(P)` of any coupling: two products.
  func loss(_ coupling: [Double]) -> [Double] {
    let (n, m) = (problem.rowCount, problem.columnCount)
    var rows = [Double](repeating: 0, count: n)
    var columns = [Double](repeating: 0, count: m)
    for i in 0..<n {
      for j in 0..<m {
        rows[i] += coupling[i * m + j]
        columns[j] += coupling[i * m + j]
      }
    }
    let half = matrixProduct(problem.rowDistances, coupling, inner: n)
    return assembled(matrixProduct(half, problem.columnDistances, inner: m), rows, columns)
  }

  /// From `A P B` and the marginals of `P`.
  private func assembled(_ cross: [Double], _ rows: [Double], _ columns: [Double]) -> [Double] {
    let (n, m) = (problem.rowCount, problem.columnCount)
    let fromRows = matrixProduct(squaredRows, rows, inner: n)
    let fromColumns = matrixProduct(squaredColumns, columns, inner: m)
    var out = cross
    var view = out.mutableSpan
    for i in 0..<n {
      let a = fromRows[i]
      for j in 0..<m { view[i * m + j] = a + fromColumns[j] - 2 * view[i * m + j] }
    }
    return out
  }

  /// The gradient at a coupling whose `L` is known.
  func gradient(_ loss: [Double]) -> [Double] {
    let scale = 2 * problem.alpha
    guard let costs = problem.costs else { return loss.map { scale * $0 } }
    return loss.indices.map { (1 - problem.alpha) * costs[$0] + scale * loss[$0] }
  }

  /// The objective at a coupling whose `L` is known.
  func value(_ coupling: [Double], _ loss: [Double]) -> Double {
    var sum = CompensatedSum()
    for k in coupling.indices where coupling[k] != 0 {
      let linear = problem.costs.map { (1 - problem.alpha) * $0[k] } ?? 0
      sum.add(coupling[k] * (linear + problem.alpha * loss[k]))
    }
    return sum.value
  }
}
