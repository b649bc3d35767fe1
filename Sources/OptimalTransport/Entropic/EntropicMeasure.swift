// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors
import Foundation

/// What an entropic coupling is and costs, measured at its potentials: marginals, cost, primal and
/// dual.
struct EntropicMeasure {
  let problem: LinearProblem
  let penalties: (rows: MarginalPenalty, columns: MarginalPenalty)
  let epsilon: Double
  let potentials: Potentials
  /// `P 1`, `[n]`.
  let rows: [Double]
  /// `Pᵀ 1`, `[m]`.
  let columns: [Double]
  /// `⟨C, P⟩`.
  let cost: Double

  /// Measures in one pass over the costs, in f64.
  init(
    _ problem: LinearProblem, penalties: (MarginalPenalty, MarginalPenalty), epsilon: Double,
    potentials: Potentials, threads: Threads
  ) {
    let a = problem.rowMasses
    let b = problem.columnMasses
    let m = b.count
    let parts = RowParts(rows: a.count, columns: m)
    let rowSums = SharedBuffer<Double>(count: a.count)
    let costs = SharedBuffer<Double>(count: a.count)
    let partSums = SharedBuffer<Double>(count: parts.count * m)
    let source = RowSource(problem.geometry)
    threads.forEach(
      parts.count, with: (source, SharedBuffer<Double>(count: m))
    ) { state, part in
      var columns = partSums.part(part * m..<(part + 1) * m)
      for i in parts[part] where a[i] > 0 {
        state.0.load(i)
        var entries = state.1.part(0..<m)
        CostKernels.gibbsRow(
          state.0.current, potentials.columns.span, f: potentials.rows[i], rate: 1 / epsilon,
          into: &entries)
        CostKernels.multiply(&entries, by: b.span)
        let (mass, cost) = CostKernels.sumAndDot(state.1.span, state.0.current)
        rowSums[i] = a[i] * mass
        costs[i] = a[i] * cost
        CostKernels.accumulate(state.1.span, scaledBy: a[i], into: &columns)
      }
    }
    var columns = [Double](repeating: 0, count: m)
    for part in 0..<parts.count {
      let own = partSums.span.extracting(part * m..<(part + 1) * m)
      for j in 0..<m { columns[j] += own[j] }
    }
    self.problem = problem
    self.penalties = penalties
    self.epsilon = epsilon
    self.potentials = potentials
    self.columns = columns
    rows = rowSums.array()
    cost = CompensatedSum.of(costs.array())
  }

  /// What was measured in another way.
  init(
    _ problem: LinearProblem, penalties: (MarginalPenalty, MarginalPenalty), epsilon: Double,
    potentials: Potentials, rows: [Double], columns: [Double], cost: Double
  ) {
    self.problem = problem
    self.penalties = penalties
    self.epsilon = epsilon
    self.potentials = potentials
    self.rows = rows
    self.columns = columns
    self.cost = cost
  }

  /// The certificate, and the coupling it is of.
  func solution(iterations: Int, tolerance: Double) -> TransportSolution {
    let a = problem.rowMasses
    let b = problem.columnMasses
    let moved = CompensatedSum.of(rows)
    // ε KL(P ‖ a bᵀ) from P's own form: ⟨P, f + g − C⟩ − ε·mass(P) + ε·mass(a)·mass(b).
    let entropy = epsilon * (CompensatedSum.of(a) * CompensatedSum.of(b) - moved)
    var primal = CompensatedSum()
    var dual = CompensatedSum()
    func add(
      _ penalty: MarginalPenalty, _ masses: [Double], _ reached: [Double], _ potentials: [Double]
    ) -> [Double] {
      masses.indices.map { i in
        guard masses[i] > 0 else { return 0 }
        primal.add(reached[i] * potentials[i])
        primal.add(penalty.penalty(of: reached[i], mass: masses[i]))
        dual.add(penalty.dual(at: potentials[i], mass: masses[i]))
        return penalty.marginal(at: potentials[i], mass: masses[i], reached: reached[i])
      }
    }
    let wantedRows = add(penalties.rows, a, rows, potentials.rows)
    let wantedColumns = add(penalties.columns, b, columns, potentials.columns)
    let certificate = Certificate(
      primal: primal.value + entropy, dual: dual.value + entropy, coupled: rows, columns,
      problem: wantedRows, wantedColumns)
    let coupling = EntropicCoupling(
      geometry: problem.geometry, f: potentials.rows, g: potentials.columns, a: a, b: b,
      epsilon: epsilon)
    return TransportSolution(
      coupling: .implicit(coupling), rowPotentials: potentials.rows,
      columnPotentials: potentials.columns, transportCost: cost, certificate: certificate,
      iterations: iterations,
      isConverged: certificate.marginalError <= tolerance * problem.mass)
  }
}

/// Dual potentials of both sides, in the unit of cost.
public struct Potentials: Sendable, Equatable {
  /// Of the rows, `f: [n]`.
  public var rows: [Double]
  /// Of the columns, `g: [m]`.
  public var columns: [Double]

  /// Potentials `f: [n]` and `g: [m]`.
  public init(rows: [Double], columns: [Double]) {
    self.rows = rows
    self.columns = columns
  }

  func require(rows n: Int, columns m: Int) throws(TransportError) {
    guard rows.count == n, columns.count == m else {
      throw TransportError(
        .shapeMismatch,
        "\(rows.count) and \(columns.count) potentials for \(n) rows and \(m) columns",
        at: "initial potentials", remedy: "Give one for each row and column.")
    }
    guard rows.allSatisfy(\.isFinite), columns.allSatisfy(\.isFinite) else {
      throw TransportError(
        .badSetting, "a potential is not finite", at: "initial potentials",
        remedy: "Give finite potentials, or none.")
    }
  }
}

extension TransportSolution {
  /// The potentials of both sides, as another solver may start from them.
  public var potentials: Potentials {
    Potentials(rows: rowPotentials, columns: columnPotentials)
  }
}
