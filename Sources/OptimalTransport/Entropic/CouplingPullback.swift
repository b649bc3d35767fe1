// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// How something computed from an entropic coupling changes with the problem: the gradient with
/// respect to the coupling's entries, pulled back by the implicit function theorem on the marginal
/// equations to costs and masses.
///
/// O(nm) memory; one solve of a linear system with `[diag(P 1) P; Pᵀ diag(Pᵀ 1)]` each time.
public struct CouplingPullback: Sendable {
  private let coupling: DenseCoupling
  private let rows: [Double]
  private let columns: [Double]
  private let epsilon: Double

  /// Gradients with respect to a problem's inputs.
  public struct Gradient: Sendable {
    /// With respect to the costs, `[n, m]`, row after row.
    public let costs: [Double]
    /// With respect to the rows' masses, `[n]`, along changes that keep the two totals equal.
    public let rowMasses: [Double]
    /// With respect to the columns' masses, `[m]`, likewise.
    public let columnMasses: [Double]
  }

  /// Of a converged balanced solution of `Sinkhorn` or `SinkhornNewton`.
  ///
  /// - Throws: `.badSetting` for a coupling that is not entropic.
  public init(_ solution: TransportSolution) throws(TransportError) {
    guard case .implicit(let entropic) = solution.coupling else {
      throw TransportError(
        .badSetting, "the coupling is not entropic", at: "pullback",
        remedy: "Solve with Sinkhorn: couplings of exact solvers have no derivative.")
    }
    coupling = entropic.dense()
    epsilon = entropic.epsilon
    rows = coupling.applied(to: Array(repeating: 1, count: coupling.columnCount))
    columns = coupling.transposeApplied(to: Array(repeating: 1, count: coupling.rowCount))
  }

  /// The gradient with respect to the inputs from that with respect to the coupling, `[n, m]`, row
  /// after row.
  ///
  /// - Throws: `.shapeMismatch` where there is not one number for each entry; `.notConverged` where
  ///   conjugate gradients do not end, as for ε close to 0.
  public func gradient(of coupled: [Double]) throws(TransportError) -> Gradient {
    let n = coupling.rowCount
    let m = coupling.columnCount
    guard coupled.count == n * m else {
      throw TransportError(
        .shapeMismatch, "\(coupled.count) numbers for \(n * m) entries", at: "pullback",
        remedy: "Give one for each entry, row after row.")
    }
    let products = zip(coupling.masses, coupled).map { $0 * $1 }
    let weighted = DenseCoupling(rowCount: n, columnCount: m, masses: products)
    let rowSums = weighted.applied(to: Array(repeating: 1, count: m))
    let columnSums = weighted.transposeApplied(to: Array(repeating: 1, count: n))
    // Rows eliminated: (diag(c) − Pᵀ diag(1/r) P) μ = q_c − Pᵀ (q_r/r).
    let scaled = (0..<n).map { rows[$0] > 0 ? rowSums[$0] / rows[$0] : 0 }
    let turned = coupling.transposeApplied(to: scaled)
    let mu = try solved((0..<m).map { columnSums[$0] - turned[$0] })
    let through = coupling.applied(to: mu)
    let lambda = (0..<n).map { rows[$0] > 0 ? (rowSums[$0] - through[$0]) / rows[$0] : 0 }
    var costs = products
    for i in 0..<n {
      for j in 0..<m {
        let k = i * m + j
        costs[k] = coupling.masses[k] * (lambda[i] + mu[j] - coupled[k]) / epsilon
      }
    }
    return Gradient(costs: costs, rowMasses: lambda, columnMasses: mu)
  }

  private func solved(_ right: [Double]) throws(TransportError) -> [Double] {
    let m = right.count
    func product(_ y: [Double]) -> [Double] {
      let through = coupling.applied(to: y)
      let back = coupling.transposeApplied(
        to: through.indices.map { rows[$0] > 0 ? through[$0] / rows[$0] : 0 })
      return (0..<m).map { columns[$0] * y[$0] - back[$0] }
    }
    func conditioned(_ r: [Double]) -> [Double] {
      (0..<m).map { columns[$0] > 0 ? r[$0] / columns[$0] : 0 }
    }
    var solution = [Double](repeating: 0, count: m)
    var residual = right
    var z = conditioned(residual)
    var direction = z
    var size = CostKernels.dot(residual.span, z.span)
    let wanted = size * Self.residualRatio * Self.residualRatio
    for _ in 0..<20 * m + 100 {
      guard size > wanted, size > 0 else { return solution }
      let image = product(direction)
      let length = size / CostKernels.dot(direction.span, image.span)
      guard length.isFinite else { break }
      CostKernels.accumulate(direction.span, scaledBy: length, into: &solution)
      CostKernels.accumulate(image.span, scaledBy: -length, into: &residual)
      z = conditioned(residual)
      let next = CostKernels.dot(residual.span, z.span)
      direction = (0..<m).map { z[$0] + next / size * direction[$0] }
      size = next
    }
    guard size <= wanted * 1e12 else {
      throw TransportError(
        .notConverged,
        "conjugate gradients left \((size / wanted).squareRoot()) times the residual",
        at: "pullback, epsilon \(epsilon)",
        remedy: "Raise epsilon, or converge the solution further.")
    }
    return solution
  }

  private static let residualRatio = 1e-14
}
