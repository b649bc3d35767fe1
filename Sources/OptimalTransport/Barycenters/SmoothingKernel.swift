// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

/// The kernel `K = exp(−C/ε)` of a symmetric cost, as barycenters use it: products with it, and the
/// same with logarithms where those vanish.
protocol SmoothingKernel: Sendable {
  var count: Int { get }
  /// `K x`; `scratch` has as many elements.
  func product(
    _ x: Span<Double>, into out: inout MutableSpan<Double>, scratch: inout MutableSpan<Double>)
  /// `ε log Σ_j exp((h_j − C_ij)/ε)`.
  func softMaximum(_ h: [Double]) -> [Double]
}

/// A kernel whose entries are held.
struct DenseKernel: SmoothingKernel {
  let count: Int
  private let epsilon: Double
  private let kernel: [Double]
  private let source: RowSource

  init(_ geometry: any CostGeometry, epsilon: Double) throws(TransportError) {
    let n = geometry.rowCount
    count = n
    self.epsilon = epsilon
    source = try RowSource(holding: geometry)
    var entries = [Double](repeating: 0, count: n * n)
    let zeros = [Double](repeating: 0, count: n)
    var rows = source
    for i in 0..<n {
      rows.load(i)
      var all = entries.mutableSpan
      var row = all.part(i * n..<(i + 1) * n)
      CostKernels.gibbsRow(rows.current, zeros.span, f: 0, rate: 1 / epsilon, into: &row)
    }
    kernel = entries
  }

  func product(
    _ x: Span<Double>, into out: inout MutableSpan<Double>, scratch: inout MutableSpan<Double>
  ) {
    for i in 0..<count {
      out[i] = CostKernels.dot(kernel.span.extracting(i * count..<(i + 1) * count), x)
    }
  }

  func softMaximum(_ h: [Double]) -> [Double] {
    let ones = [Double](repeating: 1, count: count)
    var rows = source
    return (0..<count).map { i in
      rows.load(i)
      let least = CostKernels.least(rows.current, minus: h.span)!.value
      let sum = CostKernels.gibbsSum(
        ones.span, rows.current, h.span, f: least, rate: 1 / epsilon)
      return epsilon * log(sum) - least
    }
  }
}

/// The kernel of squared distances on a grid: one product along each axis, O(n^{1 + 1/d}).
struct GridKernel: SmoothingKernel {
  let rows: Int
  let columns: Int
  private let epsilon: Double
  private let spacing: Double
  private let along: (rows: [Double], columns: [Double])
  var count: Int { rows * columns }

  init(rows: Int, columns: Int, spacing: Double, epsilon: Double) {
    self.rows = rows
    self.columns = columns
    self.epsilon = epsilon
    self.spacing = spacing
    func kernel(_ n: Int) -> [Double] {
      (0..<n * n).map { at in
        let distance = Double(at / n - at % n) * spacing
        return exp(-distance * distance / epsilon)
      }
    }
    along = (kernel(rows), kernel(columns))
  }

  func product(
    _ x: Span<Double>, into out: inout MutableSpan<Double>, scratch: inout MutableSpan<Double>
  ) {
    MatrixKernels.product(along.rows.span, x, inner: rows, into: &scratch)
    MatrixKernels.product(scratch.span, along.columns.span, inner: columns, into: &out)
  }

  func softMaximum(_ h: [Double]) -> [Double] {
    let first = softAlongRows(h, lines: rows, length: columns)
    let turned = softAlongRows(transposed(first, rows: rows), lines: columns, length: rows)
    return transposed(turned, rows: columns)
  }

  private func softAlongRows(_ h: [Double], lines: Int, length: Int) -> [Double] {
    let ones = [Double](repeating: 1, count: length)
    var out = [Double](repeating: 0, count: h.count)
    var costs = [Double](repeating: 0, count: length)
    for i in 0..<length {
      for j in 0..<length {
        let distance = Double(i - j) * spacing
        costs[j] = distance * distance
      }
      for line in 0..<lines {
        let row = h.span.extracting(line * length..<(line + 1) * length)
        guard let (_, least) = CostKernels.least(costs.span, minus: row) else {
          out[line * length + i] = -.infinity
          continue
        }
        let sum = CostKernels.gibbsSum(ones.span, costs.span, row, f: least, rate: 1 / epsilon)
        out[line * length + i] = epsilon * log(sum) - least
      }
    }
    return out
  }
}
