// SPDX-License-Identifier: Apache-2.0

import FerryBasics
public import FerryOptimalTransport

/// Progressive partial transport between the tiles of bags and prototypes, as a layer: gradients
/// flow to the costs.
///
/// The solution is worked out in f64 on the host. Its derivative is that of one Newton step at the
/// solution whose curvature is held: exact by the implicit function theorem, and as cheap as two
/// passes, whereas unrolling would hold each of them.
public struct PrototypeTransport: Sendable {
  /// ρ, ε, λ and tolerance of every solve.
  public var solver: ProgressivePartial

  public init(_ solver: ProgressivePartial) { self.solver = solver }

  /// What each tile gives each prototype, `[bags, tiles, K]`, `solver.share` in all of a bag.
  ///
  /// - Parameters:
  ///   - costs: `[bags, tiles, K]`, finite.
  ///   - counts: how many tiles a bag has, at least 1; what follows them is padding and gives 0.
  /// - Throws: `.shapeMismatch` where counts and costs are of other bags; what solvers throw.
  public func callAsFunction(_ costs: Tensor, counts: [Int]) throws -> Tensor {
    let shape = costs.shape
    guard shape.count == 3, shape[0] == counts.count,
      counts.allSatisfy({ $0 > 0 && $0 <= shape[1] })
    else {
      throw LearningError(
        .shapeMismatch, "costs \(shape) for bags of \(counts) tiles", place: "prototype transport",
        remedy: "Give costs [bags, tiles, prototypes] and from 1 tile to all of them for each bag.")
    }
    let (bags, tiles, k) = (shape[0], shape[1], shape[2])
    let columns = solver.share == 1 ? k : k + 1
    let numbers = try costs.withoutGradient().floats()
    var potentials: [Float] = []
    var inverses: [Float] = []
    var masses = [Float](repeating: 0, count: bags * tiles)
    for (bag, solved) in try solved(numbers, counts: counts, tiles: tiles, columns: k).enumerated()
    {
      potentials += solved.potentials
      inverses += solved.inverse
      for tile in 0..<counts[bag] { masses[bag * tiles + tile] = 1 / Float(counts[bag]) }
    }
    var whole = costs
    if columns > k {
      // What stays with the virtual prototype costs nothing.
      whole = try Tensor.concatenated(
        [costs, Tensor(repeating: 0, shape: [bags, tiles, 1])], axis: -1)
    }
    let given = try Tensor(potentials, shape: [bags, 1, columns])
    let inverse = try Tensor(inverses, shape: [bags, columns, columns])
    let rows = try Tensor(masses, shape: [bags, tiles, 1])
    let rate = 1 / Float(solver.epsilon)
    let sums = try ((given - whole).softmax(scale: rate) * rows).sum([1], keepingAxes: true)
    // 0 in value: it carries only how the sums, and so the potentials, change with the costs.
    let missing = try sums.withoutGradient() - sums
    let moved = try given + missing.matmul(inverse)
    let plan = try (moved - whole).softmax(scale: rate) * rows
    return columns > k ? try plan.slice(axis: -1, 0..<k) : plan
  }

  /// Each bag's potentials and inverse curvature; bags are solved side by side.
  private func solved(
    _ costs: [Float], counts: [Int], tiles: Int, columns k: Int
  ) throws -> [(potentials: [Float], inverse: [Float])] {
    typealias Answer = Result<(potentials: [Float], inverse: [Float]), any Error>
    let answers = ResultSlots<Answer>(counts.count)
    Threads.cores.forEach(counts.count) { bag in
      answers[bag] = Answer {
        let start = bag * tiles * k
        let own = costs[start..<start + counts[bag] * k].map(Double.init)
        let solution = try solver.solve(DenseCost(own, rows: counts[bag], columns: k))
        let inverse = try PartialPullback(solution).inverseCurvature()
        return (solution.potentials.map { Float($0) }, inverse.map { Float($0) })
      }
    }
    return try counts.indices.map { try answers[$0]!.get() }
  }
}

/// Bags of tiles as what their prototypes receive: learned prototypes, between which partial
/// transport shares the tiles out, the most certain first (Ren et al. 2025, OTSurv).
public struct PrototypePooling: ParameterTree {
  /// `[K, width]`.
  public var prototypes: Tensor

  /// Prototypes about normal with this deviation.
  public init(
    prototypes count: Int, width: Int, deviation: Float, key: RandomKey
  ) throws(LearningError) {
    prototypes = try key.normal(shape: [count, width], deviation: deviation)
  }

  /// What came of bags.
  public struct Pooled: Sendable {
    /// `Qᵀ X / ρ`, `[bags, K, width]`.
    public let features: Tensor
    /// `Q / ρ`, `[bags, tiles, K]`, 1 in all of a bag.
    public let plan: Tensor
  }

  /// - Parameters:
  ///   - tiles: `[bags, tiles, width]`.
  ///   - counts: how many tiles each bag has; the rest is padding.
  ///   - solver: costs are distances as shares of the bag's greatest, so that its ε is, too.
  public func callAsFunction(
    _ tiles: Tensor, counts: [Int], solver: ProgressivePartial
  ) throws -> Pooled {
    let costs = try costs(tiles, counts: counts)
    let plan =
      try PrototypeTransport(solver)(costs, counts: counts) / Float(solver.share)
    return Pooled(features: try plan.transposed([0, 2, 1]).matmul(tiles), plan: plan)
  }

  /// Distances of tiles and prototypes, of each vector the least coordinate taken away first, as
  /// shares of a bag's greatest: `[bags, tiles, K]`, from 0 to 1; 0 at padding.
  public func costs(_ tiles: Tensor, counts: [Int]) throws(LearningError) -> Tensor {
    let shape = tiles.shape
    guard shape.count == 3, shape[0] == counts.count, shape[2] == prototypes.shape[1] else {
      throw .shapes(
        "prototype pooling", shape, prototypes.shape,
        remedy: "Give tiles [bags, tiles, width] and a count for each bag.")
    }
    let x = try tiles.aboveLeast()
    let y = try prototypes.aboveLeast()
    let across = try x.matmul(y.transposed()) * 2
    let squares = try x.square().sum([-1], keepingAxes: true) + y.square().sum([-1]) - across
    // A root has no slope at 0.
    let distances = try squares.maximum(1e-10).squareRoot()
    var inside: [Float] = []
    for count in counts { inside += (0..<shape[1]).map { $0 < count ? 1 : 0 } }
    let own = try distances * Tensor(inside, shape: [shape[0], shape[1], 1])
    return try own / own.max([1, 2], keepingAxes: true)
  }

  public mutating func visit(_ visitor: inout ParameterVisitor) throws(LearningError) {
    try visitor.parameter("prototypes", &prototypes)
  }
}

extension Tensor {
  /// Each vector of the last axis without its least coordinate.
  fileprivate func aboveLeast() throws(LearningError) -> Tensor {
    try self + (-self).max([-1], keepingAxes: true)
  }
}
