// SPDX-License-Identifier: Apache-2.0

/// One training on a mixture of sources: what it was of, and how it went.
public struct PilotRun: Sendable, Equatable {
  /// Each source's share, adding up to 1.
  public let mixture: [Double]
  /// The transport distance from the training set to the target.
  public let distance: Double
  /// What is to be predicted: an accuracy, or a loss.
  public let performance: Double

  public init(mixture: [Double], distance: Double, performance: Double) {
    self.mixture = mixture
    self.distance = distance
    self.performance = performance
  }
}

/// Performance as a function of a mixture and its transport distance, fitted to trainings of one size
/// (projektor, stage 1; Kang et al. 2023, equation 5).
///
/// The last share is left out, as it follows from the others. Runs are few, and the paper's form has many
/// terms: simpler ones stand beside it, each with the ridge that predicts runs best that are left out, and
/// the best form by the same error is taken.
public struct MixturePredictor: Sendable {
  /// What performance is made of, by `d` for the distance and `p` for shares; all with a constant.
  public enum Form: String, Sendable, CaseIterable {
    /// `d`.
    case distance
    /// `p, p²`: nothing of transport, for comparison.
    case mixture
    /// `d, p, p d, p² d`: what the authors' program fits.
    case products
    /// `d, p, p², p d, p² d`: the paper's.
    case full

    /// Whether the distance is in it.
    public var usesDistance: Bool { self != .mixture }
  }

  /// Which runs are left out of a fit, to see how well it predicts them.
  public enum LeftOut: Sendable {
    /// One at a time: says how well mixtures are predicted among those that were trained.
    case one
    /// The quarter with the greatest share of a source, source by source: says how well those are predicted
    /// that lie beyond what was trained, which is what forms of many terms are bad at.
    case edges
  }

  /// A form with its best ridge.
  public struct Candidate: Sendable, Equatable {
    /// What performance is made of.
    public let form: Form
    /// In units of the columns' variances.
    public let ridge: Double
    /// The mean absolute error on runs that were left out of its fit.
    public let errorLeftOut: Double
  }

  /// The one that was taken.
  public let chosen: Candidate
  /// Each form that was asked for, in that order.
  public let candidates: [Candidate]
  private let fit: Fit

  /// Ridges that are tried, in units of the columns' variances.
  public static let ridges = [0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]

  /// Fits runs of one size.
  ///
  /// - Parameters:
  ///   - forms: those to choose from, at least one.
  ///   - leftOut: by which error form and ridge are chosen; mixtures without edges fall back to `.one`.
  /// - Throws: `.shapeMismatch` for fewer than 3 runs, or for mixtures of different counts; `.badPoint` for
  ///   numbers that are not finite; `.badSetting` for no forms.
  public init(
    _ runs: [PilotRun], forms: [Form] = Form.allCases, leaving leftOut: LeftOut = .edges
  ) throws(TransportError) {
    try Self.check(runs)
    guard !forms.isEmpty else {
      throw TransportError(
        .badSetting, "there are no forms to choose from", at: "mixture predictor",
        remedy: "Give at least one.")
    }
    let values = runs.map(\.performance)
    let folds = Self.folds(runs, leftOut)
    var candidates: [Candidate] = []
    for form in forms {
      let rows = runs.map { Self.terms(form, $0.mixture, $0.distance) }
      var best = Candidate(form: form, ridge: 0, errorLeftOut: .infinity)
      for ridge in Self.ridges {
        let error = Self.error(of: folds, rows, values, ridge: ridge)
        if error < best.errorLeftOut {
          best = Candidate(form: form, ridge: ridge, errorLeftOut: error)
        }
      }
      candidates.append(best)
    }
    let least = candidates.min { $0.errorLeftOut < $1.errorLeftOut }!
    // The greatest ridge always has a solution.
    fit = Fit(
      runs.map { Self.terms(least.form, $0.mixture, $0.distance) }, values, ridge: least.ridge)!
    chosen = least
    self.candidates = candidates
  }

  /// What is predicted for a mixture at its distance.
  public func callAsFunction(_ mixture: [Double], distance: Double) -> Double {
    fit(Self.terms(chosen.form, mixture, distance))
  }

  /// How the prediction changes with each share, at a fixed distance, and with the distance.
  ///
  /// The last share's slope is 0: it is the one that the others are taken from.
  public func slopes(
    _ mixture: [Double], distance: Double
  ) -> (mixture: [Double], distance: Double) {
    let free = mixture.count - 1
    var shares = [Double](repeating: 0, count: mixture.count)
    for i in 0..<free {
      var direction = [Double](repeating: 0, count: mixture.count)
      direction[i] = 1
      shares[i] = fit.slope(
        Self.slopes(chosen.form, mixture, distance, along: direction, distanceBy: 0))
    }
    let none = [Double](repeating: 0, count: mixture.count)
    return (
      shares,
      fit.slope(Self.slopes(chosen.form, mixture, distance, along: none, distanceBy: 1))
    )
  }

