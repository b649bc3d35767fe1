// SPDX-License-Identifier: Apache-2.0

/// By how much moving points with a map costs more than moving them best: 0 exactly for maps that
/// are optimal between the points and their images, above 0 else (Uscidda and Cuturi 2023,
/// definition 2).
public struct MongeGap: Sendable {
  /// How the best cost is found.
  public enum Solver: Sendable {
    /// Exactly: the gap is at least 0.
    case exact
    /// `⟨C, P⟩` of an entropic coupling, which is above the best: the gap is then below that of
    /// `exact`, and may be below 0 by what entropy blurs.
    case entropic(Sinkhorn)
    /// The Sinkhorn divergence, which is near the best: 0 for a map that moves nothing at any ε.
    case debiased(Sinkhorn)
  }

  /// What moving one unit costs.
  public var cost: PointCost
  /// How the best cost is found.
  public var solver: Solver

  public init(cost: PointCost = .squaredEuclidean, solver: Solver = .exact) {
    self.cost = cost
    self.solver = solver
  }

  /// The gap, and what it is made of.
  public struct Value: Sendable {
    /// `moved − best`.
    public let gap: Double
    /// The mean cost from each point to its own image.
    public let moved: Double
    /// The mean cost of the best coupling of points and images.
    public let best: Double
    /// That coupling, with its certificate.
    public let solution: TransportSolution
    /// All of the divergence, where that is the best cost.
    let divergence: SinkhornDivergence.Value?
  }

  /// The gap of a map that sends `x: [n, d]` to `images: [n, d]`, point by point.
  ///
  /// - Throws: `.shapeMismatch` where counts differ; else as the solver.
  public func callAsFunction(_ x: Points, _ images: Points) throws(TransportError) -> Value {
    guard x.count == images.count else {
      throw TransportError(
        .shapeMismatch, "\(x.count) points and \(images.count) images", at: "monge gap",
        remedy: "Give one image for each point.")
    }
    let cloud = try PointCloud(x, images, cost: cost)
    let problem = try LinearProblem(cloud)
    let solution: TransportSolution
    var divergence: SinkhornDivergence.Value?
    switch solver {
    case .exact: solution = try Assignment().solve(problem)
    case .entropic(let sinkhorn): solution = try sinkhorn.solve(problem)
    case .debiased(let sinkhorn):
      let value = try SinkhornDivergence(sinkhorn)(cloud)
      solution = value.cross
      divergence = value
    }
    var sum = CompensatedSum()
    var source = RowSource(problem.geometry)
    for i in 0..<x.count {
      source.load(i)
      sum.add(source.current[i])
    }
    let moved = sum.value / Double(x.count)
    let best = divergence?.divergence ?? solution.transportCost
    return Value(
      gap: moved - best, moved: moved, best: best, solution: solution, divergence: divergence)
  }

  /// The mean gap over conditions, each with its own points and images: what a map with a context
  /// is held to.
  ///
  /// - Throws: as for one, `.shapeMismatch` for no condition.
  public func conditional(
    _ conditions: [(points: Points, images: Points)]
  ) throws(TransportError) -> (mean: Double, each: [Value]) {
    guard !conditions.isEmpty else {
      throw TransportError(
        .shapeMismatch, "there are no conditions", at: "monge gap", remedy: "Give at least one.")
    }
    var values: [Value] = []
    for condition in conditions { values.append(try self(condition.points, condition.images)) }
    let sum = CompensatedSum.of(values.map(\.gap))
    return (sum / Double(values.count), values)
  }
}
