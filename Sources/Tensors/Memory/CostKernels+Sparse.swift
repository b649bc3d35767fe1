// SPDX-License-Identifier: Apache-2.0

import CKernels

/// The entries of a matrix that matter, row after row.
package struct SparseRows: Sendable {
  /// Where each row's entries begin, and the end of the last: one more than rows.
  package var starts: [Int64] = [0]
  package var columns: [UInt32] = []
  package var values: [Double] = []

  package init() {}

  package var rowCount: Int { starts.count - 1 }

  /// `out[i] = Σ values y[columns]` of row i.
  package func dot(_ y: [Double], into out: inout [Double]) {
    precondition(out.count == rowCount, "\(out.count) for \(rowCount) rows")
    precondition(y.count >= columnsNeeded, "\(y.count) for \(columnsNeeded) columns")
    // SAFETY: every start is within `values`, every column below `y.count` (checked above).
    unsafe ferry_sparse_rows_dot_f64(values, columns, starts, y, &out, rowCount)
  }

  /// `out[column] += value x[i]` of every entry.
  package func add(scaledBy x: [Double], into out: inout [Double]) {
    precondition(x.count == rowCount, "\(x.count) for \(rowCount) rows")
    precondition(out.count >= columnsNeeded, "\(out.count) for \(columnsNeeded) columns")
    // SAFETY: as for `dot`.
    unsafe ferry_sparse_rows_add_f64(values, columns, starts, x, &out, rowCount)
  }

  /// One more than the greatest column; kept up by `append`.
  package private(set) var columnsNeeded = 0

  private var room: (values: [Double], columns: [UInt32]) = ([], [])

  /// Adds a row: the entries `scale·x[j]·w[j]` that are at least `least`, above 0.
  package mutating func append(
    scale: Double, _ x: Span<Double>, _ w: Span<Double>, atLeast least: Double,
    build: KernelBuild = .best
  ) {
    precondition(x.count == w.count, "\(x.count) entries and \(w.count) weights")
    if room.values.count < x.count {
      room = (Array(repeating: 0, count: x.count), Array(repeating: 0, count: x.count))
    }
    let select = unsafe build == .best ? ferry_select_above_f64 : ferry_select_above_f64_generic
    let found = unsafe x.withUnsafeBufferPointer { x in
      unsafe w.withUnsafeBufferPointer { w in
        // SAFETY: both hold `x.count` elements, and there is room for as many.
        unsafe select(
          x.baseAddress, w.baseAddress, scale, least, &room.values, &room.columns, x.count)
      }
    }
    values.append(contentsOf: room.values[..<found])
    columns.append(contentsOf: room.columns[..<found])
    starts.append(Int64(values.count))
    if let last = columns.last { columnsNeeded = max(columnsNeeded, Int(last) + 1) }
  }

  /// The entries that are at least `least`.
  package func filtered(atLeast least: Double) -> SparseRows {
    var kept = SparseRows()
    kept.starts.reserveCapacity(starts.count)
    for i in 0..<rowCount {
      for k in Int(starts[i])..<Int(starts[i + 1]) where values[k] >= least {
        kept.values.append(values[k])
        kept.columns.append(columns[k])
      }
      kept.starts.append(Int64(kept.values.count))
    }
    kept.columnsNeeded = columnsNeeded
    return kept
  }

  /// Adds another's rows after these.
  package mutating func append(_ other: SparseRows) {
    let base = Int64(values.count)
    starts.append(contentsOf: other.starts.dropFirst().map { $0 + base })
    columns.append(contentsOf: other.columns)
    values.append(contentsOf: other.values)
    columnsNeeded = max(columnsNeeded, other.columnsNeeded)
  }
}

/// Sums and counts of entries by their magnitude, sixteen bins an octave from 2⁻⁶⁴.
package struct MagnitudeHistogram: Sendable {
  package private(set) var masses = [Double](repeating: 0, count: Int(FERRY_HISTOGRAM_BINS))
  package private(set) var counts = [Int64](repeating: 0, count: Int(FERRY_HISTOGRAM_BINS))

  package init() {}

  /// Takes in `scale·value` of each value, at least 0.
  package mutating func add(scale: Double, _ values: [Double]) {
    // SAFETY: the bins are as many as the header says.
    unsafe ferry_magnitude_histogram_f64(values, scale, &masses, &counts, values.count)
  }

  /// Where a bin begins.
  package static func lowerBound(_ bin: Int) -> Double {
    Double(sign: .plus, exponent: bin / 16 - 64, significand: 1 + Double(bin % 16) / 16)
  }
}

extension CostKernels {
  /// One iteration of Sinkhorn's scaling of a kernel `[a.count, b.count]`; gives the marginal error
  /// (L1) before it, infinity where a sum leaves 1e-25 to 1e25.
  package static func sinkhornSweep(
    _ kernel: Span<Float>, _ a: [Double], _ b: [Double], u: inout MutableSpan<Double>,
    v: inout [Double], theta: Double, work: inout [Double], build: KernelBuild = .best
  ) -> Double {
    precondition(
      kernel.count == a.count * b.count && u.count == a.count && v.count == b.count
        && work.count >= a.count + 2 * b.count, "\(kernel.count) entries")
    let sweep = unsafe build == .best ? ferry_sinkhorn_sweep_f32 : ferry_sinkhorn_sweep_f32_generic
    return unsafe kernel.withUnsafeBufferPointer { kernel in
      unsafe u.withUnsafeMutableBufferPointer { u in
        // SAFETY: all counts were checked above.
        unsafe sweep(kernel.baseAddress, a, b, u.baseAddress, &v, theta, &work, a.count, b.count)
      }
    }
  }
}
