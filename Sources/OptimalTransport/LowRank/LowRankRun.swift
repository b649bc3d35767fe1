// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

/// One descent: the factors Q, R and the middle masses g.
struct LowRankRun {
  private let live: LivePart
  private let rank: Int
  private let factors: LowRankCost?
  private let pair: Pair?
  private var source: RowSource
  /// Costs are taken in units of this.
  private let unit: Double
  private var q: [Double]
  private var r: [Double]
  private var g: [Double]

  /// Steps are of this length over the gradient's greatest entry squared.
  private static let length = 10.0
  /// No middle point has less than this share of an equal one.
  private static let leastShare = 1e-6
  private static let projections = 1000
  private static let projectionError = 1e-6
  private static let feasibleError = 1e-12

  /// Two spaces to be matched: costs are then `(1 − α) C − 4 α A P B` at the coupling so far.
  struct Pair: Sendable {
    let rows: DistanceFactors
    let columns: DistanceFactors
    let alpha: Double
  }

  init(_ live: LivePart, rank: Int, range: CostRange) throws(TransportError) {
    try self.init(
      live, rank: rank, unit: range.magnitude, pair: nil,
      order: (Array(live.a.indices), Array(live.b.indices)))
  }

  /// - Parameter order: of rows and columns; those at the same place of both begin together.
  init(
    _ live: LivePart, rank: Int, unit: Double, pair: Pair?, order: (rows: [Int], columns: [Int])
  ) throws(TransportError) {
    self.live = live
    self.rank = rank
    self.pair = pair
    self.unit = max(unit, 1e-300)
    if let given = live.geometry as? LowRankCost {
      factors = given
    } else if let cloud = live.geometry as? PointCloud, case .squaredEuclidean = cloud.cost {
      factors = try LowRankCost(squaredEuclidean: cloud.sources, cloud.targets)
    } else {
      factors = nil
    }
    source = factors == nil ? try RowSource(holding: live.geometry) : RowSource(live.geometry)
    // Rows and columns fall to middle points in turn, more than to others: equal factors would stay
    // equal for ever.
    let mass = live.problem.mass
    func factor(_ masses: [Double], _ order: [Int]) -> [Double] {
      let others = 0.5 / Double(rank)
      var out = [Double](repeating: 0, count: masses.count * rank)
      for (place, i) in order.enumerated() {
        let own = place * rank / masses.count
        for k in 0..<rank { out[i * rank + k] = masses[i] * (others + (k == own ? 0.5 : 0)) }
      }
      return out
    }
    q = factor(live.a, order.rows)
    r = factor(live.b, order.columns)
    g = Array(repeating: mass / Double(rank), count: rank)
  }

  /// `C X`, `[n, rank]`, of `X: [m, rank]`, in units; transposed `Cᵀ X`.
  private mutating func costs(times x: [Double], isTurned: Bool) -> [Double] {
    guard let pair else { return linearCosts(times: x, isTurned: isTurned) }
    var out = crossed(pair, x, isTurned: isTurned).map { -4 * pair.alpha * $0 }
    if pair.alpha < 1 {
      let linear = linearCosts(times: x, isTurned: isTurned)
      for k in out.indices { out[k] += (1 - pair.alpha) * linear[k] }
    }
    return out
  }

  /// `A P B X`, or `B Pᵀ A X`, in units, by the factors of P.
  private func crossed(_ pair: Pair, _ x: [Double], isTurned: Bool) -> [Double] {
    let (far, near) = isTurned ? (pair.rows, pair.columns) : (pair.columns, pair.rows)
    let (from, to) = isTurned ? (q, r) : (r, q)
    let count = from.count / rank
    var inner = matrixProduct(
      transposed(from, rows: count), far.product(x, width: rank), inner: count)
    for k in inner.indices { inner[k] /= g[k / rank] * unit }
    return near.product(matrixProduct(to, inner, inner: rank), width: rank)
  }

