// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors
import Foundation

/// How a value of transport changes with what it is of: exact derivatives at the solution, by the
/// envelope theorem (a solution's own change does not matter to first order).
///
/// For exact solvers it is a subgradient: the one of the coupling and potentials returned.
public struct TransportGradient: Sendable {
  /// With respect to the sources' coordinates, `[n, d]`, in cost × mass for each unit of length.
  public let sources: [Double]
  /// With respect to the targets' coordinates, `[m, d]`.
  public let targets: [Double]
  /// With respect to the rows' masses, `[n]`: up to a constant, since totals must stay equal; their
  /// mean, weighted by the masses, is 0.
  public let rowMasses: [Double]
  /// With respect to the columns' masses, `[m]`, likewise.
  public let columnMasses: [Double]

  /// Of the regularized value (or the cost, of exact solvers) at a solution of the same cloud.
  ///
  /// The gradient with respect to the costs themselves is the coupling.
  ///
  /// - Throws: `.shapeMismatch` where the solution is of another shape; `.badSetting` for a custom
  ///   cost, whose derivative is not known.
  /// - Complexity: O(nmd).
  public init(
    of solution: TransportSolution, _ cloud: PointCloud, problem: LinearProblem,
    threads: Threads = .cores
  ) throws(TransportError) {
    guard solution.coupling.rowCount == cloud.rowCount,
      solution.coupling.columnCount == cloud.columnCount,
      problem.rowMasses.count == cloud.rowCount, problem.columnMasses.count == cloud.columnCount
    else {
      throw TransportError(
        .shapeMismatch,
        "a solution of \(solution.coupling.rowCount) × \(solution.coupling.columnCount) for a cloud"
          + " of \(cloud.rowCount) × \(cloud.columnCount)", at: "gradient",
        remedy: "Give the cloud and the problem that were solved.")
    }
    let turned = try PointCloud(cloud.targets, cloud.sources, cost: cloud.cost)
    sources = try Self.ofPoints(cloud, solution.coupling, isTurned: false, threads)
    targets = try Self.ofPoints(turned, solution.coupling, isTurned: true, threads)
    rowMasses = Self.centered(solution.rowPotentials, problem.rowMasses)
    columnMasses = Self.centered(solution.columnPotentials, problem.columnMasses)
  }

  private static func centered(_ potentials: [Double], _ masses: [Double]) -> [Double] {
    let mean = CompensatedSum.of(potentials, times: masses) / CompensatedSum.of(masses)
    return potentials.map { $0 - mean }
  }

  /// `Σ_j P_ij ∇₁c(x_i, y_j)` of each row, `[n, d]`.
  static func ofPoints(
    _ cloud: PointCloud, _ coupling: Coupling, isTurned: Bool, _ threads: Threads
  ) throws(TransportError) -> [Double] {
    if case .custom = cloud.cost {
      throw TransportError(
        .badSetting, "a custom cost has no derivative here", at: "gradient",
        remedy: "Take one of the other costs, or differentiate the coupling's sum yourself.")
    }
    let n = cloud.rowCount
    let m = cloud.columnCount
    let d = cloud.sources.dimensions
    if case .sparse(let sparse) = coupling {
      return cloud.gradients(of: sparse, isTurned: isTurned)
    }
    let rows = CouplingRows(coupling, isTurned: isTurned)
    let parts = RowParts(rows: n, columns: m)
    let out = SharedBuffer<Double>(count: n * d)
    threads.forEach(
      parts.count,
      with: (
        SharedBuffer<Double>(count: m), SharedBuffer<Double>(count: m), RowSource(rows.geometry)
      )
    ) { state, part in
      let (masses, costs) = (state.0, state.1)
      for i in parts[part] {
        rows.fill(i, &state.2, into: masses)
        var gradient = out.part(i * d..<(i + 1) * d)
        cloud.addGradients(i, masses: masses, work: costs, into: &gradient)
      }
    }
    return out.array()
  }
}

/// Rows of a coupling that is not sparse, or of its transpose.
private struct CouplingRows: Sendable {
  private let coupling: Coupling
  private let isTurned: Bool
  /// Where rows of costs come from; of an implicit coupling alone.
  let geometry: any CostGeometry

  init(_ coupling: Coupling, isTurned: Bool) {
    self.coupling = coupling
    self.isTurned = isTurned
    var geometry: any CostGeometry = NoCost()
    if case .implicit(let entropic) = coupling {
      geometry = isTurned ? TurnedCost(entropic.geometry) : entropic.geometry
    }
    self.geometry = geometry
  }

  func fill(_ i: Int, _ source: inout RowSource, into row: SharedBuffer<Double>) {
    var masses = row.part(0..<row.count)
    switch coupling {
    case .dense(let dense):
      for j in masses.indices { masses[j] = isTurned ? dense[j, i] : dense[i, j] }
    case .sparse: preconditionFailure("sparse couplings go entry by entry")
    case .implicit(let entropic):
      let (f, g) = isTurned ? (entropic.g, entropic.f) : (entropic.f, entropic.g)
      let (a, b) = isTurned ? (entropic.b, entropic.a) : (entropic.a, entropic.b)
      source.load(i)
      CostKernels.gibbsRow(
        source.current, g.span, f: f[i], rate: 1 / entropic.epsilon, into: &masses)
      CostKernels.multiply(&masses, by: b.span)
      for j in masses.indices { masses[j] *= a[i] }
    }
  }
}

