// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors
import Foundation

/// Sliced transport: the mean over directions of the cost between the projections of two clouds.
///
/// Each direction is a problem on a line, solved exactly; directions are drawn evenly from the
/// sphere, so the mean has a standard error, which is given. Points are centered and projected in
/// f32; distances and sums are in f64.
public struct Sliced: Sendable {
  /// How many directions, at least 1.
  public var directions: Int
  /// The power p ≥ 1 of the distance.
  public var power: Double
  /// Where the directions come from: equal seeds, equal directions.
  public var seed: Seed
  /// How many threads share out the directions; the result is the same bits for every count.
  public var threads: Threads

  /// - Parameters:
  ///   - directions: how many, at least 1; the standard error falls with their square root.
  ///   - power: p ≥ 1.
  ///   - seed: of the directions.
  ///   - threads: how many share out the directions.
  public init(
    directions: Int = 100, power: Double = 2, seed: Seed = Seed(0), threads: Threads = .cores
  ) {
    self.directions = directions
    self.power = power
    self.seed = seed
    self.threads = threads
  }

  /// The mean cost and how far it is known.
  public struct Value: Sendable {
    /// The mean over directions of the cost of a unit of mass.
    public let cost: Double
    /// The mean's standard error: its deviation over the root of the count of directions; 0 for one.
    public let standardError: Double
    /// `cost^(1/p)`.
    public let distance: Double
    /// The cost of each direction.
    public let costs: [Double]
    /// The direction of the greatest cost, `[d]`, of length 1.
    public let steepest: [Double]
  }

  /// Measures two clouds.
  ///
  /// - Parameters:
  ///   - rowMasses: `[n]`, at least 0; nil is equal masses.
  ///   - columnMasses: `[m]`, likewise.
  /// - Throws: `.badSetting` for settings out of range, `.shapeMismatch` where dimensions differ,
  ///   `.badCost` where costs overflow f32, mass errors as `LinearProblem`, `.cancelled`.
  public func callAsFunction(
    _ x: Points, _ y: Points, rowMasses: [Double]? = nil, columnMasses: [Double]? = nil
  ) throws(TransportError) -> Value {
    let clouds = try ProjectedClouds(
      x, y, power: power, rowMasses: rowMasses, columnMasses: columnMasses, solver: "sliced")
    guard directions > 0 else {
      throw TransportError(
        .badSetting, "there are \(directions) directions", at: "sliced",
        remedy: "Give at least 1; 100 is usual.")
    }
    let all = randomDirections(directions, dimensions: x.dimensions, seed: seed)
    let costs = try clouds.costs(all, threads: threads)
    let mean = CompensatedSum.of(costs) / Double(directions)
    let best = costs.indices.max { costs[$0] < costs[$1] }!
    // In units of the greatest, whose square may be no number.
    let unit = costs[best] > 0 ? costs[best] : 1
    let deviation = CompensatedSum.of(
      costs.lazy.map { ($0 - mean) / unit * (($0 - mean) / unit) })
    return Value(
      cost: mean,
      standardError: directions < 2
        ? 0 : unit * (deviation / Double(directions - 1) / Double(directions)).squareRoot(),
      distance: pow(mean, 1 / power), costs: costs,
      steepest: Array(all[best * x.dimensions..<(best + 1) * x.dimensions]))
  }