  /// The objective of the pair at the present factors.
  mutating func objective() -> Double {
    guard let pair else { return .nan }
    func inner(_ left: [Double]) -> Double {
      var sum = CompensatedSum()
      for i in q.indices { sum.add(q[i] * left[i] / g[i % rank]) }
      return sum.value * unit
    }
    let cross = inner(crossed(pair, r, isTurned: false))
    let linear =
      pair.alpha < 1 ? inner(linearCosts(times: r, isTurned: false)) * (1 - pair.alpha) : 0
    return linear
      + pair.alpha
      * (pair.rows.squareMean(live.a) + pair.columns.squareMean(live.b) - 2 * cross)
  }

  /// The same of the given costs alone.
  private mutating func linearCosts(times x: [Double], isTurned: Bool) -> [Double] {
    let n = live.a.count
    let m = live.b.count
    if let factors {
      let (from, to) = isTurned ? (factors.left, factors.right) : (factors.right, factors.left)
      let inner = factors.rank
      var small = [Double](repeating: 0, count: inner * rank)
      for i in 0..<x.count / rank {
        for l in 0..<inner {
          for k in 0..<rank { small[l * rank + k] += from[i * inner + l] * x[i * rank + k] }
        }
      }
      var out = [Double](repeating: 0, count: (isTurned ? m : n) * rank)
      for i in 0..<out.count / rank {
        for l in 0..<inner {
          let factor = to[i * inner + l] / unit
          for k in 0..<rank { out[i * rank + k] += factor * small[l * rank + k] }
        }
      }
      return out
    }
    var out = [Double](repeating: 0, count: (isTurned ? m : n) * rank)
    for i in 0..<n {
      source.load(i)
      let row = source.current
      for j in 0..<m {
        let cost = row[j] / unit
        let (to, from) = isTurned ? (j, i) : (i, j)
        for k in 0..<rank { out[to * rank + k] += cost * x[from * rank + k] }
      }
    }
    return out
  }

  /// One step of descent; gives how far it went.
  mutating func step() throws(TransportError) -> Double {
    var left = costs(times: r, isTurned: false)
    var right = costs(times: q, isTurned: true)
    var middle = [Double](repeating: 0, count: rank)
    for i in q.indices { middle[i % rank] += q[i] * left[i] }
    for i in left.indices { left[i] /= g[i % rank] }
    for i in right.indices { right[i] /= g[i % rank] }
    for k in 0..<rank { middle[k] /= g[k] * g[k] }
    let greatest = [left, right, middle].reduce(0) { max($0, $1.reduce(0) { max($0, abs($1)) }) }
    let length = Self.length / max(greatest * greatest, 1e-12)
    // Factors a row has in common go into its scaling: the greatest exponent of each is 0.
    func kernel(_ gradient: [Double], _ old: [Double]) -> [Double] {
      var out = old
      for i in stride(from: 0, to: old.count, by: rank) {
        var least = Double.infinity
        for k in 0..<rank { least = min(least, gradient[i + k]) }
        for k in 0..<rank { out[i + k] *= exp(-length * (gradient[i + k] - least)) }
      }
      return out
    }
    let first = kernel(left, q)
    let second = kernel(right, r)
    let most = middle.max()!
    let third = (0..<rank).map { g[$0] * exp(length * (middle[$0] - most)) }
    let (oldQ, oldR, oldG) = (q, r, g)
    try project(first, second, third)
    func moved(_ x: [Double], _ y: [Double]) -> Double {
      zip(x, y).reduce(0) { sum, pair in
        pair.0 > 0 && pair.1 > 0 ? sum + (pair.0 - pair.1) * log(pair.0 / pair.1) : sum
      }
    }
    return (moved(q, oldQ) + moved(r, oldR) + moved(g, oldG)) / (length * length)
      / live.problem.mass
  }

