// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

/// One solve: potentials, the kernel around them, and the scalings since they were absorbed.
///
/// `P_ij = a_i u_i K_ij v_j b_j` with `K = exp((f + g − C)/ε)`.
struct SinkhornRun {
  private let settings: Sinkhorn
  private let live: LivePart
  private let target: Double
  private let spread: Double
  private let n: Int
  private let m: Int
  private var f: [Double]
  private var g: [Double]
  private var u: [Double]
  private var v: [Double]
  private var isHeld: Bool
  private var kernel: [Double] = []
  private var passes = 0
  private var epsilon: Double
  // What a pass needs, allocated once.
  private var freshRows: [Double]
  private var weights: [Double]
  private var sums: [Double]
  private var row: [Double]
  private var logSteps = 0

  /// Scalings are absorbed above e⁶⁴: what the kernel rounds to 0 stays far below any mass.
  private static let absorbAbove = 64.0
  private static let heldEntries = 1 << 28
  /// From one ε to the next; the first is a twentieth of the range of costs.
  private static let epsilonFactor = 4.0
  private static let stageError = 0.05
  private static let stagePasses = 30

  init(
    _ settings: Sinkhorn, _ live: LivePart, epsilon: Double, spread: Double
  ) {
    self.settings = settings
    self.live = live
    self.spread = spread
    target = epsilon
    self.epsilon = epsilon
    n = live.a.count
    m = live.b.count
    isHeld =
      settings.form == .automatic && settings.memory == .automatic
      && m <= Self.heldEntries / n
    f = Array(repeating: 0, count: n)
    g = Array(repeating: 0, count: m)
    u = Array(repeating: 1, count: n)
    v = Array(repeating: 1, count: m)
    freshRows = Array(repeating: 1, count: n)
    weights = live.b
    sums = Array(repeating: 0, count: m)
    row = Array(repeating: 0, count: m)
  }

  mutating func solve() throws(TransportError) -> TransportSolution {
    var source =
      settings.memory == .lean
      ? RowSource(live.geometry) : try RowSource(holding: live.geometry)
    // The last pass is kept for ε itself: potentials of a larger one may overflow there.
    let stagesEnd = settings.iterationsMax - 1
    var stage = stagesEnd > 0 ? max(target, spread / 20) : target
    let isStaged = stage > target
    epsilon = stage
    _ = logStep(&source)
    while stage > target {
      try iterate(
        &source, until: Self.stageError, passesMax: min(Self.stagePasses, stagesEnd - passes),
        relaxed: false)
      stage = max(target, stage / Self.epsilonFactor)
      absorb()
      epsilon = stage
    }
    if isStaged, passes >= stagesEnd { _ = logStep(&source) }
    var goal = settings.tolerance
    while true {
      try iterate(
        &source, until: goal, passesMax: settings.iterationsMax - passes, relaxed: true)
      absorb()
      if logSteps > 0 {
        // It ended on a kernel that had vanished: one exact step gives every column its mass.
        logSteps = 0
        _ = logStep(&source)
      }
      let solution = measured()
      if solution.isConverged || passes >= settings.iterationsMax { return solution }
      // What was seen on the way was that of the state before.
      goal /= 2
    }
  }

  /// Iterates at the present ε until the error is at most `goal`, as a share of the mass.
  private mutating func iterate(
    _ source: inout RowSource, until goal: Double, passesMax: Int, relaxed: Bool
  ) throws(TransportError) {
    let end = min(passes + passesMax, settings.iterationsMax)
    var relaxation = Relaxation()
    var isFresh = false
    while passes < end {
      try checkCancelled("sinkhorn")
      if settings.form == .logarithmic || logSteps > 0 {
        logSteps = max(0, logSteps - 1)
        isFresh = false
        if logStep(&source) <= goal { return }
        continue
      }
      if !isFresh {
        rebuild(&source)
        isFresh = true
      }
      guard let error = scalingStep(&source, theta: relaxed ? relaxation.theta : 1) else {
        // A row or column of the kernel vanished: exact steps until it is back.
        absorb()
        logSteps = 5
        continue
      }
      relaxation.observe(error)
      if error <= goal { return }
      let largest = max(largestLogarithm(u), largestLogarithm(v))
      if !isHeld || largest > Self.absorbAbove {
        absorb()
        isFresh = !isHeld
      }
    }
  }

