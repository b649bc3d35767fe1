// SPDX-License-Identifier: Apache-2.0

/// How something computed from a progressive partial assignment changes with the costs: the gradient
/// with respect to the assignment's entries, pulled back by the implicit function theorem on the
/// clusters' conditions.
///
/// The rows' potentials are what makes rows exact, so that K + 1 unknowns are left: O(N K²) and a
/// system of K + 1 equations, where unrolling would hold every pass.
public struct PartialPullback: Sendable {
  /// With the virtual cluster last where there is one, `[N, columns]`, rows of 1/N.
  private let plan: [Double]
  private let n: Int
  private let k: Int
  private let columns: Int
  private let epsilon: Double
  /// The negated curvature of the dual in the clusters' potentials, `[live, live]`.
  private let curvature: [Double]
  /// The clusters that are not empty by their prior.
  private let live: [Int]

  /// Of an assignment; its gradients are as exact as its tolerance is small.
  public init(_ solution: ProgressivePartial.Solution) {
    n = solution.coupling.rowCount
    k = solution.coupling.columnCount
    columns = solution.potentials.count
    epsilon = solution.epsilon
    let mass = 1 / Double(n)
    var plan: [Double] = []
    plan.reserveCapacity(n * columns)
    for i in 0..<n {
      let row = solution.coupling.masses[i * k..<(i + 1) * k]
      plan += row
      if columns > k { plan.append(max(0, mass - row.reduce(0, +))) }
    }
    live = (0..<columns).filter { solution.potentials[$0] > -.infinity }
    var curvature = [Double](repeating: 0, count: live.count * live.count)
    for i in 0..<n {
      for (a, j) in live.enumerated() where plan[i * columns + j] > 0 {
        let part = plan[i * columns + j] / epsilon
        curvature[a * live.count + a] += part
        for (b, l) in live.enumerated() {
          curvature[a * live.count + b] -= part * Double(n) * plan[i * columns + l]
        }
      }
    }
    for (a, j) in live.enumerated() where j < k {
      curvature[a * live.count + a] += solution.sizes[j] / solution.sizePenalty
    }
    self.plan = plan
    self.curvature = curvature
  }

  /// The gradient with respect to the costs from that with respect to the assignment, both `[N, K]`,
  /// row after row.
  ///
  /// - Throws: `.shapeMismatch` where there is not one number for each entry; `.notConverged` where
  ///   clusters are so empty that their conditions determine nothing.
  public func costGradient(of coupled: [Double]) throws(TransportError) -> [Double] {
    guard coupled.count == n * k else {
      throw TransportError(
        .shapeMismatch, "\(coupled.count) numbers for \(n * k) entries", at: "partial pullback",
        remedy: "Give one for each entry, row after row.")
    }
    // P (G − t)/ε, where t is a row's mean of G: what the loss gains by a potential.
    var gain = [Double](repeating: 0, count: n * columns)
    var byColumn = [Double](repeating: 0, count: columns)
    for i in 0..<n {
      var mean = 0.0
      for j in 0..<k { mean += Double(n) * plan[i * columns + j] * coupled[i * k + j] }
      for j in 0..<columns {
        let own = j < k ? coupled[i * k + j] : 0
        gain[i * columns + j] = plan[i * columns + j] * (own - mean) / epsilon
        byColumn[j] += gain[i * columns + j]
      }
    }
    guard let step = solveSymmetric(curvature, live.map { byColumn[$0] }) else {
      throw Self.singular
    }
    var y = [Double](repeating: 0, count: columns)
    for (a, j) in live.enumerated() { y[j] = step[a] }
    var out: [Double] = []
    out.reserveCapacity(n * k)
    for i in 0..<n {
      var mean = 0.0
      for j in 0..<columns { mean += Double(n) * plan[i * columns + j] * y[j] }
      for j in 0..<k {
        let at = i * columns + j
        out.append(plan[at] / epsilon * (y[j] - mean) - gain[at])
      }
    }
    return out
  }

  /// The inverse of the negated curvature, `[columns, columns]`, 0 for empty clusters: what turns the
  /// error in the clusters' masses into a step of their potentials.
  ///
  /// Without its part along equal steps of all: errors add up to 0, and such steps move nothing, but
  /// with a high size penalty that part is by far the greatest, and drowns the rest in f32.
  package func inverseCurvature() throws(TransportError) -> [Double] {
    let count = live.count
    var inner: [Double] = []
    for a in 0..<count {
      let unit = (0..<count).map { ($0 == a ? 1 : 0) - 1 / Double(count) }
      guard let step = solveSymmetric(curvature, unit) else { throw Self.singular }
      let mean = step.reduce(0, +) / Double(count)
      inner += step.map { $0 - mean }
    }
    var out = [Double](repeating: 0, count: columns * columns)
    for (a, j) in live.enumerated() {
      for (b, l) in live.enumerated() { out[j * columns + l] = inner[a * count + b] }
    }
    return out
  }

  private static let singular = TransportError(
    .notConverged, "the clusters' conditions determine no potentials", at: "partial pullback",
    remedy: "Raise epsilon, or lower the size penalty.")
}
