// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

/// Assigns a share ρ of N samples to K clusters, the most certain first, cluster sizes free but
/// penalized: minimizes `⟨Q, C⟩ + ε Σ Q (log Q − 1) + λ KL(Qᵀ1 ‖ ρ q)` where rows give at most 1/N and
/// ρ moves in all (Zhang, Ren and He 2024, P²OT, equation 6).
///
/// A virtual cluster takes what does not move, at no cost. In the log domain throughout: costs are
/// negative logarithms of probabilities, so that kernels span hundreds of orders of magnitude. Where
/// scaling is slow, Newton's method takes over: the dual in the clusters' potentials alone has but K
/// + 1 unknowns.
public struct ProgressivePartial: Sendable {
  /// ρ: the share of the samples that moves, above 0 and at most 1.
  public var share: Double
  /// ε > 0.
  public var epsilon: Double
  /// λ > 0: how dear cluster sizes other than the prior are.
  public var sizePenalty: Double
  /// How far rows may be from their masses, 1 in all, L1: above 0 and below 2.
  public var tolerance: Double
  /// How many passes are made at most.
  public var iterationsMax: Int

  /// Passes before Newton steps come in.
  private static let plainPasses = 20
  /// The same up to so many clusters, where a Newton step takes no longer than two passes.
  private static let plainPassesOfFew = 2
  private static let fewClusters = 16
  /// Up to so many clusters a Newton step, of N K² operations, is worth its time.
  private static let newtonClusters = 512

  public init(
    share: Double, epsilon: Double = 0.1, sizePenalty: Double = 1, tolerance: Double = 1e-9,
    iterationsMax: Int = 10_000
  ) {
    self.share = share
    self.epsilon = epsilon
    self.sizePenalty = sizePenalty
    self.tolerance = tolerance
    self.iterationsMax = iterationsMax
  }

  /// The assignment, and what proves it.
  public struct Solution: Sendable {
    /// `Q: [N, K]`, ρ in all; N times a row is a soft label, less than 1 where the sample is unsure.
    public let coupling: DenseCoupling
    /// `⟨Q, C⟩`.
    public let transportCost: Double
    /// The cluster sizes reached, `[K]`, ρ in all.
    public let sizes: [Double]
    /// The objective from both sides; the row error is of the rows with the virtual cluster.
    public let certificate: Certificate
    /// Passes over the costs.
    public let iterations: Int
    /// To start the next solve from: of the clusters, the virtual one last where there is one.
    package let potentials: [Double]
    let epsilon: Double
    let sizePenalty: Double
  }

  /// Solves for costs `[N, K]`.
  ///
  /// - Parameter prior: q, the sizes wanted, at least 0, scaled to 1; nil is equal sizes.
  /// - Throws: `.badSetting`, `.badCost`, `.badMass`, `.notConverged`, `.cancelled`.
  public func solve(
    _ geometry: any CostGeometry, prior: [Double]? = nil
  ) throws(TransportError) -> Solution {
    try solve(geometry, prior: prior, start: nil)
  }

  func solve(
    _ geometry: any CostGeometry, prior: [Double]?, start: [Double]?
  ) throws(TransportError) -> Solution {
    guard share > 0, share <= 1, sizePenalty > 0, sizePenalty <= CostRange.strengthLimit else {
      throw TransportError(
        .badSetting, "the share is \(share) and the size penalty \(sizePenalty)",
        at: "progressive partial",
        remedy: "Give a share above 0 and at most 1, and a penalty above 0.")
    }
    try checkMarginalTolerance(tolerance, at: "progressive partial")
    let n = geometry.rowCount
    let k = geometry.columnCount
    let given = prior ?? Array(repeating: 1, count: k)
    let total = try LinearProblem.total(given, count: k, side: "column")
    let wanted = given.map { share * $0 / total }
    let range = try CostRange(of: geometry)
    try checkEntropy(epsilon, costs: range.magnitude, at: "progressive partial")
    let isWhole = share == 1
    let whole: any CostGeometry = isWhole ? geometry : VirtualColumn(part: geometry)
    var pass = PenalizedPasses(
      source: try RowSource(holding: whole), rows: n, wanted: wanted,
      virtual: isWhole ? nil : 1 - share, epsilon: epsilon, sizePenalty: sizePenalty,
      start: start)
    let plain = k <= Self.fewClusters ? Self.plainPassesOfFew : Self.plainPasses
    for iteration in 1...max(1, iterationsMax) {
      try checkCancelled("progressive partial")
      let error = pass.run()
      // Every pass looks at the error; after the plain ones, Newton steps make it small.
      if error > tolerance, iteration > plain, k <= Self.newtonClusters {
        pass.newton()
        continue
      }
      if error <= tolerance { return pass.solution(columns: k, iterations: iteration) }
    }
    throw TransportError(
      .notConverged, "after \(iterationsMax) passes rows still miss their masses",
      at: "progressive partial, epsilon \(epsilon)",
      remedy: "Raise iterationsMax, epsilon or tolerance.")
  }
}

