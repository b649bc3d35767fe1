// SPDX-License-Identifier: Apache-2.0

/// Features of a pool and of targets in which no direction counts for more because it varies more, scaled
/// to length 1: the Euclidean distance `√(2 − 2⟨x, y⟩)` between them is TAROT's (Feng et al. 2024,
/// section 3.2).
///
/// `x ← L⁻¹ (x − mean)` with the mean and the covariance `Σ = L Lᵀ` of pool and targets together, a
/// little of a ball's covariance added.
public struct WhitenedFeatures: Sendable {
  /// What is added to a covariance that is estimated from few samples.
  public enum Shrinkage: Sendable, Equatable {
    /// `.ridge(1e-5)` where there are more samples than dimensions, else `.estimated`.
    case automatic
    /// `Σ + share · (tr Σ / d) I`, with a share above 0. The paper adds 1e-5 itself, which depends on the
    /// unit of the features; this does not.
    case ridge(Double)
    /// `(1 − ρ) Σ + ρ (tr Σ / d) I` with the ρ that is best on the mean (Ledoit and Wolf 2004, lemma 3.2 to
    /// 3.4).
    case estimated
  }

  /// `[n, d]`, each of length 1.
  public let pool: Points
  /// `[m, d]`, each of length 1.
  public let targets: Points
  /// The share of the ball's covariance in what was whitened: ρ, or of a ridge its share.
  public let shrinkage: Double

  /// Features of any unit, such as gradients of a loss, one sample a point; O((n + m) d² + d³).
  ///
  /// - Throws: `.shapeMismatch` where dimensions differ; `.badSetting` for a ridge that is not above 0, or
  ///   more than 4,096 dimensions; `.badPoint` where all samples are equal, or one lies in the very mean of
  ///   all, and so in no direction from it; `.cancelled`.
  public init(
    pool: Points, targets: Points, _ shrinkage: Shrinkage = .automatic
  ) throws(TransportError) {
    let d = pool.dimensions
    guard targets.dimensions == d else {
      throw TransportError(
        .shapeMismatch, "the pool has \(d) dimensions, targets \(targets.dimensions)",
        at: "whitened features", remedy: "Give both the same coordinates.")
    }
    guard d <= Self.dimensionsMax else {
      throw TransportError(
        .badSetting, "the samples have \(d) dimensions", at: "whitened features",
        remedy: "Project them to at most \(Self.dimensionsMax): RandomProjection does.")
    }
    let n = pool.count + targets.count
    var rows = try Self.centered(pool.coordinates + targets.coordinates, rows: n, d)
    var covariance = matrixProduct(transposed(rows, rows: n), rows, inner: n)
    for k in covariance.indices { covariance[k] /= Double(n) }
    let variance = (0..<d).reduce(0) { $0 + covariance[$1 * d + $1] } / Double(d)
    guard variance > 0 else {
      throw TransportError(
        .badPoint, "all \(n) samples are equal", at: "whitened features",
        remedy: "Give samples that differ.")
    }
    let kept: Double
    switch shrinkage == .automatic ? (n > d ? .ridge(1e-5) : .estimated) : shrinkage {
    case .ridge(let share):
      guard share > 0, share.isFinite else {
        throw TransportError(
          .badSetting, "the ridge is \(share)", at: "whitened features",
          remedy: "Give a share above 0; 1e-5 is usual.")
      }
      self.shrinkage = share
      kept = 1
    case .automatic, .estimated:
      self.shrinkage = Self.bestShrinkage(rows, covariance, variance, d)
      kept = 1 - self.shrinkage
    }
    for k in covariance.indices { covariance[k] *= kept }
    for k in 0..<d { covariance[k * d + k] += self.shrinkage * variance }
    try checkCancelled("whitened features")
    rows = matrixProduct(rows, try Self.inverseFactor(covariance, d), inner: d)
    for i in 0..<n {
      let range = i * d..<(i + 1) * d
      let length = rows[range].reduce(0) { $0 + $1 * $1 }.squareRoot()
      // The whitened samples have a mean squared length of about d.
      guard length > Self.lengthLeast * Double(d).squareRoot() else {
        let isPooled = i < pool.count
        throw TransportError(
          .badPoint, "the sample is the mean of all, so that no direction leads to it",
          at: isPooled ? "pool, sample \(i)" : "targets, sample \(i - pool.count)",
          remedy: "Leave it out.")
      }
      for k in range { rows[k] /= length }
    }
    self.pool = try Points(Array(rows[..<(pool.count * d)]), dimensions: d)
    self.targets = try Points(Array(rows[(pool.count * d)...]), dimensions: d)
  }

