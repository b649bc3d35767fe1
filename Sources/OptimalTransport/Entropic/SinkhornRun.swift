// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors
import Foundation

/// One solve: potentials, the kernel around them, and the scalings since they were absorbed.
///
/// `P_ij = a_i u_i K_ij v_j b_j` with `K = exp((f + g − C)/ε)`.
struct SinkhornRun {
  let settings: Sinkhorn
  let live: LivePart
  let rowSide: MarginalSide
  let columnSide: MarginalSide
  let source: RowSource
  private let target: Double
  var epsilonTarget: Double { target }
  private let range: CostRange
  private let isHeld: Bool
  private var kernel: GibbsOperator
  var n: Int { rowSide.masses.count }
  var m: Int { columnSide.masses.count }
  var f: [Double]
  var g: [Double]
  var epsilon: Double
  var passes = 0
  private(set) var u: SharedBuffer<Double>
  private(set) var v: [Double]
  // What a pass needs, allocated once.
  private var freshRows: SharedBuffer<Double>
  private var rowErrors: SharedBuffer<Double>
  private var weights: [Double]
  private var sums: [Double]
  private var work: [Double] = []
  /// Whether Newton's steps are allowed and were not tried.
  private var mayStep: Bool
  /// Whether it is begun with fewer points.
  private let isCoarse: Bool
  /// Whether Newton's steps ended within the tolerance.
  private var isSettled = false
  /// Whether iterations were given up for Newton's steps.
  private var isSlow = false
  private var logSteps = 0

  /// Scalings are absorbed above these powers of e: what the kernel rounds to 0 stays far below any
  /// mass.
  private static let absorbAbove = (single: 20.0, double: 64.0)
  /// From one ε to the next; the first is a twentieth of the range of costs, or the last where that is
  /// no farther.
  private static let epsilonFactor = 4.0
  private static let stageError = 0.05
  private static let stagePasses = 30
  private static let paceWindow = 50
  /// A Newton step takes some ten passes' time, and some ten are enough; the pace seen falls off later.
  private static let slowPasses = 150.0
  private static let followSteps = 60
  private static let finishSteps = 30
  /// 2¹⁶ bytes of kernel.
  private static let smallEntries = 1 << 14
  /// An f32 kernel has entries to 3e-7 and rows, whose errors cancel, to some 1e-8.
  private static let singleTolerance = 1e-7
  private static let usableSinglesSums = 1e-25...1e25

  init(
    _ settings: Sinkhorn, _ problem: LinearProblem, penalties: (MarginalPenalty, MarginalPenalty),
    epsilon: Double, range: CostRange
  ) throws(TransportError) {
    self.settings = settings
    isCoarse = Self.isCoarse(settings, problem, penalties)
    let live = LivePart(problem, inSpace: isCoarse)
    self.live = live
    rowSide = MarginalSide(masses: live.a, penalty: penalties.0)
    columnSide = MarginalSide(masses: live.b, penalty: penalties.1)
    self.range = range
    target = epsilon
    self.epsilon = epsilon
    source =
      settings.memory == .lean
      ? RowSource(live.geometry) : try RowSource(holding: live.geometry)
    let n = live.a.count
    let m = live.b.count
    isHeld = settings.memory == .automatic && m <= Sinkhorn.heldEntries / n
    mayStep = isHeld && settings.form == .automatic && penalties == (.exact, .exact)
    kernel = GibbsOperator(
      live.geometry, source: source, precision: .single,
      isHeld: isHeld && settings.form != .logarithmic,
      reach: isCoarse ? log(100 / min(1, settings.tolerance)) : nil,
      gridTolerance: settings.form == .logarithmic
        ? nil : max(settings.tolerance, Self.singleTolerance),
      threads: settings.threads)
    f = Array(repeating: range.least, count: n)
    g = Array(repeating: 0, count: m)
    u = SharedBuffer(Array(repeating: 1, count: n))
    v = Array(repeating: 1, count: m)
    freshRows = SharedBuffer(count: n)
    rowErrors = SharedBuffer(count: n)
    weights = live.b
    sums = Array(repeating: 0, count: m)
  }

