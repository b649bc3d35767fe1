// SPDX-License-Identifier: Apache-2.0

import FerryBasics

/// How smooth transport ends: at the dual's top, or, where entries tie there, with supports that an
/// exact linear problem chooses and that are exchanged as long as the objective falls.
struct SmoothEnding {
  let tolerance: Double
  let iterationsMax: Int
  let range: CostRange

  /// Entries this near the last one of their column, in units of γ times its mass, may be chosen; the
  /// last allows all.
  private static let widths = [1e-3, 0.1, 10, Double.infinity]
  /// How often prices are raised on the least entries of columns that have too many.
  private static let pricings = 30
  /// How often supports are exchanged.
  private static let exchanges = 30
  /// An exchange must gain this share of the objective.
  private static let gain = 1e-12

  /// The answer from potentials to begin with.
  func answer(from start: SmoothRun) throws(TransportError) -> SmoothTransport.Answer {
    var run = start
    let error = tolerance * run.live.problem.mass
    try run.climb(tolerance: error, iterationsMax: iterationsMax, range: range)
    let top = run.columns
    var steps = run.steps
    if run.state(top).error <= error {
      return run.answer(top, .smooth, steps: steps, tolerance: tolerance)
    }
    let found = try chosen(&run, steps: &steps)
    guard let found, found.state.error <= error else {
      return run.answer(run.columns, .missedRows, steps: steps, tolerance: tolerance)
    }
    // Without a limit nothing was chosen: the second ascent began elsewhere, no more.
    if run.entriesMax == run.live.a.count {
      guard found.isSolved else {
        return run.answer(run.columns, .missedRows, steps: steps, tolerance: tolerance)
      }
      run.alpha = found.alpha
      return run.answer(found.columns, .smooth, steps: steps, tolerance: tolerance)
    }
    return run.answer(found.columns, .chosenSupports, steps: steps, tolerance: tolerance)
  }

  /// A coupling on fixed supports.
  private struct Found {
    let columns: [SmoothRun.Column]
    let alpha: [Double]
    let state: (value: Double, error: Double)
    let objective: Double
    /// Whether it is the best on its supports, not merely one.
    let isSolved: Bool
  }

  /// The best coupling found on supports of the right size; moves `run` to better potentials where
  /// those of the supports are.
  private func chosen(
    _ run: inout SmoothRun, steps: inout Int
  ) throws(TransportError) -> Found? {
    let n = run.live.a.count
    guard run.entriesMax * run.live.b.count >= n else { return nil }
    guard var (best, supports) = try start(run) else { return nil }
    var alpha = best.alpha
    for _ in 0..<Self.exchanges {
      try checkCancelled("smooth transport")
      fill(&supports, run, alpha)
      var fixed = SmoothRun(run, supports: supports, alpha: alpha)
      try fixed.climb(
        tolerance: tolerance * run.live.problem.mass, iterationsMax: iterationsMax, range: range)
      steps += fixed.steps
      let columns = fixed.columns
      let next = Found(
        columns: columns, alpha: fixed.alpha, state: fixed.state(columns),
        objective: run.primal(columns), isSolved: true)
      var elsewhere = run
      elsewhere.alpha = fixed.alpha
      if elsewhere.state(elsewhere.columns).value > run.state(run.columns).value { run = elsewhere }
      // The vertex stands where the ascent does not get through: rows have their mass in any case.
      guard next.state.error <= tolerance * run.live.problem.mass,
        !best.isSolved || falls(next, below: best)
      else { break }
      best = next
      alpha = fixed.alpha
      supports = columns.map { column in
        column.rows.indices.filter { column.masses[$0] > 0 }.map { column.rows[$0] }
      }
    }
    return best
  }

  private func falls(_ next: Found, below best: Found) -> Bool {
    next.objective < best.objective - Self.gain * abs(best.objective)
  }

  /// Adds to each column the rows that want most to it, as many as are allowed.
  private func fill(_ supports: inout [[Int]], _ run: SmoothRun, _ alpha: [Double]) {
    let n = run.live.a.count
    for j in supports.indices {
      let held = Set(supports[j])
      let others = (0..<n).filter { !held.contains($0) }
        .map { (value: alpha[$0] - run.turned[j * n + $0], row: $0) }
        .sorted { ($0.value, $1.row) > ($1.value, $0.row) }
      supports[j] += others.prefix(max(0, run.entriesMax - supports[j].count)).map(\.row)
      supports[j].sort()
    }
  }

  /// Supports of an exact coupling on the entries near those of the dual, no column of which has too
  /// many; nil where none is found.
  private func start(
    _ run: SmoothRun
  ) throws(TransportError) -> (vertex: Found, supports: [[Int]])? {
    let (n, m) = (run.live.a.count, run.live.b.count)
    let columns = run.columns
    for width in Self.widths {
      // What is not allowed costs more than any way round it that is short.
      let dear = 100 * max(range.spread, .leastNormalMagnitude)
      var costs = [Double](repeating: 0, count: n * m)
      var isAllowed = [Bool](repeating: true, count: n * m)
      for j in 0..<m {
        let least = columns[j].last - width * run.gamma * run.live.b[j]
        for i in 0..<n {
          isAllowed[i * m + j] = run.alpha[i] - run.turned[j * n + i] >= least
          costs[i * m + j] = run.turned[j * n + i] + (isAllowed[i * m + j] ? 0 : dear)
        }
      }
      for pricing in 0..<Self.pricings {
        let exact = try NetworkSimplex(threads: run.threads).solve(
          LinearProblem(
            DenseCost(costs, rows: n, columns: m), rowMasses: run.live.a,
            columnMasses: run.live.b))
        guard case .sparse(let coupling) = exact.coupling else {
          preconditionFailure("an exact coupling is sparse")
        }
        // Rounding leaves dust on a tree's arcs.
        let dust = 1e-13 * run.live.problem.mass
        var entries = [[(row: Int, mass: Double)]](repeating: [], count: m)
        var isInside = true
        for k in coupling.rows.indices where coupling.masses[k] > dust {
          let (i, j) = (coupling.rows[k], coupling.columns[k])
          isInside = isInside && isAllowed[i * m + j]
          entries[j].append((i, coupling.masses[k]))
        }
        guard isInside else { break }
        var fits = true
        for j in 0..<m where entries[j].count > run.entriesMax {
          fits = false
          let least = entries[j].sorted { ($0.mass, $0.row) > ($1.mass, $1.row) }
          let price = max(range.spread, .leastNormalMagnitude) * 0.01 * Double(1 + pricing)
          for entry in least.dropFirst(run.entriesMax) { costs[entry.row * m + j] += price }
        }
        guard fits else { continue }
        let supports = entries.map { $0.map(\.row) }
        let vertex = zip(supports, entries).map {
          SmoothRun.Column(rows: $0, masses: $1.map(\.mass))
        }
        return (
          Found(
            columns: vertex, alpha: exact.rowPotentials,
            state: (-.infinity, exact.certificate.marginalError), objective: run.primal(vertex),
            isSolved: false), supports
        )
      }
    }
    return nil
  }
}