  private static func check(_ runs: [PilotRun]) throws(TransportError) {
    let sources = runs.first?.mixture.count ?? 0
    guard runs.count > 2, sources > 0, runs.allSatisfy({ $0.mixture.count == sources }) else {
      throw TransportError(
        .shapeMismatch, "\(runs.count) runs, the first of \(sources) sources",
        at: "mixture predictor", remedy: "Give at least 3 runs, all of the same sources.")
    }
    if let bad = runs.firstIndex(where: { run in
      !(run.distance.isFinite && run.performance.isFinite && run.mixture.allSatisfy(\.isFinite))
    }) {
      throw TransportError(
        .badPoint,
        "a share, the distance \(runs[bad].distance) or the performance"
          + " \(runs[bad].performance) is not finite", at: "mixture predictor, run \(bad)",
        remedy: "Leave the run out.")
    }
  }

  private static func terms(_ form: Form, _ mixture: [Double], _ d: Double) -> [Double] {
    let p = mixture.dropLast()
    let squares = p.map { $0 * $0 }
    switch form {
    case .distance: return [d]
    case .mixture: return p + squares
    case .products: return [d] + p + p.map { $0 * d } + squares.map { $0 * d }
    case .full: return [d] + p + squares + p.map { $0 * d } + squares.map { $0 * d }
    }
  }

  /// The terms' derivatives.
  private static func slopes(
    _ form: Form, _ mixture: [Double], _ d: Double, along direction: [Double], distanceBy e: Double
  ) -> [Double] {
    let p = mixture.dropLast()
    let v = direction.dropLast()
    let squares = zip(p, v).map { 2 * $0 * $1 }
    let products = zip(p, v).map { $1 * d + $0 * e }
    let squareProducts = zip(p, v).map { 2 * $0 * $1 * d + $0 * $0 * e }
    switch form {
    case .distance: return [e]
    case .mixture: return v + squares
    case .products: return [e] + v + products + squareProducts
    case .full: return [e] + v + squares + products + squareProducts
    }
  }

  /// The runs that are left out together, each time.
  private static func folds(_ runs: [PilotRun], _ leftOut: LeftOut) -> [[Int]] {
    if case .edges = leftOut {
      let edges = runs[0].mixture.indices.map { source -> [Int] in
        let shares = runs.map { $0.mixture[source] }
        let least = shares.sorted(by: >)[(runs.count - 1) / 4]
        return runs.indices.filter { shares[$0] >= least }
      }.filter { runs.count - $0.count > 1 }
      if !edges.isEmpty { return edges }
    }
    return runs.indices.map { [$0] }
  }

  private static func error(
    of folds: [[Int]], _ rows: [[Double]], _ values: [Double], ridge: Double
  ) -> Double {
    var sum = 0.0
    for fold in folds {
      let kept = rows.indices.filter { !fold.contains($0) }
      guard let fit = Fit(kept.map { rows[$0] }, kept.map { values[$0] }, ridge: ridge) else {
        return .infinity
      }
      for out in fold { sum += abs(fit(rows[out]) - values[out]) }
    }
    return sum / Double(folds.reduce(0) { $0 + $1.count })
  }
}

/// Least squares with a ridge on columns scaled to variance 1; the constant has none.
private struct Fit: Sendable {
  private let means: [Double]
  /// Of the columns as they are; 0 where a column does not change.
  private let weights: [Double]
  private let constant: Double

  /// Nil where the columns depend on each other and nothing keeps them apart.
  init?(_ rows: [[Double]], _ values: [Double], ridge: Double) {
    let n = Double(rows.count)
    let width = rows[0].count
    let means = (0..<width).map { column in rows.reduce(0) { $0 + $1[column] } / n }
    let scales = (0..<width).map { column in
      (rows.reduce(0) { $0 + ($1[column] - means[column]) * ($1[column] - means[column]) } / n)
        .squareRoot()
    }
    let live = scales.indices.filter { scales[$0] > 1e-12 * max(1e-300, abs(means[$0])) }
    let mean = values.reduce(0, +) / n
    var matrix = [Double](repeating: 0, count: live.count * live.count)
    var right = [Double](repeating: 0, count: live.count)
    for (row, value) in zip(rows, values) {
      let x = live.map { (row[$0] - means[$0]) / scales[$0] }
      for i in live.indices {
        right[i] += x[i] * (value - mean) / n
        for j in live.indices { matrix[i * live.count + j] += x[i] * x[j] / n }
      }
    }
    for i in live.indices { matrix[i * live.count + i] += ridge }
    guard let solved = solveSymmetric(matrix, right), solved.allSatisfy(\.isFinite) else {
      return nil
    }
    var weights = [Double](repeating: 0, count: width)
    for (i, column) in live.enumerated() { weights[column] = solved[i] / scales[column] }
    self.means = means
    self.weights = weights
    constant = mean
  }

  func callAsFunction(_ row: [Double]) -> Double {
    var sum = constant
    for k in row.indices { sum += weights[k] * (row[k] - means[k]) }
    return sum
  }

  /// The change that goes with a change of the row.
  func slope(_ change: [Double]) -> Double {
    zip(weights, change).reduce(0) { $0 + $1.0 * $1.1 }
  }
}