  mutating func solve() throws(TransportError) -> TransportSolution {
    // The last pass is kept for ε itself: potentials of a larger one may overflow there.
    let stagesEnd = settings.iterationsMax - 1
    let first = range.spread / 20
    var stage = first > Self.epsilonFactor * target ? first : target
    if let initial = settings.initial {
      try takeIn(initial)
      stage = target
      _ = logStep()
    } else if isCoarse, stagesEnd > 0, let coarse = try coarseStart(epsilon: target) {
      (f, g) = (coarse.rows, coarse.columns)
      stage = target
    } else if stagesEnd == 0 {
      if stage > target { _ = logStep() }
      stage = target
    } else if let start = kernel.startingPotentials(epsilon: stage) {
      (f, g) = (start.rows, start.columns)
    }
    let isStaged = stage > target
    epsilon = stage
    while stage > target {
      try iterate(
        until: Self.stageError, passesMax: min(Self.stagePasses, stagesEnd - passes),
        relaxed: false)
      absorb()
      if mayStep, target < stage / 2, stage <= range.spread * NewtonRun.firstShare {
        stage = try newton(goal: max(settings.tolerance, 1e-14), stepsMax: Self.followSteps)
        if stage == target { break }
      }
      stage = max(target, stage / Self.epsilonFactor)
      epsilon = stage
    }
    if isStaged, passes >= stagesEnd { _ = logStep() }
    return try finished()
  }

  /// At ε itself: iterates until the error that is measured is at most the tolerance.
  private mutating func finished() throws(TransportError) -> TransportSolution {
    var goal = settings.tolerance
    if isSettled {
      let solution = measured()
      if solution.isConverged { return solution }
      widen()
    } else if goal < Self.singleTolerance {
      try iterate(
        until: 10 * Self.singleTolerance, passesMax: settings.iterationsMax - passes, relaxed: true)
      absorb()
      if !isSlow { widen() }
    }
    while true {
      if !isSlow {
        try iterate(until: goal, passesMax: settings.iterationsMax - passes, relaxed: true)
      }
      absorb()
      if isSlow {
        isSlow = false
        mayStep = false
        _ = try newton(goal: goal, stepsMax: Self.finishSteps)
        widen()
        if isSettled { logSteps = 0 }
      }
      if logSteps > 0 {
        // It ended on a kernel that had vanished: one exact step gives every column its mass.
        logSteps = 0
        _ = logStep()
      }
      let solution = measured()
      if solution.isConverged || passes >= settings.iterationsMax { return solution }
      if kernel.isOnGrid {
        // Its entries were not near enough.
        kernel.leaveGrid()
        continue
      }
      // What was seen on the way was that of the state before, and in fewer digits.
      goal /= 2
      widen()
    }
  }

  /// Newton's steps from the present state and ε down to the target; gives the ε reached.
  private mutating func newton(goal: Double, stepsMax: Int) throws(TransportError) -> Double {
    mayStep = false
    var run = try NewtonRun(
      live: live, epsilon: epsilon, threads: settings.threads, truncation: .adaptive)
    let before = passes
    let settings = settings
    let state = try run.follow(
      to: target, from: Potentials(rows: f, columns: g), stageError: Self.stageError,
      tolerance: goal, stepsMax: min(stepsMax, (settings.iterationsMax - passes) / 4)
    ) { steps, error in settings.report(before + steps, error) }
    f = state.rows
    g = state.columns
    passes += run.passes
    epsilon = run.epsilon
    isSettled = epsilon == target && run.error <= goal
    return epsilon
  }

  /// Goes on in f64.
  private mutating func widen() {
    guard kernel.precision == .single else { return }
    kernel = GibbsOperator(
      live.geometry, source: source, precision: .double,
      isHeld: kernel.isHeld, threads: settings.threads)
  }

