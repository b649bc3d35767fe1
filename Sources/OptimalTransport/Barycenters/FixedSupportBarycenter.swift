// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors
import Foundation

/// The measure on given points with the least mean entropic cost to other measures on them.
///
/// Iterative Bregman projections (Benamou et al. 2015, section 3.2): minimizes
/// `Σ λ_k (⟨C, P_k⟩ + ε Σ P_k (log P_k − 1))` over couplings `P_k` of the measures with one common
/// other marginal. Scaling, and logarithms from where a kernel vanishes.
public struct FixedSupportBarycenter: Sendable {
  /// ε > 0, in the unit of cost.
  public var epsilon: Double
  /// How far the couplings may be from the measures, L1, on the weighted mean, for masses of 1.
  public var tolerance: Double
  /// How many iterations are made at most.
  public var iterationsMax: Int
  /// How many threads share out the measures; the result is the same bits for every count.
  public var threads: Threads

  public init(
    epsilon: Double, tolerance: Double = 1e-6, iterationsMax: Int = 10_000,
    threads: Threads = .cores
  ) {
    self.epsilon = epsilon
    self.tolerance = tolerance
    self.iterationsMax = iterationsMax
    self.threads = threads
  }

  /// The barycenter, and what proves it.
  public struct Solution: Sendable {
    /// `[n]`, 1 in all.
    public let masses: [Double]
    /// Primal and dual of the weighted mean with its entropy; the marginal errors are the weighted
    /// means of those of the couplings, in `rowError`.
    public let certificate: Certificate
    /// Iterations, of one product with the kernel and one with its transpose for each measure.
    public let iterations: Int
  }

  /// Of measures on the points of a geometry, whose costs are symmetric.
  ///
  /// - Parameters:
  ///   - measures: each `[n]`, at least 0; each is scaled to 1.
  ///   - weights: λ, one for each, at least 0; nil is equal weights.
  /// - Throws: `.shapeMismatch`, `.badMass`, `.badCost`, `.badSetting`, `.notConverged`,
  ///   `.cancelled`.
  public func solve(
    _ geometry: any CostGeometry, measures: [[Double]], weights: [Double]? = nil
  ) throws(TransportError) -> Solution {
    guard geometry.rowCount == geometry.columnCount else {
      throw TransportError(
        .shapeMismatch, "\(geometry.rowCount) rows and \(geometry.columnCount) columns",
        at: "barycenter", remedy: "Give the costs between the points of one support.")
    }
    let range = try CostRange(of: geometry)
    try check(magnitude: range.magnitude)
    return try solve(DenseKernel(geometry, epsilon: epsilon), measures, weights)
  }

  /// Of pictures on a grid, at squared Euclidean cost: one product along each axis instead of one
  /// with all pairs.
  ///
  /// - Parameters:
  ///   - pictures: each `[rows, columns]`, row after row, at least 0; each is scaled to 1.
  ///   - spacing: the distance of neighbors; nil makes the longer side 1.
  ///   - weights: λ, one for each, at least 0; nil is equal weights.
  /// - Throws: as for a geometry.
  public func solve(
    pictures: [[Double]], rows: Int, columns: Int, spacing: Double? = nil,
    weights: [Double]? = nil
  ) throws(TransportError) -> Solution {
    let (_, overflow) = rows.multipliedReportingOverflow(by: columns)
    let step = spacing ?? 1 / Double(max(rows, columns, 2) - 1)
    guard rows > 0, columns > 0, !overflow, step > 0, step.isFinite else {
      throw TransportError(
        .badSetting, "\(rows) rows and \(columns) columns, \(step) apart", at: "barycenter",
        remedy: "Give a grid of at least one point and a spacing above 0.")
    }
    let reach = step * Double(max(rows, columns))
    try check(magnitude: 2 * reach * reach)
    return try solve(
      GridKernel(rows: rows, columns: columns, spacing: step, epsilon: epsilon), pictures,
      weights)
  }

  private func check(magnitude: Double) throws(TransportError) {
    guard epsilon > 0, epsilon.isFinite, tolerance > 0, epsilon >= 1e-14 * magnitude,
      magnitude <= CostRange.magnitudeLimit
    else {
      throw TransportError(
        .badSetting,
        "epsilon is \(epsilon) and the tolerance \(tolerance), for costs of up to \(magnitude)",
        at: "barycenter", remedy: "Give both above 0, and at least 1e-14 of the greatest cost.")
    }
  }

