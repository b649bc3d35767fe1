// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

/// Which samples are alike: a sparse matrix of weights `[n, n]`.
public struct Similarity: Sendable {
  /// How many samples there are.
  public let count: Int
  private let starts: [Int]
  private let columns: [Int]
  private let weights: [Double]

  /// From pairs `(i, j, weight)`; weights of equal pairs add up.
  ///
  /// - Throws: `.shapeMismatch` for a sample that there is not, `.badSetting` for weights that are
  ///   not finite.
  public init(
    count: Int, pairs: [(row: Int, column: Int, weight: Double)]
  ) throws(TransportError) {
    for pair in pairs {
      guard (0..<count).contains(pair.row), (0..<count).contains(pair.column) else {
        throw TransportError(
          .shapeMismatch, "samples \(pair.row) and \(pair.column) of \(count)",
          at: "similarity", remedy: "Give pairs of samples from 0 on.")
      }
      guard pair.weight.isFinite else {
        throw TransportError(
          .badSetting, "the weight is \(pair.weight)",
          at: "similarity of \(pair.row) and \(pair.column)", remedy: "Give finite weights.")
      }
    }
    // Both ways, as the objective has it: S + Sᵀ.
    let both = pairs + pairs.map { (row: $0.column, column: $0.row, weight: $0.weight) }
    let sorted = both.sorted { ($0.row, $0.column) < ($1.row, $1.column) }
    var starts = [Int](repeating: 0, count: count + 1)
    for pair in sorted { starts[pair.row + 1] += 1 }
    for row in 0..<count { starts[row + 1] += starts[row] }
    self.count = count
    self.starts = starts
    columns = sorted.map(\.column)
    weights = sorted.map(\.weight)
  }

  /// Each sample with its nearest others, weighted by `exp(−d²/(2 b²))`.
  ///
  /// - Parameters:
  ///   - points: `[n, d]`.
  ///   - neighbors: how many of each.
  ///   - bandwidth: b > 0; nil is `2 √d`, for coordinates of deviation 1.
  /// - Throws: `.badSetting` for settings out of range.
  public init(
    nearest points: Points, neighbors: Int = 20, bandwidth: Double? = nil
  ) throws(TransportError) {
    let b = bandwidth ?? 2 * Double(points.dimensions).squareRoot()
    guard neighbors > 0, b > 0, b.isFinite else {
      throw TransportError(
        .badSetting, "\(neighbors) neighbors within \(b)", at: "similarity",
        remedy: "Give at least 1 neighbor and a bandwidth above 0.")
    }
    var source = RowSource(try PointCloud(points, points))
    var pairs: [(row: Int, column: Int, weight: Double)] = []
    for i in 0..<points.count {
      if i & 63 == 0 { try checkCancelled("similarity") }
      source.load(i)
      let line = source.current
      var order = (0..<points.count).filter { $0 != i }.map { (distance: line[$0], at: $0) }
      order.sort { ($0.distance, $0.at) < ($1.distance, $1.at) }
      for (distance, j) in order.prefix(neighbors) {
        pairs.append((i, j, exp(-distance / (2 * b * b))))
      }
    }
    try self.init(count: points.count, pairs: pairs)
  }

  /// `(S + Sᵀ) Q` for `Q: [n, k]`.
  func applied(to q: [Double], columns k: Int) -> [Double] {
    var out = [Double](repeating: 0, count: count * k)
    var all = out.mutableSpan
    for i in 0..<count {
      var row = all.part(i * k..<(i + 1) * k)
      for at in starts[i]..<starts[i + 1] {
        let j = columns[at]
        CostKernels.accumulate(
          q.span.extracting(j * k..<(j + 1) * k), scaledBy: weights[at], into: &row)
      }
    }
    return out
  }
}

/// Progressive partial transport in which alike samples draw each other into the same cluster: adds
/// `−μ ⟨S, Q Qᵀ⟩` (Zhang, Ren and He 2024, SP²OT, equation 9).
///
/// The added term is linearized at the coupling so far, again and again. Where `S + Sᵀ` has no negative
/// eigenvalue that bounds it from above, and every step lowers the objective; else a step may raise it,
/// and is not taken: the one before is the answer.
public struct SemanticPartial: Sendable {
  /// Solves each linearized problem.
  public var inner: ProgressivePartial
  /// μ ≥ 0: how much alike samples draw each other, in the unit of cost times samples.
  public var attraction: Double
  /// A step that lowers the objective by less, as a share of it, is the last.
  public var tolerance: Double
  /// How many linearizations are made at most.
  public var iterationsMax: Int