  /// The most dimensions whose covariance is worked out: 128 MiB.
  public static let dimensionsMax = 4096
  /// Closer to the mean, in units of a usual distance from it, rounding alone gives a direction.
  private static let lengthLeast = 1e-12

  /// Rows less their mean, all scaled by one number so that no product overflows: whitening undoes it.
  private static func centered(
    _ coordinates: [Double], rows n: Int, _ d: Int
  ) throws(TransportError) -> [Double] {
    let greatest = coordinates.reduce(0) { max($0, abs($1)) }
    guard greatest > 0 else { return coordinates }
    var rows = coordinates.map { $0 / greatest }
    var mean = [Double](repeating: 0, count: d)
    for i in 0..<n {
      for k in 0..<d { mean[k] += rows[i * d + k] / Double(n) }
    }
    for i in 0..<n {
      for k in 0..<d { rows[i * d + k] -= mean[k] }
    }
    // Of equal samples, rounding must not be taken for what they differ in.
    let left = rows.reduce(0) { max($0, abs($1)) }
    return left < 1e-14 ? [Double](repeating: 0, count: rows.count) : rows
  }

  /// The mean squared error of `x xᵀ` about Σ over the distance of Σ from a ball, at most 1.
  private static func bestShrinkage(
    _ rows: [Double], _ covariance: [Double], _ variance: Double, _ d: Int
  ) -> Double {
    let n = rows.count / d
    let squares = CompensatedSum.of(covariance, times: covariance)
    let away = squares - Double(d) * variance * variance
    guard away > 0 else { return 1 }
    var fourth = 0.0
    for i in 0..<n {
      let square = rows[i * d..<(i + 1) * d].reduce(0) { $0 + $1 * $1 }
      fourth += square * square
    }
    // Σ ‖x xᵀ − Σ‖² = Σ ‖x‖⁴ − n ‖Σ‖², as the mean of x xᵀ is Σ.
    let error = (fourth / Double(n) - squares) / Double(n)
    return min(1, max(0, error) / away)
  }

  /// `L⁻ᵀ: [d, d]` of `Σ = L Lᵀ`, which the ridge keeps from being flat.
  private static func inverseFactor(
    _ covariance: [Double], _ d: Int
  ) throws(TransportError) -> [Double] {
    var a = covariance
    for j in 0..<d {
      for k in 0..<j { a[j * d + j] -= a[j * d + k] * a[j * d + k] }
      guard a[j * d + j] > 0 else {
        throw TransportError(
          .badSetting, "the covariance is flat to rounding", at: "whitened features",
          remedy: "Give a greater ridge.")
      }
      let root = a[j * d + j].squareRoot()
      a[j * d + j] = root
      for i in j + 1..<max(d, j + 1) {
        var sum = a[i * d + j]
        for k in 0..<j { sum -= a[i * d + k] * a[j * d + k] }
        a[i * d + j] = sum / root
      }
    }
    // Row k of the result is column k of L⁻¹, by substitution.
    var inverse = [Double](repeating: 0, count: d * d)
    for column in 0..<d {
      for i in column..<d {
        var sum = i == column ? 1.0 : 0
        for k in column..<max(i, column) { sum -= a[i * d + k] * inverse[column * d + k] }
        inverse[column * d + i] = sum / a[i * d + i]
      }
    }
    return inverse
  }
}