  private func solve(
    _ kernel: some SmoothingKernel, _ measures: [[Double]], _ weights: [Double]?
  ) throws(TransportError) -> Solution {
    guard !measures.isEmpty else {
      throw TransportError(
        .shapeMismatch, "there are no measures", at: "barycenter", remedy: "Give at least one.")
    }
    var scaled: [[Double]] = []
    for measure in measures {
      let total = try LinearProblem.total(measure, count: kernel.count, side: "row")
      scaled.append(measure.map { $0 / total })
    }
    let given = weights ?? Array(repeating: 1, count: measures.count)
    let sum = try LinearProblem.total(given, count: measures.count, side: "measure")
    var projections = BregmanProjections(
      kernel, scaled, given.map { $0 / sum }, epsilon: epsilon, threads: threads)
    for _ in 0..<max(1, iterationsMax) {
      try checkCancelled("barycenter")
      if projections.iterate() <= tolerance { return projections.solution }
    }
    throw TransportError(
      .notConverged,
      "after \(iterationsMax) iterations the marginal error is \(projections.error);"
        + " \(tolerance) was asked for",
      at: "barycenter, epsilon \(epsilon)", remedy: "Raise iterationsMax, epsilon or tolerance.")
  }
}

/// The scalings of all measures, or their logarithms.
private struct BregmanProjections<Kernel: SmoothingKernel> {
  private let kernel: Kernel
  private let measures: [[Double]]
  private let weights: [Double]
  private let epsilon: Double
  private let threads: Threads
  /// Potentials: ε times the logarithms of the scalings.
  private var f: [[Double]]
  private var g: [[Double]]
  private var masses: [Double]
  private var isLogarithmic = false
  private var iterations = 0
  private(set) var error = Double.infinity
  /// The couplings' marginals that should be the measures, at the present potentials.
  private var rows: [[Double]]
  /// Scalings `v` and products `K v`, while scaling.
  private var v: [SharedBuffer<Double>]
  private var kv: [SharedBuffer<Double>]

  init(
    _ kernel: Kernel, _ measures: [[Double]], _ weights: [Double], epsilon: Double,
    threads: Threads
  ) {
    self.kernel = kernel
    self.measures = measures
    self.weights = weights
    self.epsilon = epsilon
    self.threads = threads
    let n = kernel.count
    let zeros = [[Double]](
      repeating: Array(repeating: 0, count: n), count: measures.count)
    f = zeros
    g = zeros
    rows = zeros
    masses = Array(repeating: 1 / Double(n), count: n)
    v = measures.map { _ in SharedBuffer(Array(repeating: 1, count: n)) }
    kv = measures.map { _ in SharedBuffer(Array(repeating: 1, count: n)) }
    restart()
  }

  /// `K v` at the present scalings.
  private func restart() {
    let (kernel, v, kv) = (kernel, v, kv)
    threads.forEach(measures.count) { k in
      let product = kernel.product(v[k].array())
      for j in product.indices { kv[k][j] = product[j] }
    }
  }

  /// One iteration; gives the marginal error after it.
  mutating func iterate() -> Double {
    iterations += 1
    if isLogarithmic || !scale() {
      isLogarithmic = true
      takeLogarithms()
    }
    return error
  }

  /// False where the kernel vanished somewhere; the potentials then are those before.
  private mutating func scale() -> Bool {
    let n = kernel.count
    let count = measures.count
    let u = measures.map { _ in SharedBuffer<Double>(count: n) }
    let s = measures.map { _ in SharedBuffer<Double>(count: n) }
    let fresh = measures.map { _ in SharedBuffer<Double>(count: n) }
    let next = measures.map { _ in SharedBuffer<Double>(count: n) }
    let logs = measures.map { _ in SharedBuffer<Double>(count: n) }
    let (kernel, measures, weights, kv) = (kernel, measures, weights, kv)
    threads.forEach(count) { k in
      for i in 0..<n { u[k][i] = measures[k][i] == 0 ? 0 : measures[k][i] / kv[k][i] }
      let product = kernel.product(u[k].array())
      for j in 0..<n {
        s[k][j] = product[j]
        logs[k][j] = weights[k] * log(product[j])
      }
    }
    var a = [Double](repeating: 0, count: n)
    for k in 0..<count where weights[k] > 0 {
      for j in 0..<n { a[j] += logs[k][j] }
    }
    for j in 0..<n {
      a[j] = exp(a[j])
      // A support that no measure reaches has no mass; a sum that overflowed is no number.
      if !(a[j] >= 1e-290 && a[j] <= 1e290) { return false }
    }
    let barycenter = a
    let errors = SharedBuffer<Double>(count: count)
    threads.forEach(count) { k in
      for j in 0..<n { fresh[k][j] = barycenter[j] / s[k][j] }
      let product = kernel.product(fresh[k].array())
      var sum = 0.0
      for i in 0..<n {
        next[k][i] = product[i]
        sum += abs(u[k][i] * product[i] - measures[k][i])
      }
      errors[k] = sum
    }
    var error = 0.0
    for k in 0..<count { error += weights[k] * errors[k] }
    guard error.isFinite else { return false }
    self.error = error
    masses = a
    v = fresh
    self.kv = next
    // The scalings of the rows belong to the products before.
    scaledRows = u
    return true
  }