  public init(
    _ inner: ProgressivePartial, attraction: Double, tolerance: Double = 1e-6,
    iterationsMax: Int = 100
  ) {
    self.inner = inner
    self.attraction = attraction
    self.tolerance = tolerance
    self.iterationsMax = iterationsMax
  }

  /// The assignment found.
  public struct Solution: Sendable {
    /// The last linearized problem's solution: its certificate is of that problem.
    public let assignment: ProgressivePartial.Solution
    /// The objective at the start and after each linearization that was taken: it never rises.
    public let objectives: [Double]
  }

  /// Solves for costs `[N, K]`.
  ///
  /// - Throws: `.shapeMismatch` where the similarity is of other samples, `.notConverged` at the
  ///   limit; else as `ProgressivePartial.solve`.
  public func solve(
    _ geometry: any CostGeometry, similarity: Similarity, prior: [Double]? = nil
  ) throws(TransportError) -> Solution {
    let (n, k) = (geometry.rowCount, geometry.columnCount)
    guard similarity.count == n, attraction >= 0, attraction.isFinite, tolerance > 0 else {
      throw TransportError(
        similarity.count == n ? .badSetting : .shapeMismatch,
        "\(similarity.count) samples are alike, of \(n); the attraction is \(attraction)",
        at: "semantic partial",
        remedy: "Give the similarity of the rows and an attraction of at least 0.")
    }
    let costs = try DenseCost(copying: geometry).costs
    var assignment = try inner.solve(geometry, prior: prior)
    var drawn = similarity.applied(to: assignment.coupling.masses, columns: k)
    var objectives = [objective(assignment, costs, drawn, prior)]
    for _ in 0..<max(1, iterationsMax) {
      try checkCancelled("semantic partial")
      let linear = costs.indices.map { costs[$0] - attraction * drawn[$0] }
      let next = try inner.solve(
        DenseCost(linear, rows: n, columns: k), prior: prior, start: assignment.potentials)
      drawn = similarity.applied(to: next.coupling.masses, columns: k)
      let before = objectives.last!
      let after = objective(next, costs, drawn, prior)
      guard after <= before else {
        return Solution(assignment: assignment, objectives: objectives)
      }
      assignment = next
      objectives.append(after)
      if before - after <= tolerance * max(abs(before), 1e-300) {
        return Solution(assignment: assignment, objectives: objectives)
      }
    }
    throw TransportError(
      .notConverged, "after \(iterationsMax) linearizations the objective still falls",
      at: "semantic partial", remedy: "Raise iterationsMax or tolerance.")
  }

  /// The objective with the entropy that the inner problem has.
  private func objective(
    _ assignment: ProgressivePartial.Solution, _ costs: [Double], _ drawn: [Double],
    _ prior: [Double]?
  ) -> Double {
    var sum = CompensatedSum()
    let q = assignment.coupling.masses
    let k = assignment.coupling.columnCount
    var rows = [Double](repeating: 0, count: assignment.coupling.rowCount)
    for at in q.indices where q[at] > 0 {
      rows[at / k] += q[at]
      // ⟨S, Q Qᵀ⟩ is half of ⟨(S + Sᵀ) Q, Q⟩.
      sum.add(q[at] * (costs[at] - attraction / 2 * drawn[at] + inner.epsilon * (log(q[at]) - 1)))
    }
    // What stays with the virtual cluster has its entropy, too.
    for row in rows {
      let left = 1 / Double(rows.count) - row
      if left > 0, inner.share < 1 { sum.add(inner.epsilon * left * (log(left) - 1)) }
    }
    let total = prior.map { CompensatedSum.of($0) } ?? Double(k)
    for (cluster, size) in assignment.sizes.enumerated() where size > 0 {
      let wanted = inner.share * (prior?[cluster] ?? 1) / total
      sum.add(inner.sizePenalty * (size * log(size / wanted) - size + wanted))
    }
    return sum.value
  }
}
