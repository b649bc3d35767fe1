// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors
import Foundation

extension SinkhornRun {
  /// One iteration with exact log-sum-exp; gives the error of the rows before it, as a share of the
  /// mass.
  mutating func logStep() -> Double {
    passes += 1
    let rate = 1 / epsilon
    let n = n
    let m = m
    let parts = RowParts(rows: n, columns: m)
    let best = SharedBuffer<Double>(count: parts.count * m)
    let errors = SharedBuffer<Double>(count: n)
    let fresh = SharedBuffer<Double>(f)
    let (g, epsilon, rowSide, b, source) = (g, epsilon, rowSide, columnSide.masses, source)
    let threads = settings.threads
    threads.forEach(parts.count, with: source) { source, part in
      var greatest = best.part(part * m..<(part + 1) * m)
      for j in greatest.indices { greatest[j] = -.infinity }
      for i in parts[part] {
        source.load(i)
        let least = CostKernels.least(source.current, minus: g.span)!.value
        let sum = CostKernels.gibbsSum(b.span, source.current, g.span, f: least, rate: rate)
        let a = rowSide.masses[i]
        let f = rowSide.penalty.potential(
          for: least - epsilon * log(sum), mass: a, epsilon: epsilon)
        errors[i] = a * abs(exp(min(700, (fresh[i] - f) * rate)) - 1)
        fresh[i] = f
        CostKernels.raise(&greatest, to: f, minus: source.current)
      }
    }
    f = fresh.array()
    // Each column's greatest f − C, turned: the part of its potential that makes nothing overflow.
    var turned = [Double](repeating: .infinity, count: m)
    for part in 0..<parts.count {
      let own = best.span.extracting(part * m..<(part + 1) * m)
      for j in 0..<m { turned[j] = min(turned[j], -own[j]) }
    }
    self.g = Self.columnPotentials(
      source, f: f, a: rowSide.masses, turned: turned, side: columnSide, epsilon: epsilon,
      threads: threads)
    return CompensatedSum.of(errors.array()) / live.problem.mass
  }

  /// The columns' potentials from the rows': `turned` is each column's least C − f.
  static func columnPotentials(
    _ source: RowSource, f: [Double], a: [Double], turned: [Double], side: MarginalSide,
    epsilon: Double, threads: Threads
  ) -> [Double] {
    let m = turned.count
    let parts = RowParts(rows: f.count, columns: m)
    let all = SharedBuffer<Double>(count: parts.count * m)
    threads.forEach(parts.count, with: source) { source, part in
      var sums = all.part(part * m..<(part + 1) * m)
      for i in parts[part] {
        source.load(i)
        CostKernels.gibbsAdd(
          a[i], source.current, turned.span, f: f[i], rate: 1 / epsilon, into: &sums)
      }
    }
    var sums = [Double](repeating: 0, count: m)
    for part in 0..<parts.count {
      let own = all.span.extracting(part * m..<(part + 1) * m)
      for j in 0..<m { sums[j] += own[j] }
    }
    return (0..<m).map { j in
      side.penalty.potential(
        for: turned[j] - epsilon * log(sums[j]), mass: side.masses[j], epsilon: epsilon)
    }
  }

  /// The solution at the potentials, everything in it measured in one pass of its own.
  func measured() -> TransportSolution {
    let potentials = live.extended(f, g, epsilon: epsilon)
    return EntropicMeasure(
      live.problem, penalties: (rowSide.penalty, columnSide.penalty), epsilon: epsilon,
      potentials: Potentials(rows: potentials.rows, columns: potentials.columns),
      threads: settings.threads
    ).solution(iterations: passes, tolerance: settings.tolerance)
  }
}