  /// Dykstra's projections onto factors whose rows have their mass, whose columns the middle's, and
  /// whose middle masses are not too small.
  private mutating func project(
    _ first: [Double], _ second: [Double], _ third: [Double]
  ) throws(TransportError) {
    let ones = [Double](repeating: 1, count: rank)
    let (a, b) = (live.a, live.b)
    let mass = live.problem.mass
    let least = Self.leastShare * mass / Double(rank)
    var middle = third
    var (v1, v2, q1, q2, low, joint) = (ones, ones, ones, ones, ones, ones)
    var (u1, u2) = (a, b)
    for _ in 0..<Self.projections {
      let rows = Factors.product(first, rank, v1)
      let columns = Factors.product(second, rank, v2)
      for i in a.indices { u1[i] = a[i] / max(rows[i], 1e-300) }
      for j in b.indices { u2[j] = b[j] / max(columns[j], 1e-300) }
      for k in 0..<rank {
        let wanted = middle[k] * low[k]
        let fresh = max(least, wanted)
        low[k] = wanted / fresh
        middle[k] = fresh
      }
      let t1 = Factors.transposed(first, rank, u1)
      let t2 = Factors.transposed(second, rank, u2)
      for k in 0..<rank {
        let product = middle[k] * joint[k] * (v1[k] * q1[k] * t1[k]) * (v2[k] * q2[k] * t2[k])
        let fresh = max(cbrt(product), 1e-300)
        let (n1, n2) = (fresh / max(t1[k], 1e-300), fresh / max(t2[k], 1e-300))
        q1[k] *= v1[k] / n1
        q2[k] *= v2[k] / n2
        joint[k] *= middle[k] / fresh
        (v1[k], v2[k], middle[k]) = (n1, n2, fresh)
      }
      let error =
        zip(zip(u1, Factors.product(first, rank, v1)), a).reduce(0) {
          $0 + abs($1.0.0 * $1.0.1 - $1.1)
        }
        + zip(zip(u2, Factors.product(second, rank, v2)), b).reduce(0) {
          $0 + abs($1.0.0 * $1.0.1 - $1.1)
        }
      if error <= Self.projectionError * mass { break }
    }
    guard middle.allSatisfy({ $0.isFinite && $0 > 0 }) else {
      throw TransportError(
        .notConverged, "a projection left the range of numbers", at: "low-rank transport",
        remedy: "Lower the rank.")
    }
    // Rows last: their mass is then exact. The middle's is what the rows bring, and the columns are
    // scaled to it: the product's marginals are then those asked for.
    let rows = Factors.product(first, rank, v1)
    g = Array(repeating: 0, count: rank)
    for i in a.indices {
      for k in 0..<rank {
        q[i * rank + k] = a[i] * first[i * rank + k] * v1[k] / rows[i]
        g[k] += q[i * rank + k]
      }
    }
    for _ in 0..<Self.projections {
      let columns = Factors.product(second, rank, v2)
      for j in b.indices { u2[j] = b[j] / columns[j] }
      let sums = Factors.transposed(second, rank, u2)
      var error = 0.0
      for k in 0..<rank {
        error += abs(v2[k] * sums[k] - g[k])
        v2[k] = g[k] / sums[k]
      }
      if error <= Self.feasibleError * mass { break }
    }
    for j in b.indices {
      for k in 0..<rank { r[j * rank + k] = u2[j] * second[j * rank + k] * v2[k] }
    }
  }

  func answer(_ steps: Int, _ isConverged: Bool) -> LowRankTransport.Answer {
    var copy = self
    let left = copy.costs(times: r, isTurned: false)
    var cost = 0.0
    for i in q.indices { cost += q[i] * left[i] / g[i % rank] }
    let fromColumns = (0..<rank).map { k in
      stride(from: k, to: r.count, by: rank).reduce(0) { $0 + r[$1] } / g[k]
    }
    let fromRows = (0..<rank).map { k in
      stride(from: k, to: q.count, by: rank).reduce(0) { $0 + q[$1] } / g[k]
    }
    let rows = Factors.product(q, rank, fromColumns)
    let columns = Factors.product(r, rank, fromRows)
    func whole(_ part: [Double], _ places: [Int], _ count: Int) -> [Double] {
      var all = [Double](repeating: 0, count: count * rank)
      for (k, i) in places.enumerated() {
        for l in 0..<rank { all[i * rank + l] = part[k * rank + l] }
      }
      return all
    }
    return LowRankTransport.Answer(
      left: whole(q, live.rows, live.problem.rowMasses.count),
      right: whole(r, live.columns, live.problem.columnMasses.count), middle: g,
      transportCost: cost * unit,
      rowError: zip(rows, live.a).reduce(0) { $0 + abs($1.0 - $1.1) },
      columnError: zip(columns, live.b).reduce(0) { $0 + abs($1.0 - $1.1) }, iterations: steps,
      isConverged: isConverged)
  }
}
