// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors
import Foundation

/// Sinkhorn's iterations on a grid, in the log domain, the kernel applied axis by axis.
///
/// Along an axis a line's greatest exponent is taken out, and what remains is a product with the
/// axis's kernel; where that vanishes, exponents are summed one by one.
struct GridRun {
  private let settings: Sinkhorn
  private let problem: LinearProblem
  private let grid: GridCost
  private let sides: (rows: MarginalSide, columns: MarginalSide)
  private let target: Double
  private var epsilon: Double
  private var kernels: [[Double]] = []
  private var f: [Double]
  private var g: [Double]
  private var passes = 0

  private static let epsilonFactor = 4.0
  private static let stageError = 0.05
  private static let stagePasses = 30

  init(
    _ settings: Sinkhorn, _ problem: LinearProblem, grid: GridCost,
    penalties: (MarginalPenalty, MarginalPenalty), epsilon: Double
  ) {
    self.settings = settings
    self.problem = problem
    self.grid = grid
    sides = (
      MarginalSide(masses: problem.rowMasses, penalty: penalties.0),
      MarginalSide(masses: problem.columnMasses, penalty: penalties.1)
    )
    target = epsilon
    self.epsilon = epsilon
    f = Array(repeating: 0, count: problem.rowMasses.count)
    g = f
  }

  mutating func solve() throws(TransportError) -> TransportSolution {
    let spread = grid.axes.reduce(0) { $0 + $1.max()! }
    var stage = max(target, spread / 20)
    if let initial = settings.initial {
      try initial.require(rows: f.count, columns: g.count)
      g = initial.columns
      f = initial.rows
      stage = target
    }
    while stage > target, passes < settings.iterationsMax - 1 {
      take(stage)
      try iterate(
        until: Self.stageError,
        passesMax: min(Self.stagePasses, settings.iterationsMax - 1 - passes), relaxed: false)
      stage /= Self.epsilonFactor
    }
    take(target)
    var goal = settings.tolerance
    while true {
      try iterate(until: goal, passesMax: settings.iterationsMax - passes, relaxed: true)
      let solution = measured()
      if solution.isConverged || passes >= settings.iterationsMax { return solution }
      goal /= 2
    }
  }

  private mutating func take(_ epsilon: Double) {
    self.epsilon = epsilon
    kernels = grid.axes.map { axis in axis.map { exp(-$0 / epsilon) } }
  }

  private mutating func iterate(
    until goal: Double, passesMax: Int, relaxed: Bool
  ) throws(TransportError) {
    var relaxation = Relaxation()
    let end = passes + passesMax
    while passes < end {
      try checkCancelled("sinkhorn")
      passes += 1
      let theta = relaxed ? relaxation.theta : 1
      var error = update(&f, from: g, sides.rows, sides.columns, theta)
      let missing = update(&g, from: f, sides.columns, sides.rows, theta)
      if theta != 1 { error += missing }
      error /= problem.mass
      settings.report(passes, error)
      relaxation.observe(error)
      if error <= goal { return }
    }
  }

  /// One side's potentials from the other's; gives the error before.
  private func update(
    _ f: inout [Double], from g: [Double], _ own: MarginalSide, _ other: MarginalSide,
    _ theta: Double
  ) -> Double {
    let least = softened(g, other.masses, weighted: nil)
    var error = CompensatedSum()
    for i in f.indices {
      let fresh = own.penalty.potential(for: -least[i], mass: own.masses[i], epsilon: epsilon)
      if own.masses[i] > 0 {
        error.add(own.masses[i] * abs(exp(min(700, (f[i] - fresh) / epsilon)) - 1))
      }
      f[i] += theta * (fresh - f[i])
    }
    return error.value
  }