  private mutating func takeIn(_ initial: Potentials) throws(TransportError) {
    try initial.require(
      rows: live.problem.rowMasses.count, columns: live.problem.columnMasses.count)
    f = live.rows.map { initial.rows[$0] }
    g = live.columns.map { initial.columns[$0] }
  }

  /// Iterates at the present ε until the error is at most `goal`, as a share of the mass.
  private mutating func iterate(
    until goal: Double, passesMax: Int, relaxed: Bool
  ) throws(TransportError) {
    let end = min(passes + passesMax, settings.iterationsMax)
    var relaxation = Relaxation()
    var extrapolation = Extrapolation(masses: columnSide.masses)
    let extrapolates = relaxed && isExact && !isSmall
    var isFresh = false
    var pace = (passes: passes, error: Double.infinity)
    while passes < end {
      try checkCancelled("sinkhorn")
      if settings.form == .logarithmic || logSteps > 0 {
        logSteps = max(0, logSteps - 1)
        isFresh = false
        let error = logStep()
        extrapolation = Extrapolation(masses: columnSide.masses)
        settings.report(passes, error)
        if error <= goal { return }
        continue
      }
      if !isFresh {
        kernel.rebuild(f: f, g: g, epsilon: epsilon)
        isFresh = true
      }
      let theta = relaxed && !extrapolates ? relaxation.theta : 1
      guard let error = isSmall ? smallStep(theta: theta) : scalingStep(theta: theta) else {
        if extrapolation.retreat() {
          goOn(from: extrapolation.state)
          continue
        }
        absorb()
        extrapolation.rebase()
        if kernel.isOnGrid {
          kernel.leaveGrid()
          isFresh = false
        } else if kernel.precision == .single {
          widen()
          isFresh = false
        } else {
          // A row or column of the kernel vanished: exact steps until it is back.
          logSteps = 5
        }
        continue
      }
      settings.report(passes, error)
      relaxation.observe(error)
      if error <= goal { return }
      if relaxed, mayStep, passes - pace.passes >= Self.paceWindow {
        // Passes still needed at the pace of the last ones.
        let rate = log(pace.error / error) / Double(passes - pace.passes)
        let whole = log(error / min(goal, settings.tolerance))
        if pace.error.isFinite, whole > rate * Self.slowPasses {
          isSlow = true
          return
        }
        pace = (passes, error)
      }
      if extrapolates, passes < end {
        extrapolation.take(columnLogarithms, error: error)
        goOn(from: extrapolation.state)
      }
      let limit =
        kernel.isSingle ? Self.absorbAbove.single : Self.absorbAbove.double
      if !kernel.staysAround || largestLogarithm > limit {
        absorb()
        extrapolation.rebase()
        isFresh = false
      }
    }
  }

  /// One iteration; gives the marginal error (L1, as a share of the mass) before it, nil where the
  /// kernel has lost a row or column, and then leaves the scalings as they were.
  private mutating func scalingStep(theta: Double) -> Double? {
    passes += 1
    let b = columnSide.masses
    for j in weights.indices { weights[j] = v[j] * b[j] }
    let usable = kernel.isSingle ? usableSingles : settings.usableSums
    let (f, u, freshRows, rowErrors, rowSide) = (f, u, freshRows, rowErrors, rowSide)
    let epsilon = epsilon
    kernel.pass(weights: weights, into: &sums) { rows, sums, scales in
      var fresh = freshRows.part(rows)
      let old = u.span.extracting(rows)
      rowSide.rescale(
        rows, f: f, u: old, sums: sums, theta: theta, epsilon: epsilon, into: &fresh)
      let a = rowSide.masses.span.extracting(rows)
      var errors = rowErrors.part(rows)
      let isExact = rowSide.penalty == .exact
      for k in sums.indices {
        let sum = sums[k]
        let isUsable = sum >= usable.lowerBound && sum <= usable.upperBound
        // For exact marginals `fresh` may be beyond what the row lacks, and 1 is what it needs.
        let missing = isExact ? old[k] * sum - 1 : sum * (fresh[k] - old[k]) / theta
        errors[k] = isUsable ? a[k] * abs(missing) : .infinity
        scales[k] = isUsable ? a[k] * fresh[k] : 0
      }
    }
    var error = 0.0
    let errors = rowErrors.span
    for i in errors.indices { error += errors[i] }
    guard error < .infinity, sums.allSatisfy({ usable.contains($0) }) else { return nil }
    var freshColumns = weights
    do {
      var view = freshColumns.mutableSpan
      columnSide.rescale(
        0..<m, f: g, u: v.span, sums: sums.span, theta: theta, epsilon: epsilon, into: &view)
    }
    if isExact {
      // Rows had their masses when the sums of columns were taken.
      error = 0
      for j in v.indices { error += b[j] * abs(v[j] * sums[j] - 1) }
    } else if theta != 1 {
      let isExact = columnSide.penalty == .exact
      for j in v.indices {
        let missing = isExact ? v[j] * sums[j] - 1 : sums[j] * (freshColumns[j] - v[j]) / theta
        error += b[j] * abs(missing)
      }
    }
    v = freshColumns
    swap(&self.u, &self.freshRows)
    translate()
    return error / live.problem.mass
  }

