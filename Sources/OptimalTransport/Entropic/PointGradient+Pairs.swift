// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

extension PointCloud {
  /// `Σ_j P_ij ∇₁c(x_i, y_j)` of each row, `[n, d]`, entry by entry: O((n + entries) d).
  ///
  /// - Parameter isTurned: whether the coupling's columns are this cloud's sources.
  func gradients(of coupling: SparseCoupling, isTurned: Bool) -> [Double] {
    let d = sources.dimensions
    var out = [Double](repeating: 0, count: rowCount * d)
    var span = out.mutableSpan
    for k in coupling.rows.indices {
      let (row, column) = (coupling.rows[k], coupling.columns[k])
      let (i, j) = isTurned ? (column, row) : (row, column)
      var gradient = span.part(i * d..<(i + 1) * d)
      addGradient(i, j, mass: coupling.masses[k], into: &gradient)
    }
    return out
  }

  /// Adds `mass ∇₁c(x_i, y_j)` to `gradient: [d]`; where the cost has a kink, the subgradient 0.
  private func addGradient(
    _ i: Int, _ j: Int, mass: Double, into gradient: inout MutableSpan<Double>
  ) {
    let d = sources.dimensions
    let m = columnCount
    let x = rows.span.extracting(i * d..<(i + 1) * d)
    let y = columns.span
    switch cost {
    case .squaredEuclidean:
      for k in 0..<d { gradient[k] += 2 * mass * (x[k] - y[k * m + j]) }
    case .euclidean:
      var squares = 0.0
      for k in 0..<d { squares += (x[k] - y[k * m + j]) * (x[k] - y[k * m + j]) }
      guard squares > 0 else { return }
      let factor = mass / squares.squareRoot()
      for k in 0..<d { gradient[k] += factor * (x[k] - y[k * m + j]) }
    case .manhattan:
      for k in 0..<d where x[k] != y[k * m + j] {
        gradient[k] += x[k] > y[k * m + j] ? mass : -mass
      }
    case .minkowski(let p, let power):
      // c = s^(q/p), s = Σ|x − y|^p: ∇c = q s^(q/p − 1) |x − y|^(p − 1) sign.
      var sum = 0.0
      for k in 0..<d { sum += pow(abs(x[k] - y[k * m + j]), p) }
      guard sum > 0 else { return }
      let factor = mass * power * pow(sum, power / p - 1)
      for k in 0..<d where x[k] != y[k * m + j] {
        let size = factor * pow(abs(x[k] - y[k * m + j]), p - 1)
        gradient[k] += x[k] > y[k * m + j] ? size : -size
      }
    case .cosine:
      // Both are of length 1 here; x/|x| moves at right angles to itself alone.
      let length = sources[i].reduce(0) { $0 + $1 * $1 }.squareRoot()
      var aligned = 0.0
      for k in 0..<d { aligned += x[k] * y[k * m + j] }
      for k in 0..<d { gradient[k] -= mass * (y[k * m + j] - aligned * x[k]) / length }
    case .custom: preconditionFailure("a custom cost has no derivative")
    }
  }
}
