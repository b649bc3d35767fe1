// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Barycentric weak transport: minimizes `Σ_i a_i ‖x_i − Σ_j P_ij y_j / a_i‖²` over couplings: only
/// where mass goes on average counts (Gozlan et al. 2017; Backhoff-Veraguas, Beiglböck and Pammer
/// 2019).
///
/// Convex, so that conditional gradient has a bound: the objective is within `certificate.gap` of
/// the least. Each step adds the coupling that the gradient likes best, and then moves weight among
/// those so far, from the worst to the best, until that gains little beside the gap (Lacoste-Julien and
/// Jaggi 2015, algorithms 2 and 4).
public struct WeakTransport: Sendable {
  /// The gap to reach, as a share of the mean squared distance of the clouds.
  public var tolerance: Double
  /// How many steps are made at most.
  public var iterationsMax: Int
  /// What happens at `iterationsMax`.
  public var unfinished: Unfinished

  public init(
    tolerance: Double = 1e-6, iterationsMax: Int = 10_000, unfinished: Unfinished = .fails
  ) {
    self.tolerance = tolerance
    self.iterationsMax = iterationsMax
    self.unfinished = unfinished
  }

  /// How much of the gap may be left among the couplings so far.
  private static let settledShare = 0.1

  /// The coupling found, and what proves it.
  public struct Solution: Sendable {
    /// Every entry.
    public let coupling: DenseCoupling
    /// Where each row's mass goes on average, `[n, d]`; a row without mass stays.
    public let images: Points
    /// The objective, and a bound from below.
    public let certificate: Certificate
    /// Steps.
    public let iterations: Int
    /// Whether the gap meets the tolerance.
    public let isConverged: Bool
  }

  /// - Parameters:
  ///   - rowMasses: `[n]`, at least 0; nil is equal masses, with the other side's total or 1.
  ///   - columnMasses: `[m]`, likewise.
  /// - Throws: as `LinearProblem` and `NetworkSimplex`, `.badSetting`, `.notConverged` at the limit of steps.
  public func solve(
    _ x: Points, _ y: Points, rowMasses: [Double]? = nil, columnMasses: [Double]? = nil
  ) throws(TransportError) -> Solution {
    try checkTolerance(tolerance, at: "weak transport")
    let cloud = try PointCloud(x, y)
    let problem = try LinearProblem(cloud, rowMasses: rowMasses, columnMasses: columnMasses)
    let range = try CostRange(of: cloud)
    let (n, m, d) = (x.count, y.count, x.dimensions)
    let a = problem.rowMasses
    // From the best coupling at the cost itself.
    let first = try Self.best(problem)
    var mix = CouplingMix(first, way: ways(first, x, y, a), rowMasses: a, columnCount: m)
    let byCoordinate = y.byCoordinate
    let target = tolerance * max(range.mean * problem.mass, .leastNormalMagnitude)
    var (objective, gap) = (0.0, 0.0)
    var steps = 0
    while true {
      try checkCancelled("weak transport", error: steps == 0 ? nil : gap)
      // The gradient of P_ij is 2 ⟨way_i, y_j⟩.
      let gradient = matrixProduct(mix.way.map { 2 * $0 }, byCoordinate, inner: d)
      let vertex = try Self.best(
        LinearProblem(
          DenseCost(gradient, rows: n, columns: m), rowMasses: a,
          columnMasses: problem.columnMasses))
      let end = ways(vertex, x, y, a)
      objective = 0
      gap = 0
      for k in end.indices {
        let way = mix.way[k]
        objective += a[k / d] * way * way
        gap += 2 * a[k / d] * way * (way - end[k])
      }
      if gap <= target || steps >= iterationsMax { break }
      steps += 1
      mix.add(vertex, way: end)
      mix.settle(until: gap * Self.settledShare)
    }
    let coupling = mix.coupling
    let isConverged = gap <= target
    guard isConverged || unfinished == .isReturned else {
      throw TransportError(
        .notConverged, "after \(steps) steps the gap is \(gap); \(target) was asked for",
        at: "weak transport", remedy: "Raise iterationsMax or tolerance.")
    }
    var columns = [Double](repeating: 0, count: m)
    var rows = [Double](repeating: 0, count: n)
    for k in coupling.indices {
      rows[k / m] += coupling[k]
      columns[k % m] += coupling[k]
    }
    return Solution(
      coupling: DenseCoupling(rowCount: n, columnCount: m, masses: coupling),
      images: try Points(zip(x.coordinates, mix.way).map { $0 + $1 }, dimensions: d),
      certificate: Certificate(
        primal: objective, dual: max(0, objective - max(0, gap)), coupled: rows, columns,
        problem: a, problem.columnMasses),
      iterations: steps, isConverged: isConverged)
  }