/// A geometry with one column more, at no cost.
private struct VirtualColumn: CostGeometry {
  let part: any CostGeometry
  var rowCount: Int { part.rowCount }
  var columnCount: Int { part.columnCount + 1 }

  func fillRow(_ row: Int, into costs: inout MutableSpan<Double>) {
    let k = part.columnCount
    var most = costs.part(0..<k)
    part.fillRow(row, into: &most)
    costs[k] = 0
  }
}

/// Rows exactly, then columns as the penalty has it: ascent on the dual.
private struct PenalizedPasses {
  private var source: RowSource
  private let n: Int
  private let wanted: [Double]
  private let virtual: Double?
  private let epsilon: Double
  private let sizePenalty: Double
  private var f: [Double]
  private var g: [Double]
  private let ones: [Double]

  init(
    source: RowSource, rows: Int, wanted: [Double], virtual: Double?, epsilon: Double,
    sizePenalty: Double, start: [Double]?
  ) {
    self.source = source
    n = rows
    self.wanted = wanted
    self.virtual = virtual
    self.epsilon = epsilon
    self.sizePenalty = sizePenalty
    let columns = source.columnCount
    f = Array(repeating: 0, count: rows)
    if let start, start.count == columns {
      g = start
    } else {
      g = Array(repeating: 0, count: columns)
    }
    ones = Array(repeating: 1, count: columns)
  }

  /// One pass; gives the rows' error before it.
  mutating func run() -> Double {
    let rate = 1 / epsilon
    let mass = 1 / Double(n)
    let columns = g.count
    let g = g
    var error = 0.0
    var highest = [Double](repeating: -.infinity, count: columns)
    for i in 0..<n {
      source.load(i)
      let least = CostKernels.least(source.current, minus: g.span)!.value
      let sum = CostKernels.gibbsSum(ones.span, source.current, g.span, f: least, rate: rate)
      let fresh = least + epsilon * (log(mass) - log(sum))
      error += mass * abs(exp(min(700, (f[i] - fresh) * rate)) - 1)
      f[i] = fresh
      CostKernels.raise(&highest, to: fresh, minus: source.current)
    }
    let turned = highest.map { -$0 }
    var sums = [Double](repeating: 0, count: columns)
    for i in 0..<n {
      source.load(i)
      CostKernels.gibbsAdd(1, source.current, turned.span, f: f[i], rate: rate, into: &sums)
    }
    for j in 0..<columns {
      // ε log Σ_i exp((f_i − C_ij)/ε)
      let soft = highest[j] + epsilon * log(sums[j])
      if j < wanted.count {
        // A prior of 0 leaves a cluster empty.
        self.g[j] =
          wanted[j] == 0
          ? -.infinity
          : sizePenalty / (sizePenalty + epsilon) * (epsilon * log(wanted[j]) - soft)
      } else if let virtual {
        self.g[j] = epsilon * log(virtual) - soft
      }
    }
    return error
  }

  /// The dual in the columns' potentials, its slope, and where asked its negated curvature.
  private mutating func dual(
    _ g: [Double], curved: Bool
  ) -> (value: Double, slope: [Double], curvature: [Double]) {
    let rate = 1 / epsilon
    let columns = g.count
    var sums = [Double](repeating: 0, count: columns)
    var curvature = [Double](repeating: 0, count: curved ? columns * columns : 0)
    var row = [Double](repeating: 0, count: columns)
    var value = CompensatedSum()
    for i in 0..<n {
      source.load(i)
      let least = CostKernels.least(source.current, minus: g.span)!.value
      CostKernels.gibbsRow(source.current, g.span, f: least, rate: rate, into: &row)
      let sum = CostKernels.dot(row.span, ones.span)
      value.add((least - epsilon * log(sum)) / Double(n))
      let scale = 1 / (sum * Double(n))
      for j in 0..<columns {
        row[j] *= scale
        sums[j] += row[j]
      }
      guard curved else { continue }
      var all = curvature.mutableSpan
      for j in 0..<columns where row[j] > 0 {
        var line = all.part(j * columns..<(j + 1) * columns)
        CostKernels.accumulate(row.span, scaledBy: -row[j] * Double(n) * rate, into: &line)
      }
    }
    var slope = [Double](repeating: 0, count: columns)
    for j in 0..<columns {
      if curved { curvature[j * columns + j] += sums[j] * rate }
      if j < wanted.count {
        guard wanted[j] > 0 else { continue }
        let size = wanted[j] * exp(min(700, -g[j] / sizePenalty))
        value.add(-sizePenalty * (size - wanted[j]))
        slope[j] = size - sums[j]
        if curved { curvature[j * columns + j] += size / sizePenalty }
      } else if let virtual {
        value.add(virtual * g[j])
        slope[j] = virtual - sums[j]
      }
    }
    return (value.value, slope, curvature)
  }