  /// `ε log Σ_j b_j exp((g_j − C_ij)/ε)`; with `weighted`, entries times the cost along that axis.
  private func softened(_ g: [Double], _ b: [Double], weighted: Int?) -> [Double] {
    var values = g
    for j in g.indices { values[j] = b[j] > 0 ? g[j] + epsilon * log(b[j]) : -.infinity }
    // The last axis lies together; its result is written as the first, so that after as many turns
    // as there are axes all lie as before.
    for axis in grid.shape.indices.reversed() {
      let size = grid.shape[axis]
      var kernel = kernels[axis]
      if axis == weighted {
        for k in kernel.indices { kernel[k] *= grid.axes[axis][k] }
      }
      values = turned(values, size: size, kernel: kernel, axis: axis, isWeighted: axis == weighted)
    }
    return values
  }

  private func turned(
    _ values: [Double], size: Int, kernel: [Double], axis: Int, isWeighted: Bool
  ) -> [Double] {
    let lines = values.count / size
    let out = SharedBuffer<Double>(count: values.count)
    let costs = grid.axes[axis]
    let epsilon = epsilon
    let parts = RowParts(rows: lines, columns: size * 4)
    settings.threads.forEach(
      parts.count, with: [Double](repeating: 0, count: 2 * size)
    ) { work, part in
      for line in parts[part] {
        let from = line * size
        var greatest = -Double.infinity
        for j in 0..<size { greatest = max(greatest, values[from + j]) }
        guard greatest > -.infinity else {
          for i in 0..<size { out[i * lines + line] = -.infinity }
          continue
        }
        for j in 0..<size { work[j] = (values[from + j] - greatest) / epsilon }
        var exponentials = [Double](repeating: 0, count: size)
        var sums = exponentials
        var view = exponentials.mutableSpan
        CostKernels.exponentials(work.span.extracting(0..<size), into: &view)
        var sumsView = sums.mutableSpan
        Double.dotRows(kernel.span, exponentials.span, into: &sumsView)
        for i in 0..<size {
          if sums[i] > 1e-250 {
            out[i * lines + line] = greatest + epsilon * log(sums[i])
          } else {
            out[i * lines + line] = Self.exact(
              values, from: from, costs, row: i * size, size, epsilon, isWeighted)
          }
        }
      }
    }
    return out.array()
  }

  private static func exact(
    _ values: [Double], from: Int, _ costs: [Double], row: Int, _ size: Int, _ epsilon: Double,
    _ isWeighted: Bool
  ) -> Double {
    var greatest = -Double.infinity
    for j in 0..<size { greatest = max(greatest, values[from + j] - costs[row + j]) }
    guard greatest > -.infinity else { return greatest }
    var sum = 0.0
    for j in 0..<size {
      let entry = exp((values[from + j] - costs[row + j] - greatest) / epsilon)
      sum += isWeighted ? entry * costs[row + j] : entry
    }
    return greatest + epsilon * log(sum)
  }

  /// Everything measured at the potentials, axis by axis.
  private func measured() -> TransportSolution {
    let a = sides.rows.masses
    let b = sides.columns.masses
    func marginal(
      _ own: MarginalSide, _ f: [Double], _ g: [Double], _ other: [Double], _ axis: Int?
    ) -> [Double] {
      let sums = softened(g, other, weighted: axis)
      return f.indices.map { i in
        own.masses[i] > 0 ? own.masses[i] * exp((f[i] + sums[i]) / epsilon) : 0
      }
    }
    let rows = marginal(sides.rows, f, g, b, nil)
    let columns = marginal(sides.columns, g, f, a, nil)
    let cost = CompensatedSum.of(
      grid.shape.indices.map { CompensatedSum.of(marginal(sides.rows, f, g, b, $0)) })
    return EntropicMeasure(
      problem, penalties: (sides.rows.penalty, sides.columns.penalty), epsilon: epsilon,
      potentials: Potentials(rows: f, columns: g), rows: rows, columns: columns, cost: cost
    ).solution(iterations: passes, tolerance: settings.tolerance)
  }
}