  private static func best(_ problem: LinearProblem) throws(TransportError) -> SparseCoupling {
    guard case .sparse(let coupling) = try NetworkSimplex().solve(problem).coupling else {
      preconditionFailure("an exact coupling is sparse")
    }
    return coupling
  }

  /// Where a coupling sends rows on average, less where they are.
  private func ways(
    _ coupling: SparseCoupling, _ x: Points, _ y: Points, _ a: [Double]
  ) -> [Double] {
    let d = x.dimensions
    var ways = x.coordinates.indices.map { a[$0 / d] > 0 ? -x.coordinates[$0] : 0 }
    for at in coupling.rows.indices {
      let (i, j) = (coupling.rows[at], coupling.columns[at])
      for k in 0..<d { ways[i * d + k] += coupling.masses[at] / a[i] * y.coordinates[j * d + k] }
    }
    return ways
  }
}

/// A convex combination of couplings, and where it sends rows on average.
///
/// The objective is `‖Σ w_k r_k‖²`, weighted by the rows' masses, of the ways `r_k` from points to their
/// images: with products of ways at hand, a step that moves weight from one coupling to another costs
/// no more than there are couplings.
private struct CouplingMix {
  private var parts: [(coupling: SparseCoupling, way: [Double], weight: Double)] = []
  /// `⟨r_k, r_l⟩`.
  private var products: [[Double]] = []
  /// Where rows go, less where they are, `[n, d]`.
  private(set) var way: [Double]
  private let rowMasses: [Double]
  private let dimensions: Int
  private let columnCount: Int

  /// Steps between couplings before a new one is looked for.
  private static let stepsGreatest = 10_000

  init(_ first: SparseCoupling, way: [Double], rowMasses: [Double], columnCount: Int) {
    self.way = way
    self.rowMasses = rowMasses
    self.columnCount = columnCount
    dimensions = way.count / rowMasses.count
    add(first, way: way)
    parts[0].weight = 1
  }

  /// Takes in a coupling, without weight so far.
  mutating func add(_ coupling: SparseCoupling, way: [Double]) {
    guard !parts.contains(where: { $0.coupling == coupling }) else { return }
    parts.append((coupling, way, 0))
    let row = parts.map { part in
      var sum = 0.0
      for k in way.indices { sum += rowMasses[k / dimensions] * way[k] * part.way[k] }
      return sum
    }
    for k in products.indices { products[k].append(row[k]) }
    products.append(row)
  }

  /// Moves weight between the couplings until no shift gains more than `gap` to first order.
  mutating func settle(until gap: Double) {
    var slopes = products.map { row in
      2 * parts.indices.reduce(0) { $0 + row[$1] * parts[$1].weight }
    }
    for _ in 0..<Self.stepsGreatest {
      let best = slopes.indices.min { slopes[$0] < slopes[$1] }!
      let worst = slopes.indices.filter { parts[$0].weight > 0 }.max { slopes[$0] < slopes[$1] }!
      let fall = slopes[worst] - slopes[best]
      guard fall > gap else { break }
      let square =
        products[worst][worst] + products[best][best] - 2 * products[worst][best]
      let most = parts[worst].weight
      let length = square > 0 ? min(most, fall / (2 * square)) : most
      parts[worst].weight = length == most ? 0 : most - length
      parts[best].weight += length
      for k in slopes.indices { slopes[k] += 2 * length * (products[best][k] - products[worst][k]) }
    }
    let kept = parts.indices.filter { parts[$0].weight > 0 }
    parts = kept.map { parts[$0] }
    products = kept.map { k in kept.map { products[k][$0] } }
    for k in way.indices { way[k] = 0 }
    for part in parts {
      for k in way.indices { way[k] += part.weight * part.way[k] }
    }
  }

  /// Every entry, `[n, m]`.
  var coupling: [Double] {
    var all = [Double](repeating: 0, count: rowMasses.count * columnCount)
    for part in parts {
      for at in part.coupling.rows.indices {
        all[part.coupling.rows[at] * columnCount + part.coupling.columns[at]] +=
          part.weight * part.coupling.masses[at]
      }
    }
    return all
  }
}