  /// The kernel around the present potentials.
  private mutating func rebuild(_ source: inout RowSource) {
    guard isHeld else { return }
    if kernel.isEmpty { kernel = Array(repeating: 0, count: n * m) }
    let g = g
    let f = f
    let rate = 1 / epsilon
    let m = m
    let n = n
    var all = kernel.mutableSpan
    for i in 0..<n {
      source.load(i)
      var part = all.part(i * m..<(i + 1) * m)
      CostKernels.gibbsRow(source.current, g.span, f: f[i], rate: rate, into: &part)
    }
  }

  /// One iteration; gives the marginal error (L1, as a share of the mass) before it, nil where the
  /// kernel has lost a row or column, and then leaves the scalings as they were.
  private mutating func scalingStep(
    _ source: inout RowSource, theta: Double
  ) -> Double? {
    passes += 1
    let a = live.a
    let b = live.b
    for j in 0..<m {
      weights[j] = v[j] * b[j]
      sums[j] = 0
    }
    // A property's span would keep the others from being written.
    let g = g
    let weights = weights
    let kernel = kernel
    var error = 0.0
    for i in 0..<n {
      let step: (scaling: Double, sum: Double)
      if isHeld {
        step = Self.rowStep(
          kernel.span.extracting(i * m..<(i + 1) * m), weights.span, mass: a[i], scaling: u[i],
          theta: theta, sums: &sums)
      } else {
        source.load(i)
        CostKernels.gibbsRow(source.current, g.span, f: f[i], rate: 1 / epsilon, into: &row)
        let row = row
        step = Self.rowStep(
          row.span, weights.span, mass: a[i], scaling: u[i], theta: theta, sums: &sums)
      }
      guard settings.usableSums.contains(step.sum) else { return nil }
      error += a[i] * abs(u[i] * step.sum - 1)
      freshRows[i] = step.scaling
    }
    for j in 0..<m {
      guard settings.usableSums.contains(sums[j]) else { return nil }
    }
    if theta == 1 {
      for j in 0..<m { v[j] = 1 / sums[j] }
    } else {
      for j in 0..<m {
        error += b[j] * abs(v[j] * sums[j] - 1)
        v[j] *= pow(v[j] * sums[j], -theta)
      }
    }
    swap(&u, &freshRows)
    return error / live.problem.mass
  }

  /// Scales one row of the kernel to its mass and adds it to the columns' sums.
  private static func rowStep(
    _ entries: Span<Double>, _ weights: Span<Double>, mass: Double, scaling: Double,
    theta: Double, sums: inout [Double]
  ) -> (scaling: Double, sum: Double) {
    let sum = CostKernels.dot(entries, weights)
    let fresh = theta == 1 ? 1 / sum : scaling * pow(scaling * sum, -theta)
    CostKernels.accumulate(entries, scaledBy: mass * fresh, into: &sums)
    return (fresh, sum)
  }

