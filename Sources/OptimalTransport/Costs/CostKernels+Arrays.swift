// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// The same loops writing into arrays: a view lives for one call only, so that a solver's other
/// properties stay free.
extension CostKernels {
  static func gibbsRow(
    _ c: Span<Double>, _ g: Span<Double>, f: Double, rate: Double, into out: inout [Double]
  ) {
    var view = out.mutableSpan
    gibbsRow(c, g, f: f, rate: rate, into: &view)
  }

  static func gibbsAdd(
    _ w: Double, _ c: Span<Double>, _ g: Span<Double>, f: Double, rate: Double,
    into sums: inout [Double]
  ) {
    var view = sums.mutableSpan
    gibbsAdd(w, c, g, f: f, rate: rate, into: &view)
  }

  static func accumulate(
    _ x: Span<Double>, scaledBy scale: Double, into target: inout [Double]
  ) {
    var view = target.mutableSpan
    accumulate(x, scaledBy: scale, into: &view)
  }

  static func raise(_ best: inout [Double], to f: Double, minus c: Span<Double>) {
    var view = best.mutableSpan
    raise(&view, to: f, minus: c)
  }

  static func relax(
    _ c: Span<Double>, minus v: Span<Double>, plus base: Double, row: Int,
    distance: inout [Double], from: inout [Int64]
  ) -> (index: Int, value: Double)? {
    var distances = distance.mutableSpan
    var origins = from.mutableSpan
    return relax(c, minus: v, plus: base, row: row, distance: &distances, from: &origins)
  }
}

extension CostGeometry {
  func fillRow(_ row: Int, into costs: inout [Double]) {
    var view = costs.mutableSpan
    fillRow(row, into: &view)
  }
}
