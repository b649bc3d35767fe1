// SPDX-License-Identifier: Apache-2.0

import FerryBasics
public import FerryOptimalTransport
import Foundation

/// A layer that shares rows out to columns at least cost and with even loads: costs `[n, m]` to the
/// entropic coupling `[n, m]` of given masses, for routers and soft labels.
///
/// The coupling is found in f64 outside the engine; gradients by the costs are those of the implicit
/// function theorem on its marginals, exact at the solution, whatever the solver's iterations were.
/// Gradients by masses are not given.
///
/// - Complexity: besides the solver O(k³ + nmk) for the lesser k of n and m, once for any number of
///   backward passes.
public struct SoftAssignment: Sendable {
  /// How the coupling is found; a tolerance well below the accuracy wanted of gradients.
  public var solver: Sinkhorn

  /// A layer by a solver.
  public init(_ solver: Sinkhorn) { self.solver = solver }

  /// The coupling of costs `[n, m]`.
  ///
  /// - Parameters:
  ///   - rowMasses: `[n]`, at least 0; nil is equal masses, with the other side's total or 1.
  ///   - columnMasses: `[m]`, likewise.
  /// - Throws: `LearningError.shapeMismatch` for costs of other than two axes, else as
  ///   `Sinkhorn.solve`; `TransportError.notConverged` also where ε is so small that the coupling
  ///   falls into parts and has no derivative.
  public func callAsFunction(
    _ costs: Tensor, rowMasses: [Double]? = nil, columnMasses: [Double]? = nil
  ) throws -> Tensor {
    let shape = costs.shape
    guard shape.count == 2 else {
      throw LearningError(
        .shapeMismatch, "\(shape) is no table of costs", place: "soft assignment",
        remedy: "Give [rows, columns].")
    }
    guard shape[0] >= shape[1] else {
      return try self(costs.transposed(), rowMasses: columnMasses, columnMasses: rowMasses)
        .transposed()
    }
    let (n, m) = (shape[0], shape[1])
    let problem = try LinearProblem(
      DenseCost(costs.floats().map(Double.init), rows: n, columns: m), rowMasses: rowMasses,
      columnMasses: columnMasses)
    let solution = try solver.solve(problem)
    guard case .implicit(let entropic) = solution.coupling else {
      preconditionFailure("entropic couplings are implicit")
    }
    let masses = solution.coupling.dense().masses
    let shares = try Self.shares(masses, rows: n)
    let response = try Self.response(masses, shares, rows: n, epsilon: entropic.epsilon)
    let coupling = try Tensor(masses.map { Float($0) }, shape: shape)
    // dP = P (dλ + dμ − dC)/ε, where dλ and dμ keep the marginals.
    let change = try costs - costs.withoutGradient()
    let flow = try coupling * change
    let give = try flow.sum([1], keepingAxes: true)
    let shareOf = try Tensor(shares.map { Float($0) }, shape: shape)
    let left = try flow.sum([0], keepingAxes: true) - (shareOf * give).sum([0], keepingAxes: true)
    let columns = try left.matmul(Tensor(response.map { Float($0) }, shape: [m, m]))
    let perRow = try Tensor(
      problem.rowMasses.map { $0 > 0 ? Float(1 / $0) : 0 }, shape: [n, 1])
    let rows = try give * perRow - (shareOf * columns).sum([1], keepingAxes: true)
    return try coupling + coupling * (rows + columns - change) / Float(entropic.epsilon)
  }

  /// Each row's shares: entries over the row's sum.
  private static func shares(_ masses: [Double], rows n: Int) throws -> [Double] {
    let m = masses.count / n
    var shares = masses
    for i in 0..<n {
      let row = i * m..<(i + 1) * m
      let sum = masses[row].reduce(0, +)
      for k in row { shares[k] = sum > 0 ? masses[k] / sum : 0 }
    }
    return shares
  }

  /// The inverse of `diag(c) − Pᵀ diag(1/r) P` on what sums to 0, `[m, m]`, by Cholesky.
  private static func response(
    _ masses: [Double], _ shares: [Double], rows n: Int, epsilon: Double
  ) throws -> [Double] {
    let m = masses.count / n
    var matrix = [Double](repeating: 0, count: m * m)
    var total = 0.0
    for i in 0..<n {
      for j in 0..<m {
        let mass = masses[i * m + j]
        guard mass > 0 else { continue }
        matrix[j * m + j] += mass
        total += mass
        for k in 0..<m { matrix[j * m + k] -= mass * shares[i * m + k] }
      }
    }
    // The same for all columns changes nothing: that direction is given a size of its own.
    let even = total / Double(m * m)
    for k in matrix.indices { matrix[k] += even }
    return try inverse(matrix, m, epsilon: epsilon)
  }

  /// Of a symmetric matrix with eigenvalues above 0.
  private static func inverse(
    _ matrix: [Double], _ m: Int, epsilon: Double
  ) throws(TransportError) -> [Double] {
    var lower = matrix
    let floor = 1e-12 * (0..<m).reduce(0) { max($0, matrix[$1 * m + $1]) }
    for j in 0..<m {
      for i in j..<m {
        var sum = lower[i * m + j]
        for k in 0..<j { sum -= lower[i * m + k] * lower[j * m + k] }
        if i == j {
          guard sum > floor else {
            throw TransportError(
              .notConverged, "the coupling falls into parts, and has no derivative",
              at: "soft assignment, epsilon \(epsilon)", remedy: "Raise epsilon.")
          }
          lower[i * m + i] = sum.squareRoot()
        } else {
          lower[i * m + j] = sum / lower[j * m + j]
        }
      }
    }
    var inverse = [Double](repeating: 0, count: m * m)
    for column in 0..<m {
      var x = [Double](repeating: 0, count: m)
      for i in column..<m {
        var sum = i == column ? 1.0 : 0
        for k in column..<i { sum -= lower[i * m + k] * x[k] }
        x[i] = sum / lower[i * m + i]
      }
      for i in stride(from: m - 1, through: 0, by: -1) {
        var sum = x[i]
        for k in i + 1..<m { sum -= lower[k * m + i] * x[k] }
        x[i] = sum / lower[i * m + i]
      }
      for i in 0..<m { inverse[i * m + column] = x[i] }
    }
    return inverse
  }
}