  /// Whether both sides are to have their masses.
  private var isExact: Bool { rowSide.penalty == .exact && columnSide.penalty == .exact }

  /// Scalings of the columns whose logarithms these are.
  private mutating func goOn(from logarithms: [Double]) {
    var view = v.mutableSpan
    CostKernels.exponentials(logarithms.span, into: &view)
  }

  private var columnLogarithms: [Double] {
    var logs = v
    var view = logs.mutableSpan
    CostKernels.logarithms(v.span, into: &view)
    return logs
  }

  /// All of it lies in the cache, and an iteration is one loop in C.
  private var isSmall: Bool {
    kernel.isSingle && kernel.isHeld && n * m <= Self.smallEntries && isExact
      && settings.usableSums.contains(1e-25) && settings.usableSums.contains(1e25)
  }

  private mutating func smallStep(theta: Double) -> Double? {
    passes += 1
    if work.isEmpty { work = Array(repeating: 0, count: n + 2 * m) }
    let u = u
    var rows = u.part(0..<n)
    let error = kernel.sweep(
      rowSide.masses, columnSide.masses, u: &rows, v: &v, theta: theta, work: &work)
    return error < .infinity ? error / live.problem.mass : nil
  }

  private var usableSingles: ClosedRange<Double> {
    let wide = settings.usableSums
    let narrow = Self.usableSinglesSums
    return max(
      wide.lowerBound, narrow.lowerBound)...max(
        wide.lowerBound, narrow.lowerBound, min(wide.upperBound, narrow.upperBound))
  }

  /// Moves the scalings into the potentials.
  private mutating func absorb() {
    var logs = f
    do {
      var view = logs.mutableSpan
      CostKernels.logarithms(u.span, into: &view)
    }
    let u = u
    var fresh = u.part(0..<n)
    for i in f.indices {
      f[i] += epsilon * logs[i]
      fresh[i] = 1
    }
    logs = columnLogarithms
    for j in g.indices {
      g[j] += epsilon * logs[j]
      v[j] = 1
    }
    guard isExact else { return }
    // The two sides may drift by a constant; the mean of the rows' is held at 0.
    let shift = CompensatedSum.of(f) / Double(n)
    if abs(shift) > range.spread {
      for i in f.indices { f[i] -= shift }
      for j in g.indices { g[j] += shift }
    }
  }

  private var largestLogarithm: Double {
    var least = Double.infinity
    var greatest = 0.0
    let rows = u.span
    for i in rows.indices {
      least = min(least, rows[i])
      greatest = max(greatest, rows[i])
    }
    for scaling in v {
      least = min(least, scaling)
      greatest = max(greatest, scaling)
    }
    return max(abs(log(least)), abs(log(greatest)))
  }
}
