// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors
import Foundation

/// The scalings of all measures, or their logarithms.
struct BregmanProjections<Kernel: SmoothingKernel> {
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
  /// While scaling, `[measures, n]` each: scalings, products with the kernel, and room to work in.
  private let u: SharedBuffer<Double>
  private let v: SharedBuffer<Double>
  private let kv: SharedBuffer<Double>
  private let ku: SharedBuffer<Double>
  private let scratch: SharedBuffer<Double>
  private var hasScaled = false

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
    u = SharedBuffer(count: n * measures.count)
    v = SharedBuffer([Double](repeating: 1, count: n * measures.count))
    kv = SharedBuffer(count: n * measures.count)
    ku = SharedBuffer(count: n * measures.count)
    scratch = SharedBuffer(count: n * measures.count)
    multiply(v, into: kv)
  }

  /// The kernel times each of a buffer's vectors.
  private func multiply(_ x: SharedBuffer<Double>, into out: SharedBuffer<Double>) {
    let (kernel, scratch) = (kernel, scratch)
    let n = kernel.count
    threads.forEach(measures.count) { k in
      let range = k * n..<(k + 1) * n
      var target = out.part(range)
      var room = scratch.part(range)
      kernel.product(x.span.extracting(range), into: &target, scratch: &room)
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

  /// False where the kernel vanished somewhere; the scalings then are those before.
  private mutating func scale() -> Bool {
    let n = kernel.count
    let (kernel, measures, weights) = (kernel, measures, weights)
    let (u, v, kv, ku, scratch) = (u, v, kv, ku, scratch)
    threads.forEach(measures.count) { k in
      let range = k * n..<(k + 1) * n
      var mine = u.part(range)
      let sums = kv.span.extracting(range)
      let measure = measures[k]
      for i in 0..<n { mine[i] = measure[i] == 0 ? 0 : measure[i] / sums[i] }
      var target = ku.part(range)
      var room = scratch.part(range)
      kernel.product(mine.span, into: &target, scratch: &room)
      CostKernels.logarithms(target.span, into: &room)
    }
    // Logarithms of numbers that are none are found by the range of what comes out.
    var a = [Double](repeating: 0, count: n)
    for k in measures.indices where weights[k] > 0 {
      CostKernels.accumulate(
        scratch.span.extracting(k * n..<(k + 1) * n), scaledBy: weights[k], into: &a)
    }
    let logarithms = a
    var exponentials = a.mutableSpan
    CostKernels.exponentials(logarithms.span, into: &exponentials)
    for j in 0..<n {
      // A support that no measure reaches has no mass; a sum that overflowed is no number.
      if !(abs(logarithms[j]) <= 660) { return false }
    }
    for k in 0..<measures.count * n where !(ku[k] >= 1e-290 && ku[k] <= 1e290) { return false }
    let barycenter = a
    let errors = SharedBuffer<Double>(count: measures.count)
    threads.forEach(measures.count) { k in
      let range = k * n..<(k + 1) * n
      var mine = v.part(range)
      let sums = ku.span.extracting(range)
      for j in 0..<n { mine[j] = barycenter[j] / sums[j] }
      var target = kv.part(range)
      var room = scratch.part(range)
      kernel.product(mine.span, into: &target, scratch: &room)
      let scalings = u.span.extracting(range)
      let measure = measures[k]
      var sum = 0.0
      for i in 0..<n { sum += abs(scalings[i] * target[i] - measure[i]) }
      errors[k] = sum
    }
    var error = 0.0
    for k in measures.indices { error += weights[k] * errors[k] }
    guard error.isFinite else { return false }
    self.error = error
    masses = a
    hasScaled = true
    return true
  }

  /// The same with potentials, from where scaling ended.
  private mutating func takeLogarithms() {
    let n = kernel.count
    let count = measures.count
    if hasScaled {
      hasScaled = false
      let rate = epsilon
      g = (0..<count).map { k in (0..<n).map { rate * log(v[k * n + $0]) } }
      if g.contains(where: { $0.contains { !$0.isFinite } }) {
        g = measures.map { _ in Array(repeating: 0, count: n) }
      }
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
        let potential = isLogarithmic ? f[k][i] : epsilon * log(u[k * n + i])
        let row = isLogarithmic ? rows[k][i] : u[k * n + i] * kv[k * n + i]
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
