// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors
import Foundation

/// Newton's steps in the columns' potentials g, the rows' f being best for them.
///
/// The dual's second derivative is then `−(diag(c) − P̃ᵀ diag(1/a) P̃)/ε` with `c = Pᵀ 1`: half the
/// unknowns of the full one, and conjugate gradients need about half the iterations.
struct NewtonRun {
  let live: LivePart
  /// The strength of the moment; a change takes the potentials along.
  var epsilon: Double
  /// Newton's steps so far.
  private(set) var steps = 0
  /// Passes over the kernel so far.
  private(set) var passes = 0
  /// `‖Pᵀ 1 − b‖₁` of the state reached last, as a share of the mass.
  private(set) var error = Double.infinity
  private let truncation: SinkhornNewton.Truncation
  private var kernel: GibbsOperator
  private let rowSums: SharedBuffer<Double>

  private static let innerIterations = 4000
  /// As a share of the range of costs: the ε from which Newton's steps follow it down.
  static let firstShare = 1e-3
  private static let stageFactor = 2.0
  private static let usableSums = 1e-250...1e250
  /// Below this error differences of the dual are rounding, and full steps are taken.
  private static let roundingError = 1e-8

  /// The dual at some column potentials, rows at their best.
  struct State {
    var f: [Double]
    var g: [Double]
    /// `P 1` before the rows were made right: `P_ij = a_i K_ij b_j / sums_i`.
    var sums: [Double]
    /// `Pᵀ 1`.
    var columns: [Double]
    var dual: Double
    /// `‖Pᵀ 1 − b‖₁` as a share of the mass.
    var error: Double
  }

  init(
    live: LivePart, epsilon: Double, threads: Threads, truncation: SinkhornNewton.Truncation
  ) throws(TransportError) {
    self.live = live
    self.epsilon = epsilon
    self.truncation = truncation
    kernel = GibbsOperator(
      live.geometry, source: try RowSource(holding: live.geometry), precision: .double,
      isHeld: live.b.count <= Sinkhorn.heldEntries / live.a.count, threads: threads)
    rowSums = SharedBuffer(count: live.a.count)
  }

  /// Follows ε down by halves to `target`, and there steps until the error is at most `tolerance`.
  mutating func follow(
    to target: Double, from start: Potentials, stageError: Double, tolerance: Double,
    stepsMax: Int, report: (Int, Double) -> Void
  ) throws(TransportError) -> Potentials {
    var state = start
    while true {
      let goal = epsilon > target ? max(stageError, tolerance) : tolerance
      state = try iterate(
        from: state, tolerance: goal, stepsMax: stepsMax - steps, report: report)
      guard epsilon > target, steps < stepsMax, error <= 2 * goal else { return state }
      epsilon = max(target, epsilon / Self.stageFactor)
    }
  }

  /// Steps until the error is at most `tolerance` of the mass, or for `stepsMax`.
  mutating func iterate(
    from start: Potentials, tolerance: Double, stepsMax: Int,
    report: (Int, Double) -> Void
  ) throws(TransportError) -> Potentials {
    error = .infinity
    guard var state = evaluated(start.rows, start.columns) else { return start }
    var best = state
    var damped = 0
    let stepsEnd = steps + stepsMax
    while state.error > tolerance / 2, steps < stepsEnd {
      try checkCancelled("sinkhorn-newton", error: state.error)
      steps += 1
      let matrix = truncated(state)
      let direction = solved(matrix, state)
      let (next, length) = searched(from: state, along: direction, matrix)
      if let next { state = next }
      // Twice a short step, or none: Newton's model is not yet good, and Sinkhorn's steps are safe.
      damped = length < 0.25 ? damped + 1 : 0
      if next == nil || damped >= 2 {
        damped = 0
        state = relaxed(state, passes: 50)
      }
      report(steps, state.error)
      if state.error < best.error { best = state }
      // Rounding has the last word: no further step makes it better.
      if state.error > best.error, best.error < 1e-11 { break }
    }
    error = best.error
    return Potentials(rows: best.f, columns: best.g)
  }

  /// One pass at column potentials; `f` need only be near the best. Nil where the kernel leaves the
  /// range of numbers.
  private mutating func evaluated(_ f: [Double], _ g: [Double]) -> State? {
    passes += 1
    kernel.rebuild(f: f, g: g, epsilon: epsilon)
    var columns = [Double](repeating: 0, count: g.count)
    let (a, b, rowSums) = (live.a, live.b, rowSums)
    kernel.pass(weights: b, into: &columns) { rows, sums, scales in
      var kept = rowSums.part(rows)
      for (k, i) in rows.enumerated() {
        kept[k] = sums[k]
        scales[k] = a[i] / sums[k]
      }
    }
    let sums = rowSums.array()
    guard sums.allSatisfy({ Self.usableSums.contains($0) }) else { return nil }
    var fresh = f
    var dual = CompensatedSum()
    var error = CompensatedSum()
    for i in f.indices {
      fresh[i] -= epsilon * log(sums[i])
      dual.add(a[i] * fresh[i])
    }
    for j in g.indices {
      columns[j] *= b[j]
      dual.add(b[j] * g[j])
      error.add(abs(columns[j] - b[j]))
    }
    guard error.value.isFinite else { return nil }
    return State(
      f: fresh, g: g, sums: sums, columns: columns, dual: dual.value,
      error: error.value / live.problem.mass)
  }