  private var scaledRows: [SharedBuffer<Double>] = []

  /// The same with potentials, from where scaling ended.
  private mutating func takeLogarithms() {
    let n = kernel.count
    let count = measures.count
    if !v.isEmpty {
      let rate = epsilon
      g = v.map { $0.array().map { rate * log($0) } }
      if g.contains(where: { $0.contains { !$0.isFinite } }) {
        g = measures.map { _ in Array(repeating: 0, count: n) }
      }
      v = []
      kv = []
      scaledRows = []
    }
    let outF = measures.map { _ in SharedBuffer<Double>(count: n) }
    let sums = measures.map { _ in SharedBuffer<Double>(count: n) }
    let outG = measures.map { _ in SharedBuffer<Double>(count: n) }
    let outRows = measures.map { _ in SharedBuffer<Double>(count: n) }
    let (kernel, measures, weights, epsilon, g) = (kernel, measures, weights, epsilon, g)
    threads.forEach(count) { k in
      let soft = kernel.softMaximum(g[k])
      for i in 0..<n { outF[k][i] = epsilon * log(measures[k][i]) - soft[i] }
      let other = kernel.softMaximum(outF[k].array())
      for j in 0..<n { sums[k][j] = other[j] }
    }
    var potential = [Double](repeating: 0, count: n)
    for k in 0..<count where weights[k] > 0 {
      for j in 0..<n { potential[j] += weights[k] * sums[k][j] }
    }
    let common = potential
    let errors = SharedBuffer<Double>(count: count)
    threads.forEach(count) { k in
      for j in 0..<n { outG[k][j] = common[j] - sums[k][j] }
      let soft = kernel.softMaximum(outG[k].array())
      var error = 0.0
      for i in 0..<n where measures[k][i] > 0 {
        outRows[k][i] = exp((outF[k][i] + soft[i]) / epsilon)
        error += abs(outRows[k][i] - measures[k][i])
      }
      errors[k] = error
    }
    error = 0
    for k in 0..<count { error += weights[k] * errors[k] }
    masses = potential.map { exp($0 / epsilon) }
    f = outF.map { $0.array() }
    self.g = outG.map { $0.array() }
    rows = outRows.map { $0.array() }
  }

  var solution: FixedSupportBarycenter.Solution {
    let n = kernel.count
    var primal = CompensatedSum()
    var dual = CompensatedSum()
    var meanRows = [Double](repeating: 0, count: n)
    var meanMeasure = meanRows
    for k in measures.indices {
      var moved = 0.0
      for i in 0..<n where measures[k][i] > 0 {
        let potential = isLogarithmic ? f[k][i] : epsilon * log(scaledRows[k][i])
        let row = isLogarithmic ? rows[k][i] : scaledRows[k][i] * kv[k][i]
        primal.add(weights[k] * potential * row)
        dual.add(weights[k] * potential * measures[k][i])
        moved += row
        meanRows[i] += weights[k] * abs(row - measures[k][i])
        meanMeasure[i] = 0
      }
      primal.add(-weights[k] * epsilon * moved)
      dual.add(-weights[k] * epsilon * moved)
    }
    let total = CompensatedSum.of(masses)
    return FixedSupportBarycenter.Solution(
      masses: masses.map { $0 / total },
      certificate: Certificate(
        primal: primal.value, dual: dual.value, coupled: meanRows, [0], problem: meanMeasure, [0]),
      iterations: iterations)
  }
}