  /// The greatest cost over directions, from below: the best of `directions` and of what climbing
  /// from it finds.
  ///
  /// Every direction's cost is a bound from below, so the value is one; no more is proven, as the
  /// cost is not concave in the direction.
  ///
  /// - Parameter stepsMax: how many times the direction is improved at most.
  /// - Throws: as `callAsFunction`.
  public func greatest(
    _ x: Points, _ y: Points, rowMasses: [Double]? = nil, columnMasses: [Double]? = nil,
    stepsMax: Int = 50
  ) throws(TransportError) -> (cost: Double, distance: Double, direction: [Double]) {
    let start = try self(x, y, rowMasses: rowMasses, columnMasses: columnMasses)
    let clouds = try ProjectedClouds(
      x, y, power: power, rowMasses: rowMasses, columnMasses: columnMasses, solver: "sliced")
    let (x, y) = (try clouds.scaled(x), try clouds.scaled(y))
    let line = OneDimensional(power: power)
    func measure(_ direction: [Double]) throws(TransportError) -> TransportSolution {
      try line.solve(
        projected(x, onto: direction), projected(y, onto: direction), rowMasses: rowMasses,
        columnMasses: columnMasses)
    }
    var direction = start.steepest
    var best = try measure(direction)
    for _ in 0..<stepsMax {
      try checkCancelled("sliced")
      let gradient = slope(best, x, y, direction)
      let along = zip(gradient, direction).reduce(0) { $0 + $1.0 * $1.1 }
      let across = zip(gradient, direction).map { $0 - along * $1 }
      let steepness = across.reduce(0) { $0 + $1 * $1 }.squareRoot()
      guard steepness > 1e-12 * max(abs(along), .leastNormalMagnitude) else { break }
      var step = 1.0
      var gained = false
      while step > 1e-6 {
        let turned = zip(direction, across).map {
          $0 * cos(step) + $1 / steepness * sin(step)
        }
        let length = turned.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let next = turned.map { $0 / length }
        let there = try measure(next)
        if there.transportCost > best.transportCost + 0.1 * step * steepness {
          direction = next
          best = there
          gained = true
          break
        }
        step /= 2
      }
      if !gained { break }
    }
    let cost = best.transportCost / best.certificate.mass * lineCost(clouds.scale, power)
    return (cost, pow(max(0, cost), 1 / power), direction)
  }

  /// The derivative of the cost with respect to the direction, at a fixed coupling.
  private func slope(
    _ solution: TransportSolution, _ x: Points, _ y: Points, _ direction: [Double]
  ) -> [Double] {
    guard case .sparse(let coupling) = solution.coupling else { return [] }
    let xs = projected(x, onto: direction)
    let ys = projected(y, onto: direction)
    var sum = [Double](repeating: 0, count: x.dimensions)
    for k in coupling.rows.indices {
      let (i, j) = (coupling.rows[k], coupling.columns[k])
      let difference = xs[i] - ys[j]
      let rate = power * pow(abs(difference), power - 1) * (difference < 0 ? -1 : 1)
      let (from, to) = (x[i], y[j])
      for c in sum.indices {
        sum[c] +=
          coupling.masses[k] * rate * (from[from.startIndex + c] - to[to.startIndex + c])
      }
    }
    return sum
  }
}

/// The points' products with a direction.
private func projected(_ points: Points, onto direction: [Double]) -> [Double] {
  (0..<points.count).map { i in
    let point = points[i]
    var sum = 0.0
    for k in direction.indices { sum += direction[k] * point[point.startIndex + k] }
    return sum
  }
}

/// Directions of length 1, evenly from the sphere, one after the other.
func randomDirections(_ count: Int, dimensions: Int, seed: Seed) -> [Double] {
  var random = SplitMix64(seed)
  var all: [Double] = []
  all.reserveCapacity(count * dimensions)
  for _ in 0..<count {
    while true {
      let direction = (0..<dimensions).map { _ in standardNormal(&random) }
      let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
      guard length > 1e-100 else { continue }
      all += direction.map { $0 / length }
      break
    }
  }
  return all
}

/// One draw from the normal distribution of mean 0 and deviation 1 (Box and Muller 1958).
func standardNormal(_ random: inout SplitMix64) -> Double {
  let radius = (-2 * log(1 - Double.random(in: 0..<1, using: &random))).squareRoot()
  return radius * cos(2 * .pi * Double.random(in: 0..<1, using: &random))
}
