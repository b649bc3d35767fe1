// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Barycentric weak transport: minimizes `Σ_i a_i ‖x_i − Σ_j P_ij y_j / a_i‖²` over couplings: only
/// where mass goes on average counts (Gozlan et al. 2017; Backhoff-Veraguas, Beiglböck and Pammer
/// 2019).
///
/// Convex, so that conditional gradient has a bound: the objective is within `certificate.gap` of
/// the least. Each step moves mass from the worst coupling so far to the best new one, which
/// converges linearly (Lacoste-Julien and Jaggi 2015, algorithm 2).
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
  /// - Throws: as `LinearProblem` and `NetworkSimplex`, `.notConverged` at the limit of steps.
  public func solve(
    _ x: Points, _ y: Points, rowMasses: [Double]? = nil, columnMasses: [Double]? = nil
  ) throws(TransportError) -> Solution {
    let cloud = try PointCloud(x, y)
    let problem = try LinearProblem(cloud, rowMasses: rowMasses, columnMasses: columnMasses)
    let range = try CostRange(of: cloud)
    let (n, m, d) = (x.count, y.count, x.dimensions)
    let a = problem.rowMasses
    // From the best coupling at the cost itself.
    var mix = CouplingMix(
      try Self.best(problem), problem, images: { self.means($0, x, y, a) })
    let byCoordinate = y.byCoordinate
    let target = tolerance * max(range.mean * problem.mass, .leastNormalMagnitude)
    var (objective, gap) = (0.0, 0.0)
    var steps = 0
    while true {
      try checkCancelled("weak transport", error: steps == 0 ? nil : gap)
      // The gradient of P_ij is −2 ⟨x_i − image_i, y_j⟩.
      let away = zip(x.coordinates, mix.images).map { 2 * ($1 - $0) }
      let gradient = matrixProduct(away, byCoordinate, inner: d)
      let vertex = try Self.best(
        LinearProblem(
          DenseCost(gradient, rows: n, columns: m), rowMasses: a,
          columnMasses: problem.columnMasses))
      let ends = means(vertex, x, y, a)
      objective = 0
      gap = 0
      var weighted = away
      for i in 0..<n {
        for k in i * d..<(i + 1) * d {
          let by = x.coordinates[k] - mix.images[k]
          objective += a[i] * by * by
          gap += 2 * a[i] * by * (ends[k] - mix.images[k])
          weighted[k] *= a[i]
        }
      }
      if gap <= target || steps >= iterationsMax { break }
      steps += 1
      mix.move(to: vertex, ends, gradient: weighted, rowMasses: a, dimensions: d)
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
      images: try Points(mix.images, dimensions: d),
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

  private func means(
    _ coupling: SparseCoupling, _ x: Points, _ y: Points, _ a: [Double]
  ) -> [Double] {
    let d = x.dimensions
    var means = [Double](repeating: 0, count: x.coordinates.count)
    for at in coupling.rows.indices {
      let (i, j) = (coupling.rows[at], coupling.columns[at])
      for k in 0..<d {
        means[i * d + k] += coupling.masses[at] / a[i] * y.coordinates[j * d + k]
      }
    }
    for i in 0..<x.count where a[i] == 0 {
      for k in i * d..<(i + 1) * d { means[k] = x.coordinates[k] }
    }
    return means
  }
}

/// A convex combination of couplings, and where it sends rows on average.
private struct CouplingMix {
  private var parts: [(coupling: SparseCoupling, images: [Double], weight: Double)]
  private(set) var images: [Double]
  private let shape: (rows: Int, columns: Int)

  init(
    _ first: SparseCoupling, _ problem: LinearProblem, images: (SparseCoupling) -> [Double]
  ) {
    self.images = images(first)
    parts = [(first, self.images, 1)]
    shape = (problem.rowMasses.count, problem.columnMasses.count)
  }

  /// Moves weight from the part that the gradient likes least to a new one, as far as is best.
  mutating func move(
    to vertex: SparseCoupling, _ ends: [Double], gradient: [Double], rowMasses a: [Double],
    dimensions d: Int
  ) {
    func slope(_ images: [Double]) -> Double {
      zip(images, gradient).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let worst = parts.indices.max { slope(parts[$0].images) < slope(parts[$1].images) }!
    let from = parts[worst]
    var linear = 0.0
    var square = 0.0
    for k in ends.indices {
      let by = ends[k] - from.images[k]
      linear -= gradient[k] * by
      square += a[k / d] * by * by
    }
    let length = square > 0 ? max(0, min(from.weight, linear / (2 * square))) : from.weight
    for k in images.indices { images[k] += length * (ends[k] - from.images[k]) }
    parts[worst].weight -= length
    if let known = parts.firstIndex(where: { $0.coupling == vertex }) {
      parts[known].weight += length
    } else {
      parts.append((vertex, ends, length))
    }
    parts.removeAll { $0.weight <= 0 }
  }

  /// Every entry, `[n, m]`.
  var coupling: [Double] {
    var all = [Double](repeating: 0, count: shape.rows * shape.columns)
    for part in parts {
      for at in part.coupling.rows.indices {
        all[part.coupling.rows[at] * shape.columns + part.coupling.columns[at]] +=
          part.weight * part.coupling.masses[at]
      }
    }
    return all
  }
}
