// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors
import Foundation

/// One solve of `SmoothTransport`: the rows' potentials α, and each column's projection.
struct SmoothRun {
  let live: LivePart
  let gamma: Double
  let entriesMax: Int
  let threads: Threads
  /// `Cᵀ`, `[m, n]`: a column's costs lie together; infinite where no mass may go.
  private(set) var turned: [Double]
  var alpha: [Double]
  private(set) var steps = 0

  /// A column's entries, its threshold τ, its conjugate and whether its last entry ties.
  struct Column: Sendable {
    var rows: [Int] = []
    var masses: [Double] = []
    var threshold = 0.0
    /// The value of the last entry that had room, or τ where all that are above it had.
    var last = 0.0
    var conjugate = 0.0
    var isTied = false
  }

  init(_ live: LivePart, gamma: Double, entriesMax: Int, threads: Threads) {
    self.live = live
    self.gamma = gamma
    self.entriesMax = entriesMax
    self.threads = threads
    let n = live.a.count
    let m = live.b.count
    var turned = [Double](repeating: 0, count: n * m)
    var source = RowSource(live.geometry)
    for i in 0..<n {
      source.load(i)
      let row = source.current
      for j in 0..<m { turned[j * n + i] = row[j] }
    }
    self.turned = turned
    alpha = Array(repeating: 0, count: n)
  }

  /// The same where mass may go only to some rows of each column, as many of them as there are.
  init(_ whole: SmoothRun, supports: [[Int]], alpha: [Double]) {
    live = whole.live
    gamma = whole.gamma
    threads = whole.threads
    entriesMax = live.a.count
    self.alpha = alpha
    turned = Array(repeating: .infinity, count: whole.turned.count)
    for (j, rows) in supports.enumerated() {
      for i in rows { turned[j * live.a.count + i] = whole.turned[j * live.a.count + i] }
    }
  }

  mutating func climb(
    tolerance: Double, iterationsMax: Int, range: CostRange
  ) throws(TransportError) {
    var ascent = LimitedMemoryAscent()
    var columns = projected(alpha)
    var (value, gradient) = dual(alpha, columns)
    var error = size(gradient)
    // The first step: costs change by about a tenth of their range.
    let firstLength = max(range.spread, 1e-300) / (10 * max(size(gradient), 1e-300))
    var mark = value
    let scale = max(abs(value), range.magnitude * live.problem.mass)
    while error > tolerance, steps < iterationsMax {
      try checkCancelled("smooth transport", error: error)
      steps += 1
      // On the right supports Newton's step is exact.
      if steps % 10 == 0 || error < 1e-4 * live.problem.mass {
        var isBetter = false
        for _ in 0..<20 where steps < iterationsMax {
          guard let way = newton(columns, gradient, shift: min(1e-2, error / live.problem.mass))
          else { break }
          var length = 1.0
          var found = false
          while !found, length > 0.02 {
            let next = zip(alpha, way).map { $0 + length * $1 }
            let fresh = projected(next)
            let (risen, change) = dual(next, fresh)
            // Smaller errors are found far off the top, too: the dual must not fall.
            if size(change) < (1 - length / 4) * error, risen >= value - Self.rounding * scale {
              steps += 1
              (alpha, columns, value, gradient, error) = (next, fresh, risen, change, size(change))
              found = true
            }
            length /= 2
          }
          guard found else { break }
          isBetter = true
          if error <= tolerance { return }
        }
        if isBetter { ascent = LimitedMemoryAscent() }
      }
      let step = ascent.step(
        from: alpha, value: value, gradient: gradient, firstLength: firstLength
      ) { alpha in
        dual(alpha, projected(alpha))
      }
      guard let step else { return }
      alpha = step.x
      value = step.value
      gradient = step.gradient
      columns = projected(alpha)
      error = size(gradient)
      // On ties the error does not fall: the ascent is over where the value hardly rises.
      if steps % Self.patience == 0 {
        let isStalled = value - mark <= Self.leastRise * abs(value)
        if isStalled, columns.contains(where: \.isTied) { return }
        mark = value
      }
    }
  }