  /// One damped Newton step; the potentials stay where none rises.
  mutating func newton() {
    let columns = g.count
    let here = dual(g, curved: true)
    let live = (0..<columns).filter { g[$0] > -.infinity }
    var matrix = live.flatMap { j in live.map { here.curvature[j * columns + $0] } }
    for k in live.indices { matrix[k * live.count + k] *= 1 + 1e-12 }
    guard let step = solveSymmetric(matrix, live.map { here.slope[$0] }) else { return }
    let rise = zip(step, live).reduce(0) { $0 + $1.0 * here.slope[$1.1] }
    var length = 1.0
    while length > 1e-4 {
      var there = g
      for (k, j) in live.enumerated() { there[j] += length * step[k] }
      // Near the top the dual's own rounding hides what is left to gain.
      if rise < 1e-13 * max(1, abs(here.value))
        || dual(there, curved: false).value >= here.value + 1e-4 * length * rise
      {
        g = there
        return
      }
      length /= 2
    }
  }

  mutating func solution(columns k: Int, iterations: Int) -> ProgressivePartial.Solution {
    let rate = 1 / epsilon
    let columns = g.count
    var row = [Double](repeating: 0, count: columns)
    var masses = [Double](repeating: 0, count: n * k)
    var columnSums = [Double](repeating: 0, count: columns)
    var rowSums = [Double](repeating: 0, count: n)
    var cost = CompensatedSum()
    var primal = CompensatedSum()
    var dual = CompensatedSum()
    for i in 0..<n {
      source.load(i)
      // Rows once more exactly, so that none gives more than it has.
      let least = CostKernels.least(source.current, minus: g.span)!.value
      let sum = CostKernels.gibbsSum(ones.span, source.current, g.span, f: least, rate: rate)
      f[i] = least - epsilon * (log(Double(n)) + log(sum))
      CostKernels.gibbsRow(source.current, g.span, f: f[i], rate: rate, into: &row)
      for j in 0..<columns where row[j] > 0 {
        rowSums[i] += row[j]
        columnSums[j] += row[j]
        if j < k {
          masses[i * k + j] = row[j]
          cost.add(row[j] * source.current[j])
        }
        primal.add(row[j] * (f[i] + g[j] - epsilon))
      }
      dual.add(f[i] / Double(n) - epsilon * rowSums[i])
    }
    for j in 0..<k where wanted[j] > 0 {
      let size = columnSums[j]
      primal.add(
        sizePenalty * ((size > 0 ? size * log(size / wanted[j]) : 0) - size + wanted[j]))
      dual.add(-sizePenalty * wanted[j] * (exp(-g[j] / sizePenalty) - 1))
    }
    if let virtual { dual.add(virtual * g[k]) }
    let sizes = Array(columnSums[..<k])
    return ProgressivePartial.Solution(
      coupling: DenseCoupling(rowCount: n, columnCount: k, masses: masses),
      transportCost: cost.value, sizes: sizes,
      certificate: Certificate(
        primal: primal.value, dual: dual.value, coupled: rowSums,
        virtual.map { [columnSums[k] - $0] } ?? [0],
        problem: Array(repeating: 1 / Double(n), count: n), [0]),
      iterations: iterations, potentials: g, epsilon: epsilon, sizePenalty: sizePenalty)
  }
}

/// Solves `A x = b` for a symmetric matrix without negative directions (Cholesky); nil where it has
/// one.
package func solveSymmetric(_ matrix: [Double], _ b: [Double]) -> [Double]? {
  let n = b.count
  var a = matrix
  var x = b
  for j in 0..<n {
    for k in 0..<j {
      let factor = a[j * n + k]
      a[j * n + j] -= factor * factor
    }
    guard a[j * n + j] > 0 else { return nil }
    let root = a[j * n + j].squareRoot()
    a[j * n + j] = root
    for i in j + 1..<max(n, j + 1) {
      var sum = a[i * n + j]
      for k in 0..<j { sum -= a[i * n + k] * a[j * n + k] }
      a[i * n + j] = sum / root
    }
  }
  for i in 0..<n {
    for k in 0..<i { x[i] -= a[i * n + k] * x[k] }
    x[i] /= a[i * n + i]
  }
  for i in stride(from: n - 1, through: 0, by: -1) {
    for k in i + 1..<max(n, i + 1) { x[i] -= a[k * n + i] * x[k] }
    x[i] /= a[i * n + i]
  }
  return x
}
