// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

extension SinkhornRun {
  /// The best constant between the potentials of the two sides, where both may miss their mass: else
  /// it would be found at the rate `ρ/(ρ + ε)` (Séjourné, Vialard and Peyré 2022, proposition 3). The
  /// kernel stays the same.
  mutating func translate() {
    guard rowSide.penalty != .exact || columnSide.penalty != .exact else { return }
    guard
      let rows = shifted(rowSide, potentials(f, u.span)),
      let columns = shifted(columnSide, potentials(g, v.span)), rows.slope + columns.slope > 0
    else { return }
    let shift: Double
    if case (.some(let row), .some(let column)) = (rows.logarithmic, columns.logarithmic) {
      // Kullback–Leibler, or exact: in closed form.
      shift = log(rows.mass / columns.mass) / (row + column)
    } else {
      // Newton's step, which is exact for squares.
      shift = (rows.mass - columns.mass) / (rows.slope + columns.slope)
    }
    guard shift.isFinite else { return }
    for i in f.indices { f[i] += shift }
    for j in g.indices { g[j] -= shift }
  }

  /// `f + ε log u`.
  private func potentials(_ f: [Double], _ u: Span<Double>) -> [Double] {
    var all = f
    var view = all.mutableSpan
    CostKernels.logarithms(u, into: &view)
    for i in f.indices { all[i] = f[i] + epsilon * all[i] }
    return all
  }

  /// The mass that potentials ask for, how it falls as they rise, and 1/ρ where that is exponential;
  /// nil where it is neither smooth nor constant.
  private func shifted(
    _ side: MarginalSide, _ potentials: [Double]
  ) -> (mass: Double, slope: Double, logarithmic: Double?)? {
    let a = side.masses
    switch side.penalty {
    case .exact: return (CompensatedSum.of(a), 0, 0)
    case .kullbackLeibler(let rho):
      let exponents = potentials.map { -$0 / rho }
      var factors = exponents
      var view = factors.mutableSpan
      CostKernels.exponentials(exponents.span, into: &view)
      let mass = CostKernels.dot(factors.span, a.span)
      return (mass, mass / rho, 1 / rho)
    case .squares(let rho):
      var mass = 0.0
      var slope = 0.0
      for i in a.indices where potentials[i] < rho * a[i] {
        mass += a[i] - potentials[i] / rho
        slope += 1 / rho
      }
      return (mass, slope, nil)
    case .totalVariation: return nil
    }
  }
}