  /// Values this near, as a share of what is summed, differ by rounding.
  private static let rounding = 1e-12
  /// A rise by less in so many steps, as a share of the value, is none.
  private static let leastRise = 1e-9
  private static let patience = 100

  private func size(_ gradient: [Double]) -> Double { gradient.reduce(0) { $0 + abs($1) } }

  /// Every column's projection at the present α.
  var columns: [Column] { projected(alpha) }

  /// The dual at the present α, and the rows' errors, L1.
  func state(_ columns: [Column]) -> (value: Double, error: Double) {
    let (value, gradient) = dual(alpha, columns)
    return (value, size(gradient))
  }

  /// The objective of a coupling.
  func primal(_ columns: [Column]) -> Double {
    var sum = CompensatedSum()
    for (j, column) in columns.enumerated() {
      for (k, i) in column.rows.enumerated() {
        let mass = column.masses[k]
        sum.add(mass * (turned[j * live.a.count + i] + gamma / 2 * mass))
      }
    }
    return sum.value
  }

  /// Every column's projection at α.
  private func projected(_ alpha: [Double]) -> [Column] {
    let n = live.a.count
    let m = live.b.count
    let parts = RowParts(rows: m, columns: n)
    let slots = ResultSlots<[Column]>(parts.count)
    let (turned, b) = (turned, live.b)
    let (gamma, entriesMax) = (gamma, entriesMax)
    threads.forEach(parts.count) { part in
      slots[part] = parts[part].map { j in
        Self.projected(
          alpha.span, turned.span.extracting(j * n..<(j + 1) * n), mass: b[j], gamma: gamma,
          entriesMax: entriesMax)
      }
    }
    return (0..<parts.count).flatMap { slots[$0]! }
  }

  /// Steps end about a tie, not on it: values this near, as a share of γ times the mass, count as one.
  private static let tie = 1e-3

  /// The t on the simplex of a mass that maximizes `⟨t, α − c⟩ − γ/2 ‖t‖²`.
  private static func projected(
    _ alpha: Span<Double>, _ costs: Span<Double>, mass: Double, gamma: Double, entriesMax: Int
  ) -> Column {
    var column = Column()
    let greatest = -CostKernels.least(costs, minus: alpha)!.value
    // The threshold is at least this: what lies below has no mass.
    let floor = greatest - gamma * mass
    var values: [Double] = []
    for i in costs.indices where alpha[i] - costs[i] >= floor {
      column.rows.append(i)
      values.append(alpha[i] - costs[i])
    }
    if values.count > entriesMax {
      // Of equal ones the first: the order is total.
      let order = values.indices.sorted { (values[$0], $1) > (values[$1], $0) }
      let next = values[order[entriesMax]]
      column.isTied = values[order[entriesMax - 1]] - next <= Self.tie * gamma * mass
      let kept = order[..<entriesMax].sorted()
      column.rows = kept.map { column.rows[$0] }
      values = kept.map { values[$0] }
      column.threshold = next
      column.last = values.min()!
    }
    let leftOut = column.threshold
    let isFull = column.rows.count == entriesMax
    // Michelot's steps: the threshold of those that are left, until none is below it.
    var active = Array(values.indices)
    var threshold = 0.0
    while true {
      threshold =
        (active.reduce(0) { $0 + (values[$1] - greatest) } - gamma * mass) / Double(active.count)
        + greatest
      let above = active.filter { values[$0] > threshold }
      if above.count == active.count || above.isEmpty { break }
      active = above
    }
    column.threshold = threshold
    column.last = isFull ? max(column.last, threshold) : threshold
    // A tie of entries that have no mass anyway is none.
    column.isTied = column.isTied && leftOut > threshold
    column.rows = active.map { column.rows[$0] }
    column.masses = active.map { (values[$0] - threshold) / gamma }
    for (k, at) in active.enumerated() {
      let t = column.masses[k]
      column.conjugate += t * (values[at] - gamma / 2 * t)
    }
    return column
  }

