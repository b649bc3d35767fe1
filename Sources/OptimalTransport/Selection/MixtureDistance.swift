// SPDX-License-Identifier: Apache-2.0

/// The transport distance from a mixture of sources to a target, and how it changes with the shares.
///
/// A source's samples share its part of the mass alike, so that one set of samples stands for every
/// mixture: the distance is convex in the shares. Of an exact solver it has kinks, at which one of several
/// slopes is given.
public struct MixtureDistance: Sendable {
  /// From samples of all sources (rows) to the target (columns).
  public let geometry: any CostGeometry
  /// The source of each row, from 0.
  public let sourceOf: [Int]
  /// How many samples each source has.
  public let counts: [Int]
  /// Works out distances; of an entropic one, the dual value counts.
  public var solver: any TransportSolver

  /// - Parameters:
  ///   - sourceOf: `[n]`, numbers from 0, none left out.
  /// - Throws: `.shapeMismatch` for another count than the rows', `.badSetting` for a source without
  ///   samples.
  public init(
    _ geometry: any CostGeometry, sourceOf: [Int], solver: any TransportSolver = ExactTransport()
  ) throws(TransportError) {
    guard sourceOf.count == geometry.rowCount else {
      throw TransportError(
        .shapeMismatch, "the sources of \(sourceOf.count) samples for \(geometry.rowCount) rows",
        at: "mixture", remedy: "Give each row its source.")
    }
    if let bad = sourceOf.firstIndex(where: { $0 < 0 || $0 >= sourceOf.count }) {
      throw TransportError(
        .badSetting, "the source is \(sourceOf[bad])", at: "mixture, sample \(bad)",
        remedy: "Number sources from 0.")
    }
    var counts = [Int](repeating: 0, count: sourceOf.max()! + 1)
    for source in sourceOf { counts[source] += 1 }
    if let empty = counts.firstIndex(of: 0) {
      throw TransportError(
        .badSetting, "source \(empty) has no samples", at: "mixture",
        remedy: "Number sources from 0 and leave none out.")
    }
    self.geometry = geometry
    self.sourceOf = sourceOf
    self.counts = counts
    self.solver = solver
  }

  /// A distance with its slopes.
  public struct Value: Sendable {
    /// At the mixture.
    public let distance: Double
    /// By each share, `[sources]`: the mean potential of the source's samples, less the mixture's own, so
    /// that the mixture's mean slope is 0. Right for every change of the shares that keeps their sum.
    public let slopes: [Double]
    /// What raising one share alone does, the others shrinking alike, `[sources]`: the paper's calibrated
    /// gradient, which is `slope/(1 − share)`. Nil for a share of 1, from which nothing can be raised.
    public let calibrated: [Double?]
    /// Couples the samples with the target; its potentials are those of the slopes.
    public let solution: TransportSolution
  }

  /// The distance at a mixture.
  ///
  /// - Parameter mixture: each source's share, at least 0; scaled to a sum of 1.
  /// - Throws: `.shapeMismatch`, `.badMass` for shares that are none; else as the solver.
  public func callAsFunction(_ mixture: [Double]) throws(TransportError) -> Value {
    let total = try LinearProblem.total(mixture, count: counts.count, side: "source")
    let shares = mixture.map { $0 / total }
    let solution = try solver.solve(
      LinearProblem(geometry, rowMasses: sourceOf.map { shares[$0] / Double(counts[$0]) }))
    var sums = [CompensatedSum](repeating: CompensatedSum(), count: counts.count)
    for (row, source) in sourceOf.enumerated() { sums[source].add(solution.rowPotentials[row]) }
    let means = zip(sums, counts).map { $0.value / Double($1) }
    let own = CompensatedSum.of(shares, times: means)
    let slopes = means.map { $0 - own }
    return Value(
      distance: solution.certificate.dual, slopes: slopes,
      calibrated: zip(slopes, shares).map { $1 < 1 ? $0 / (1 - $1) : nil }, solution: solution)
  }
}
