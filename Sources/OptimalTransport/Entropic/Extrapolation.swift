// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Where to go on from after a step of an iteration, from what the last steps changed.
///
/// The combination of the last states whose residuals, extrapolated linearly, are least (Anderson
/// 1965; in differences after Walker and Ni 2011, section 4): near a solution a Krylov method on the
/// contraction, which few slow directions do not hold up. A plain step is never worse than the state
/// before it: where extrapolating made the error rise, the best plain state known is gone back to, and
/// plain steps follow, each time twice as many.
package struct Extrapolation {
  private let masses: [Double]
  /// Where the next step begins, in logarithms.
  package private(set) var state: [Double]
  /// Differences of what steps led to, and of their residuals, oldest first.
  private var changes: [(after: [Double], residual: [Double])] = []
  /// Products of the residuals' differences, weighted by masses, rows as in `changes`.
  private var products: [[Double]] = []
  private var last: (after: [Double], residual: [Double])?
  private var best: (after: [Double], error: Double)?
  private var isExtrapolated = false
  private var plainSteps = 0
  private var plainStepsNext = 1

  /// Beyond ten, passes saved no longer pay for the products.
  private static let changesGreatest = 10
  /// Residuals rise for a step or two on the way down.
  private static let riseGreatest = 4.0
  /// Of a logarithm; farther than a scaling of f32 should go in a step.
  private static let wayGreatest = 10.0
  /// Beside ones on the diagonal: entries of f32 say no more.
  private static let ridge = 1e-10

  /// At 0, where differences weigh as these masses.
  package init(masses: [Double]) {
    self.masses = masses
    state = Array(repeating: 0, count: masses.count)
  }

  /// Takes in that a plain step leads from `state`, which has this error, to `after`; `state` is then
  /// where to go on from.
  package mutating func take(_ after: [Double], error: Double) {
    if error <= Self.riseGreatest * (best?.error ?? .infinity) || !retreat() {
      state = next(after, error)
    }
  }

  private mutating func next(_ after: [Double], _ error: Double) -> [Double] {
    if error < best?.error ?? .infinity { best = (after, error) }
    let residual = Self.difference(after, state)
    if let last {
      remember(Self.difference(after, last.after), Self.difference(residual, last.residual))
    }
    last = (after, residual)
    isExtrapolated = false
    if plainSteps > 0 {
      plainSteps -= 1
      return after
    }
    guard let shares = shares(of: residual) else { return after }
    let way = SharedBuffer<Double>(count: after.count)
    var view = way.part(0..<after.count)
    for j in view.indices { view[j] = 0 }
    for (share, change) in zip(shares, changes) {
      CostKernels.accumulate(change.after.span, scaledBy: -share, into: &view)
    }
    var state = after
    for j in state.indices {
      guard abs(view[j]) <= Self.wayGreatest else { return after }
      state[j] += view[j]
    }
    isExtrapolated = true
    return state
  }

  /// Goes back to the best plain state where the present one was extrapolated; whether it was.
  package mutating func retreat() -> Bool {
    guard isExtrapolated, let best else { return false }
    state = best.after
    changes.removeAll(keepingCapacity: true)
    products.removeAll(keepingCapacity: true)
    last = nil
    isExtrapolated = false
    plainSteps = plainStepsNext
    plainStepsNext *= 2
    return true
  }

  /// Counts logarithms from `state` on.
  package mutating func rebase() {
    if let last { self.last = (Self.difference(last.after, state), last.residual) }
    if let best { self.best = (Self.difference(best.after, state), best.error) }
    for j in state.indices { state[j] = 0 }
  }

  private mutating func remember(_ after: [Double], _ residual: [Double]) {
    if changes.count == Self.changesGreatest {
      changes.removeFirst()
      products.removeFirst()
      for k in products.indices { products[k].removeFirst() }
    }
    changes.append((after, residual))
    let row = productsWith(residual)
    for k in products.indices { products[k].append(row[k]) }
    products.append(row)
  }

  private func productsWith(_ residual: [Double]) -> [Double] {
    var weighted = residual
    var view = weighted.mutableSpan
    CostKernels.multiply(&view, by: masses.span)
    return changes.map { CostKernels.dot($0.residual.span, weighted.span) }
  }

  /// How much of each change leaves the least residual, by Cholesky's factors of the products scaled
  /// to ones on the diagonal; nil without changes that say anything.
  private func shares(of residual: [Double]) -> [Double]? {
    let count = changes.count
    let scales = products.enumerated().map { $1[$0] > 0 ? 1 / $1[$0].squareRoot() : 0 }
    var solution = productsWith(residual)
    for k in 0..<count { solution[k] *= scales[k] }
    var factor = products
    for i in 0..<count {
      for k in 0...i {
        var sum = i == k ? 1 + Self.ridge : products[i][k] * scales[i] * scales[k]
        for l in 0..<k { sum -= factor[i][l] * factor[k][l] }
        if i == k {
          guard sum > 0 else { return nil }
          factor[i][i] = sum.squareRoot()
        } else {
          factor[i][k] = sum / factor[k][k]
        }
      }
      for l in 0..<i { solution[i] -= factor[i][l] * solution[l] }
      solution[i] /= factor[i][i]
    }
    for i in (0..<count).reversed() {
      for l in i + 1..<count { solution[i] -= factor[l][i] * solution[l] }
      solution[i] /= factor[i][i]
    }
    for k in 0..<count { solution[k] *= scales[k] }
    return solution.allSatisfy(\.isFinite) && solution.contains { $0 != 0 } ? solution : nil
  }

  private static func difference(_ x: [Double], _ y: [Double]) -> [Double] {
    var out = x
    for i in out.indices { out[i] -= y[i] }
    return out
  }
}