  private func dual(_ alpha: [Double], _ columns: [Column]) -> (value: Double, gradient: [Double]) {
    var value = CompensatedSum()
    var gradient = live.a
    for i in alpha.indices { value.add(live.a[i] * alpha[i]) }
    for column in columns {
      value.add(-column.conjugate)
      for (k, i) in column.rows.enumerated() { gradient[i] -= column.masses[k] }
    }
    return (value.value, gradient)
  }

  /// The way to the α where the rows' masses would be right, did no support change: the supports'
  /// graph Laplacian, a little more on its diagonal, solved by conjugate gradients.
  private func newton(
    _ columns: [Column], _ gradient: [Double], shift: Double
  ) -> [Double]? {
    let n = alpha.count
    var diagonal = [Double](repeating: 0, count: n)
    for column in columns {
      for i in column.rows { diagonal[i] += 1 - 1 / Double(column.rows.count) }
    }
    let more = diagonal.map { shift * ($0 + 1e-3) }
    for i in 0..<n { diagonal[i] += more[i] }
    func product(_ x: [Double]) -> [Double] {
      var out = (0..<n).map { more[$0] * x[$0] }
      for column in columns {
        var mean = 0.0
        for i in column.rows { mean += x[i] }
        mean /= Double(column.rows.count)
        for i in column.rows { out[i] += x[i] - mean }
      }
      return out
    }
    var solution = [Double](repeating: 0, count: n)
    var residual = gradient.map { $0 * gamma }
    func conditioned(_ r: [Double]) -> [Double] {
      (0..<n).map { diagonal[$0] > 0 ? r[$0] / diagonal[$0] : 0 }
    }
    var z = conditioned(residual)
    var direction = z
    var size = CostKernels.dot(residual.span, z.span)
    let wanted = size * 1e-24
    for _ in 0..<2 * n + 50 where size > wanted {
      let image = product(direction)
      let length = size / CostKernels.dot(direction.span, image.span)
      guard length.isFinite else { return nil }
      CostKernels.accumulate(direction.span, scaledBy: length, into: &solution)
      CostKernels.accumulate(image.span, scaledBy: -length, into: &residual)
      z = conditioned(residual)
      let next = CostKernels.dot(residual.span, z.span)
      direction = (0..<n).map { z[$0] + next / size * direction[$0] }
      size = next
    }
    guard size.isFinite else { return nil }
    return solution
  }

  /// A coupling with its certificate, whose dual is that of the present α.
  func answer(
    _ coupled: [Column], _ ending: SmoothTransport.Ending, steps: Int, tolerance: Double
  ) -> SmoothTransport.Answer {
    let problem = live.problem
    let columns = projected(alpha)
    var entries: [(row: Int, column: Int, mass: Double)] = []
    var rows = [Double](repeating: 0, count: problem.rowMasses.count)
    var sums = [Double](repeating: 0, count: problem.columnMasses.count)
    var cost = CompensatedSum()
    let n = live.a.count
    for (j, column) in coupled.enumerated() {
      for (k, i) in column.rows.enumerated() where column.masses[k] > 0 {
        let mass = column.masses[k]
        entries.append((live.rows[i], live.columns[j], mass))
        rows[live.rows[i]] += mass
        sums[live.columns[j]] += mass
        cost.add(mass * turned[j * n + i])
      }
    }
    entries.sort { ($0.row, $0.column) < ($1.row, $1.column) }
    let potentials = live.extended(alpha, columns.map { -$0.threshold }, epsilon: 0)
    let certificate = Certificate(
      primal: primal(coupled), dual: dual(alpha, columns).value, coupled: rows, sums,
      problem: problem.rowMasses, problem.columnMasses)
    return SmoothTransport.Answer(
      solution: TransportSolution(
        coupling: .sparse(
          SparseCoupling(
            rowCount: rows.count, columnCount: sums.count, rows: entries.map(\.row),
            columns: entries.map(\.column), masses: entries.map(\.mass))),
        rowPotentials: potentials.rows, columnPotentials: potentials.columns,
        transportCost: cost.value, certificate: certificate, iterations: steps,
        isConverged: certificate.marginalError <= tolerance * problem.mass),
      ending: ending,
      tiedColumns: columns.indices.filter { columns[$0].isTied }.map { live.columns[$0] })
  }
}