  /// The entries of the coupling that matter; the kernel stands where `state` was evaluated.
  private mutating func truncated(_ state: State) -> SparseRows {
    passes += 1
    let mass = live.problem.mass
    let (a, b, kernel) = (live.a, live.b, kernel)
    let entries = Double(a.count) * Double(b.count)
    let mayDrop = min(1e-3, 0.01 * state.error)
    let least: Double
    switch truncation {
    // So few that all of them together are nothing; the rest is looked at again.
    case .adaptive: least = mayDrop / entries
    case .share: least = 0x1p-64
    }
    let slots = ResultSlots<SparseRows>(kernel.parts.count)
    kernel.threads.forEach(kernel.parts.count) { part in
      var rows = SparseRows()
      kernel.readRows(part) { i, row in
        rows.append(scale: a[i] / state.sums[i], row, b.span, atLeast: least * mass)
      }
      slots[part] = rows
    }
    var matrix = SparseRows()
    for part in 0..<kernel.parts.count { matrix.append(slots[part]!) }
    var histogram = MagnitudeHistogram()
    histogram.add(scale: 1 / mass, matrix.values)
    switch truncation {
    case .adaptive:
      var dropped = 1.0
      for mass in histogram.masses { dropped -= mass }
      for (bin, mass) in histogram.masses.enumerated() {
        dropped += mass
        guard dropped > mayDrop else { continue }
        return matrix.filtered(atLeast: MagnitudeHistogram.lowerBound(bin) * live.problem.mass)
      }
    case .share(let share):
      let wanted = Int64((share * entries).rounded(.up))
      var kept: Int64 = 0
      for (bin, count) in histogram.counts.enumerated().reversed() {
        kept += count
        guard kept >= wanted else { continue }
        return matrix.filtered(atLeast: MagnitudeHistogram.lowerBound(bin) * live.problem.mass)
      }
    }
    return matrix
  }

  /// Newton's direction of g, in units of ε, by conjugate gradients from 0.
  private func solved(_ matrix: SparseRows, _ state: State) -> [Double] {
    let (a, b) = (live.a, live.b)
    let m = b.count
    let shift = 1e-3 * state.error
    var diagonal = state.columns.map { $0 * (1 + shift) }
    let whole = diagonal
    for i in a.indices {
      for k in Int(matrix.starts[i])..<Int(matrix.starts[i + 1]) {
        diagonal[Int(matrix.columns[k])] -= matrix.values[k] * matrix.values[k] / a[i]
      }
    }
    // What cancels to nothing is rounding: such a column is tied to one row alone.
    for j in 0..<m { diagonal[j] = max(diagonal[j], 1e-10 * whole[j]) }
    var residual = (0..<m).map { b[$0] - state.columns[$0] }
    var solution = [Double](repeating: 0, count: m)
    var z = (0..<m).map { residual[$0] / diagonal[$0] }
    var direction = z
    var product = solution
    var rows = [Double](repeating: 0, count: a.count)
    var size = CostKernels.dot(residual.span, z.span)
    let start = size
    let wanted = start * pow(min(1e-2, state.error.squareRoot()), 2)
    for _ in 0..<Self.innerIterations where size > wanted && size > 0 {
      matrix.dot(direction, into: &rows)
      for i in a.indices { rows[i] = -rows[i] / a[i] }
      for j in 0..<m { product[j] = whole[j] * direction[j] }
      matrix.add(scaledBy: rows, into: &product)
      let curvature = CostKernels.dot(direction.span, product.span)
      guard curvature > 0 else { break }
      let length = size / curvature
      CostKernels.accumulate(direction.span, scaledBy: length, into: &solution)
      CostKernels.accumulate(product.span, scaledBy: -length, into: &residual)
      for j in 0..<m { z[j] = residual[j] / diagonal[j] }
      let next = CostKernels.dot(residual.span, z.span)
      let ratio = next / size
      for j in 0..<m { direction[j] = z[j] + ratio * direction[j] }
      size = next
    }
    return solution
  }

  /// The longest of the steps 1, 1/2, 1/4 … that raises the dual enough.
  private mutating func searched(
    from state: State, along direction: [Double], _ matrix: SparseRows
  ) -> (State?, Double) {
    let slope =
      epsilon
      * zip(direction, zip(live.b, state.columns)).reduce(0) { $0 + $1.0 * ($1.1.0 - $1.1.1) }
    var rows = [Double](repeating: 0, count: live.a.count)
    matrix.dot(direction, into: &rows)
    var length = 1.0
    for _ in 0..<12 {
      let step = length * epsilon
      let f = live.a.indices.map { state.f[$0] - step * rows[$0] / live.a[$0] }
      let g = state.g.indices.map { state.g[$0] + step * direction[$0] }
      if let next = evaluated(f, g) {
        let rises = next.dual >= state.dual + 1e-4 * length * slope
        if rises && next.error.isFinite || next.error < state.error / 2
          || state.error < Self.roundingError && next.error < 2 * state.error
        {
          return (next, length)
        }
      }
      length /= 2
    }
    return (nil, 0)
  }

  /// Sinkhorn's own iterations from a state.
  private mutating func relaxed(_ state: State, passes: Int) -> State {
    guard var last = evaluated(state.f, state.g) else { return state }
    for _ in 0..<passes {
      let g = last.g.indices.map {
        last.g[$0] + epsilon * log(live.b[$0] / max(last.columns[$0], 1e-300))
      }
      guard let next = evaluated(last.f, g) else { return last }
      last = next
    }
    return last
  }
}