  /// One iteration with exact log-sum-exp; gives the error of the rows before it.
  private mutating func logStep(_ source: inout RowSource) -> Double {
    passes += 1
    let rate = 1 / epsilon
    var error = 0.0
    let g = g
    for j in 0..<m { row[j] = -.infinity }
    for i in 0..<n {
      source.load(i)
      let least = CostKernels.least(source.current, minus: g.span)!.value
      let sum = CostKernels.gibbsSum(
        live.b.span, source.current, g.span, f: least, rate: rate)
      let fresh = least - epsilon * log(sum)
      error += live.a[i] * abs(exp(min(700, (f[i] - fresh) * rate)) - 1)
      f[i] = fresh
      CostKernels.raise(&row, to: fresh, minus: source.current)
    }
    // `row` holds each column's greatest f − C.
    for j in 0..<m {
      row[j] = -row[j]
      sums[j] = 0
    }
    let turned = row
    for i in 0..<n {
      source.load(i)
      CostKernels.gibbsAdd(
        live.a[i], source.current, turned.span, f: f[i], rate: rate, into: &sums)
    }
    for j in 0..<m { self.g[j] = row[j] - epsilon * log(sums[j]) }
    return error / live.problem.mass
  }

  /// Moves the scalings into the potentials.
  private mutating func absorb() {
    for i in 0..<n where u[i] != 1 {
      f[i] += epsilon * log(u[i])
      u[i] = 1
    }
    for j in 0..<m where v[j] != 1 {
      g[j] += epsilon * log(v[j])
      v[j] = 1
    }
    // The two sides may drift by a constant; the mean of the rows' is held at 0.
    let shift = CompensatedSum.of(f) / Double(n)
    if abs(shift) > spread {
      for i in 0..<n { f[i] -= shift }
      for j in 0..<m { g[j] += shift }
    }
  }

  private func largestLogarithm(_ scalings: [Double]) -> Double {
    var least = Double.infinity
    var greatest = 0.0
    for scaling in scalings {
      least = min(least, scaling)
      greatest = max(greatest, scaling)
    }
    return max(abs(log(least)), abs(log(greatest)))
  }

  /// The solution at the potentials, everything in it measured in one pass of its own.
  private mutating func measured() -> TransportSolution {
    let a = live.problem.rowMasses
    let b = live.problem.columnMasses
    let potentials = live.extended(f, g, epsilon: epsilon)
    let coupling = EntropicCoupling(
      geometry: live.problem.geometry, f: potentials.rows, g: potentials.columns, a: a, b: b,
      epsilon: epsilon)
    var whole = RowSource(live.problem.geometry)
    let ones = [Double](repeating: 1, count: b.count)
    var entries = [Double](repeating: 0, count: b.count)
    var rows = [Double](repeating: 0, count: a.count)
    var columns = [Double](repeating: 0, count: b.count)
    var cost = CompensatedSum()
    for i in a.indices where a[i] > 0 {
      whole.load(i)
      CostKernels.gibbsRow(
        whole.current, potentials.columns.span, f: potentials.rows[i], rate: 1 / epsilon,
        into: &entries)
      for j in entries.indices { entries[j] *= b[j] }
      rows[i] = a[i] * CostKernels.dot(entries.span, ones.span)
      cost.add(a[i] * CostKernels.dot(entries.span, whole.current))
      CostKernels.accumulate(entries.span, scaledBy: a[i], into: &columns)
    }
    let mass = live.problem.mass
    // ε KL(P ‖ a bᵀ) from P's own form: ⟨P, f + g − C⟩ − ε·mass(P) + ε·mass(a)·mass(b).
    let entropy = epsilon * (mass * mass - CompensatedSum.of(rows))
    var primal = CompensatedSum()
    var dual = CompensatedSum()
    for i in a.indices {
      primal.add(rows[i] * potentials.rows[i])
      dual.add(a[i] * potentials.rows[i])
    }
    for j in b.indices {
      primal.add(columns[j] * potentials.columns[j])
      dual.add(b[j] * potentials.columns[j])
    }
    let certificate = Certificate(
      primal: primal.value + entropy, dual: dual.value + entropy, coupled: rows, columns,
      problem: a, b)
    return TransportSolution(
      coupling: .implicit(coupling), rowPotentials: potentials.rows,
      columnPotentials: potentials.columns, transportCost: cost.value, certificate: certificate,
      iterations: passes, isConverged: certificate.marginalError <= settings.tolerance * mass)
  }
}
