// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors
import Foundation

/// Transport of anything that can be sampled to weighted points, in any dimension: averaged stochastic
/// ascent of the semi-dual (Genevay et al. 2016, algorithm 2), entropic or, at ε = 0, not.
public struct StochasticSemiDual: Sendable {
  /// The targets.
  public let targets: Points
  /// Their masses, `[m]`, of total 1.
  public let masses: [Double]
  /// What moving costs.
  public let cost: PointCost
  /// The entropic strength, at least 0, in the unit of cost.
  public var epsilon: Double
  /// Samples of a step.
  public var batch: Int
  /// How many steps are made.
  public var steps: Int
  /// The first step's length, in the unit of cost for each unit of mass; it falls with the square
  /// root of their number.
  public var rate: Double

  /// A problem and how it is climbed.
  ///
  /// - Throws: `.badSetting` for settings out of range, `.badMass`, `.shapeMismatch`.
  public init(
    targets: Points, masses: [Double]? = nil, cost: PointCost = .squaredEuclidean,
    epsilon: Double = 0, batch: Int = 32, steps: Int = 5000, rate: Double = 1
  ) throws(TransportError) {
    guard epsilon >= 0, epsilon.isFinite, batch > 0, steps > 0, rate > 0, rate.isFinite else {
      throw TransportError(
        .badSetting, "ε is \(epsilon), the batch \(batch), steps \(steps) and the rate \(rate)",
        at: "stochastic semi-dual",
        remedy: "Give ε of at least 0, and others above 0.")
    }
    let given = masses ?? Array(repeating: 1, count: targets.count)
    let total = try LinearProblem.total(given, count: targets.count, side: "column")
    self.targets = targets
    self.masses = given.map { $0 / total }
    self.cost = cost
    self.epsilon = epsilon
    self.batch = batch
    self.steps = steps
    self.rate = rate
  }

  /// What was found, and how sure it is.
  public struct Answer: Sendable {
    /// The targets' potentials, `[m]`.
    public let potentials: [Double]
    /// The dual value on fresh samples, and its standard error.
    public let dual: (mean: Double, standardError: Double)
    /// The mass that fresh samples send to each target, `[m]`.
    public let masses: [Double]
    /// `‖masses − b‖₁`, that of sampling included.
    public let error: Double
  }

  /// Climbs, and measures on as many fresh samples again as one tenth of those climbed with.
  ///
  /// - Parameters:
  ///   - seed: of all samples: the same gives the same bits.
  ///   - sample: one point of the source, as many coordinates as the targets.
  /// - Throws: `.shapeMismatch` for a sample of other dimensions, `.badPoint`, `.badCost`,
  ///   `.cancelled`.
  public func solve(
    seed: Seed, sample: (inout SplitMix64) -> [Double]
  ) throws(TransportError) -> Answer {
    var random = SplitMix64(seed)
    let m = targets.count
    var g = [Double](repeating: 0, count: m)
    var mean = g
    var work = Work(m)
    // The second half alone is averaged: the first is on its way.
    let averagedFrom = steps / 2
    for step in 0..<steps {
      if step % 64 == 0 { try checkCancelled("stochastic semi-dual") }
      work.clear()
      let cloud = try drawn(&random, sample)
      for i in 0..<batch { _ = send(i, cloud, g, &work) }
      let length = rate / Double(step + 1).squareRoot()
      for j in 0..<m { g[j] += length * (masses[j] - work.sums[j] / Double(batch)) }
      if step >= averagedFrom {
        let share = 1 / Double(step - averagedFrom + 1)
        for j in 0..<m { mean[j] += share * (g[j] - mean[j]) }
      }
    }
    return try measured(mean, &random, sample)
  }

  private struct Work {
    var sums: [Double]
    var costs: [Double]

    init(_ m: Int) {
      sums = Array(repeating: 0, count: m)
      costs = sums
    }

    mutating func clear() { for j in sums.indices { sums[j] = 0 } }
  }

  private func drawn(
    _ random: inout SplitMix64, _ sample: (inout SplitMix64) -> [Double]
  ) throws(TransportError) -> PointCloud {
    var coordinates: [Double] = []
    for _ in 0..<batch { coordinates.append(contentsOf: sample(&random)) }
    guard coordinates.count == batch * targets.dimensions else {
      throw TransportError(
        .shapeMismatch, "\(batch) samples have \(coordinates.count) coordinates",
        at: "stochastic semi-dual", remedy: "Sample points of \(targets.dimensions) dimensions.")
    }
    return try PointCloud(
      Points(coordinates, dimensions: targets.dimensions), targets, cost: cost)
  }

  /// Where sample i goes: adds its unit of mass to `work.sums`; gives its potential.
  private func send(_ i: Int, _ cloud: PointCloud, _ g: [Double], _ work: inout Work) -> Double {
    cloud.fillRow(i, into: &work.costs)
    let (nearest, least) = CostKernels.least(work.costs.span, minus: g.span)!
    guard epsilon > 0 else {
      work.sums[nearest] += 1
      return least
    }
    let sum = CostKernels.gibbsSum(
      masses.span, work.costs.span, g.span, f: least, rate: 1 / epsilon)
    let f = least - epsilon * log(sum)
    for j in g.indices { work.sums[j] += masses[j] * exp((f + g[j] - work.costs[j]) / epsilon) }
    return f
  }

  private func measured(
    _ g: [Double], _ random: inout SplitMix64, _ sample: (inout SplitMix64) -> [Double]
  ) throws(TransportError) -> Answer {
    var work = Work(g.count)
    var (sum, squares) = (0.0, 0.0)
    let batches = max(steps / 10, 2)
    for _ in 0..<batches {
      let cloud = try drawn(&random, sample)
      for i in 0..<batch {
        let f = send(i, cloud, g, &work)
        sum += f
        squares += f * f
      }
    }
    let count = Double(batches * batch)
    let mean = sum / count
    let variance = max(0, squares / count - mean * mean)
    let reached = work.sums.map { $0 / count }
    return Answer(
      potentials: g,
      dual: (
        mean + CompensatedSum.of(masses, times: g), (variance / count).squareRoot()
      ),
      masses: reached, error: zip(reached, masses).reduce(0) { $0 + abs($1.0 - $1.1) })
  }
}
