// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// How much mass goes from each row to each column (texts say *plan*), in one of three forms.
public enum Coupling: Sendable {
  /// Every entry, held.
  case dense(DenseCoupling)
  /// The entries with mass, held.
  case sparse(SparseCoupling)
  /// Potentials and a geometry, from which entries are worked out.
  case implicit(EntropicCoupling)

  /// How many rows there are.
  public var rowCount: Int {
    switch self {
    case .dense(let coupling): coupling.rowCount
    case .sparse(let coupling): coupling.rowCount
    case .implicit(let coupling): coupling.geometry.rowCount
    }
  }

  /// How many columns there are.
  public var columnCount: Int {
    switch self {
    case .dense(let coupling): coupling.columnCount
    case .sparse(let coupling): coupling.columnCount
    case .implicit(let coupling): coupling.geometry.columnCount
    }
  }

  /// `P x`, `[n]`, of a vector `x: [m]`, without forming `P`.
  ///
  /// - Throws: `.shapeMismatch` where `x` has another count.
  public func applied(to x: [Double]) throws(TransportError) -> [Double] {
    try requireCount(x, columnCount, "columns")
    return switch self {
    case .dense(let coupling): coupling.applied(to: x)
    case .sparse(let coupling): coupling.applied(to: x)
    case .implicit(let coupling): coupling.applied(to: x)
    }
  }

  /// `Pᵀ x`, `[m]`, of a vector `x: [n]`, without forming `P`.
  ///
  /// - Throws: `.shapeMismatch` where `x` has another count.
  public func transposeApplied(to x: [Double]) throws(TransportError) -> [Double] {
    try requireCount(x, rowCount, "rows")
    return switch self {
    case .dense(let coupling): coupling.transposeApplied(to: x)
    case .sparse(let coupling): coupling.transposeApplied(to: x)
    case .implicit(let coupling): coupling.transposeApplied(to: x)
    }
  }

  /// Every entry; O(nm) memory.
  public func dense() -> DenseCoupling {
    switch self {
    case .dense(let coupling): coupling
    case .sparse(let coupling): coupling.dense()
    case .implicit(let coupling): coupling.dense()
    }
  }

  private func requireCount(
    _ x: [Double], _ count: Int, _ side: String
  ) throws(TransportError) {
    guard x.count == count else {
      throw TransportError(
        .shapeMismatch, "a vector of \(x.count) for \(count) \(side)", at: "coupling",
        remedy: "Give one number for each of the \(side).")
    }
  }
}

/// A coupling with every entry held.
public struct DenseCoupling: Sendable, Equatable {
  public let rowCount: Int
  public let columnCount: Int
  /// Mass of each entry, `[rowCount, columnCount]`, row after row.
  public let masses: [Double]

  /// The mass from a row to a column.
  public subscript(row: Int, column: Int) -> Double { masses[row * columnCount + column] }

  func applied(to x: [Double]) -> [Double] {
    (0..<rowCount).map { i in
      CostKernels.dot(masses.span.extracting(i * columnCount..<(i + 1) * columnCount), x.span)
    }
  }

  func transposeApplied(to x: [Double]) -> [Double] {
    var sums = [Double](repeating: 0, count: columnCount)
    for i in 0..<rowCount {
      let row = masses.span.extracting(i * columnCount..<(i + 1) * columnCount)
      CostKernels.accumulate(row, scaledBy: x[i], into: &sums)
    }
    return sums
  }
}

/// A coupling with only its entries above 0 held, row after row.
public struct SparseCoupling: Sendable, Equatable {
  public let rowCount: Int
  public let columnCount: Int
  /// Each entry's row, ascending.
  public let rows: [Int]
  /// Each entry's column.
  public let columns: [Int]
  /// Each entry's mass, above 0.
  public let masses: [Double]

  func applied(to x: [Double]) -> [Double] {
    var sums = [Double](repeating: 0, count: rowCount)
    for k in rows.indices { sums[rows[k]] += masses[k] * x[columns[k]] }
    return sums
  }

  func transposeApplied(to x: [Double]) -> [Double] {
    var sums = [Double](repeating: 0, count: columnCount)
    for k in rows.indices { sums[columns[k]] += masses[k] * x[rows[k]] }
    return sums
  }

  func dense() -> DenseCoupling {
    var all = [Double](repeating: 0, count: rowCount * columnCount)
    for k in rows.indices { all[rows[k] * columnCount + columns[k]] += masses[k] }
    return DenseCoupling(rowCount: rowCount, columnCount: columnCount, masses: all)
  }
}

/// The coupling `P_ij = a_i b_j exp((f_i + g_j − C_ij)/ε)`: O(n + m) memory beside its geometry.
public struct EntropicCoupling: Sendable {
  /// What moving costs.
  public let geometry: any CostGeometry
  let f: [Double]
  let g: [Double]
  let a: [Double]
  let b: [Double]
  /// The entropic strength ε, in the unit of cost.
  public let epsilon: Double

  func applied(to x: [Double]) -> [Double] {
    let weighted = zip(b, x).map { $0 * $1 }
    var rows = RowSource(geometry)
    return f.indices.map { i in
      rows.load(i)
      return a[i]
        * CostKernels.gibbsSum(weighted.span, rows.current, g.span, f: f[i], rate: 1 / epsilon)
    }
  }

  func transposeApplied(to x: [Double]) -> [Double] {
    var sums = [Double](repeating: 0, count: g.count)
    var rows = RowSource(geometry)
    for i in f.indices {
      rows.load(i)
      CostKernels.gibbsAdd(
        a[i] * x[i], rows.current, g.span, f: f[i], rate: 1 / epsilon, into: &sums)
    }
    return zip(b, sums).map { $0 * $1 }
  }

  func dense() -> DenseCoupling {
    var all = [Double](repeating: 0, count: f.count * g.count)
    var rows = RowSource(geometry)
    for i in f.indices {
      rows.load(i)
      var view = all.mutableSpan
      var row = view.part(i * g.count..<(i + 1) * g.count)
      CostKernels.gibbsRow(rows.current, g.span, f: f[i], rate: 1 / epsilon, into: &row)
      for j in row.indices { row[j] *= a[i] * b[j] }
    }
    return DenseCoupling(rowCount: f.count, columnCount: g.count, masses: all)
  }
}
