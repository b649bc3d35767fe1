// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// How many samples each cluster may have.
public enum ClusterSizes: Sendable, Equatable {
  /// Any: each sample goes where it is cheapest.
  case free
  /// At most so many.
  case atMost(Int)
  /// As equal as can be: sizes differ by 1 at most.
  case even
}

/// Assigns each of N samples to one of K clusters of bounded sizes at least cost, exactly.
///
/// Transport of whole masses has whole solutions, so no sample is split.
public struct BalancedAssignment: Sendable {
  /// What sizes are allowed.
  public var sizes: ClusterSizes

  public init(_ sizes: ClusterSizes) { self.sizes = sizes }

  /// The assignment, and what proves it.
  public struct Solution: Sendable {
    /// Each sample's cluster.
    public let clusterOf: [Int]
    /// Each cluster's size.
    public let loads: [Int]
    /// The sum of the samples' costs.
    public let cost: Double
    /// Of the transport problem whose solution this is.
    public let certificate: Certificate
  }

  /// Solves for costs `[N, K]`.
  ///
  /// - Throws: `.badMass` where the clusters have no room for all; else as `NetworkSimplex`.
  public func solve(_ geometry: any CostGeometry) throws(TransportError) -> Solution {
    let (n, k) = (geometry.rowCount, geometry.columnCount)
    let range = try CostRange(of: geometry)
    let (must, may): (Int, Int)
    switch sizes {
    case .free: (must, may) = (0, n)
    case .even: (must, may) = (n / k, n % k == 0 ? 0 : 1)
    case .atMost(let most): (must, may) = (0, most)
    }
    let (room, overflow) = k.multipliedReportingOverflow(by: must + may)
    guard may >= 0, !overflow, room >= n else {
      throw TransportError(
        .badMass, "\(k) clusters of at most \(must + may) for \(n) samples",
        at: "balanced assignment", remedy: "Allow sizes of at least \((n + k - 1) / k).")
    }
    // Each cluster twice: what it must have, and what it may have, which a dummy fills up.
    let wide = CappedClusters(
      part: geometry, forbidden: range.magnitude == 0 ? 1 : 4 * range.magnitude)
    let solution = try NetworkSimplex().solve(
      LinearProblem(
        wide, rowMasses: Array(repeating: 1, count: n) + [Double(room - n)],
        columnMasses: Array(repeating: Double(must), count: k)
          + Array(repeating: Double(may), count: k)))
    guard case .sparse(let coupling) = solution.coupling else {
      preconditionFailure("an exact coupling is sparse")
    }
    var clusterOf = [Int](repeating: -1, count: n)
    var loads = [Int](repeating: 0, count: k)
    var cost = CompensatedSum()
    var source = RowSource(geometry)
    for at in coupling.rows.indices where coupling.rows[at] < n && coupling.masses[at] > 0.5 {
      let (sample, cluster) = (coupling.rows[at], coupling.columns[at] % k)
      clusterOf[sample] = cluster
      loads[cluster] += 1
      source.load(sample)
      cost.add(source.current[cluster])
    }
    precondition(!clusterOf.contains(-1), "whole masses have whole solutions")
    return Solution(
      clusterOf: clusterOf, loads: loads, cost: cost.value, certificate: solution.certificate)
  }
}

/// Costs twice side by side, and a row of dummies that may fill the second half alone.
private struct CappedClusters: CostGeometry {
  let part: any CostGeometry
  let forbidden: Double
  var rowCount: Int { part.rowCount + 1 }
  var columnCount: Int { 2 * part.columnCount }

  func fillRow(_ row: Int, into costs: inout MutableSpan<Double>) {
    let k = part.columnCount
    guard row < part.rowCount else {
      for j in 0..<k {
        costs[j] = forbidden
        costs[k + j] = 0
      }
      return
    }
    var first = costs.part(0..<k)
    part.fillRow(row, into: &first)
    for j in 0..<k { costs[k + j] = costs[j] }
  }
}