private struct NoCost: CostGeometry {
  var rowCount: Int { 1 }
  var columnCount: Int { 1 }
  func fillRow(_ row: Int, into costs: inout MutableSpan<Double>) {}
}

/// A geometry with rows and columns exchanged.
struct TurnedCost: CostGeometry {
  private let cloud: any CostGeometry

  init(_ geometry: any CostGeometry) {
    if let points = geometry as? PointCloud,
      let turned = try? PointCloud(points.targets, points.sources, cost: points.turnedCost)
    {
      cloud = turned
    } else {
      let n = geometry.rowCount
      let m = geometry.columnCount
      var costs = [Double](repeating: 0, count: n * m)
      var source = RowSource(geometry)
      for i in 0..<n {
        source.load(i)
        let row = source.current
        for j in 0..<m { costs[j * n + i] = row[j] }
      }
      guard let dense = try? DenseCost(costs, rows: m, columns: n) else {
        preconditionFailure("a solved problem has finite costs")
      }
      cloud = dense
    }
  }

  var rowCount: Int { cloud.rowCount }
  var columnCount: Int { cloud.columnCount }
  func fillRow(_ row: Int, into costs: inout MutableSpan<Double>) {
    cloud.fillRow(row, into: &costs)
  }
}

extension PointCloud {
  /// The cost of a target and a source.
  var turnedCost: PointCost {
    if case .custom(let function) = cost { return .custom { function($1, $0) } }
    return cost
  }

  /// Adds `Σ_j masses_j ∇₁c(x_i, y_j)` to `gradient: [d]`, `work: [m]` overwritten.
  func addGradients(
    _ i: Int, masses: SharedBuffer<Double>, work: SharedBuffer<Double>,
    into gradient: inout MutableSpan<Double>
  ) {
    let d = sources.dimensions
    let m = masses.count
    let x = rows.span.extracting(i * d..<(i + 1) * d)
    var factors = work.part(0..<m)
    switch cost {
    case .euclidean, .minkowski: fillRow(i, into: &factors)
    default: break
    }
    let weights = masses.span
    switch cost {
    case .squaredEuclidean:
      for j in 0..<m { factors[j] = 2 * weights[j] }
    case .euclidean:
      // At a distance of 0 the subgradient 0.
      for j in 0..<m { factors[j] = factors[j] > 0 ? weights[j] / factors[j] : 0 }
    case .minkowski(let p, let power):
      // c = s^(q/p), s = Σ|x − y|^p: ∇c = q s^(q/p − 1) |x − y|^(p − 1) sign.
      for j in 0..<m {
        let c = factors[j]
        factors[j] = c > 0 ? weights[j] * power * pow(c, 1 - p / power) : 0
      }
    default:
      for j in 0..<m { factors[j] = weights[j] }
    }
    var aligned = 0.0
    for k in 0..<d {
      let y = columns.span.extracting(k * m..<(k + 1) * m)
      var sum = 0.0
      switch cost {
      case .squaredEuclidean, .euclidean:
        sum = Self.weighted(factors.span, x[k], minus: y)
      case .manhattan:
        for j in 0..<m where x[k] != y[j] { sum += x[k] > y[j] ? factors[j] : -factors[j] }
      case .minkowski(let p, _):
        for j in 0..<m where x[k] != y[j] && factors[j] != 0 {
          let size = pow(abs(x[k] - y[j]), p - 1) * factors[j]
          sum += x[k] > y[j] ? size : -size
        }
      case .cosine:
        for j in 0..<m { sum -= factors[j] * y[j] }
        aligned += sum * x[k]
      case .custom: break
      }
      gradient[k] += sum
    }
    if case .cosine = cost {
      // x/|x| moves at right angles to itself alone.
      let length = sources[i].reduce(0) { $0 + $1 * $1 }.squareRoot()
      for k in 0..<d { gradient[k] = (gradient[k] - aligned * x[k]) / length }
    }
  }
  /// `Σ w_j (x − y_j)`, in four sums at once: one alone waits for itself at every step.
  private static func weighted(_ w: Span<Double>, _ x: Double, minus y: Span<Double>) -> Double {
    var sums = SIMD4<Double>.zero
    let whole = w.count & ~3
    for j in stride(from: 0, to: whole, by: 4) {
      let weights = SIMD4<Double>(w[j], w[j + 1], w[j + 2], w[j + 3])
      let columns = SIMD4<Double>(y[j], y[j + 1], y[j + 2], y[j + 3])
      sums += weights * (x - columns)
    }
    var sum = sums.sum()
    for j in whole..<w.count { sum += w[j] * (x - y[j]) }
    return sum
  }
}
