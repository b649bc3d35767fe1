// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors

/// Exact transport of a uniform density on a convex polygon to points in it, at squared Euclidean
/// cost: power cells, by damped Newton's steps (Kitagawa, Mérigot and Thibert 2019, algorithm 1).
public struct UniformToPoints: Sendable {
  /// The polygon's corners, counterclockwise.
  public let domain: [SIMD2<Double>]
  /// The error of the points' masses to reach, L1: above 0 and below 2.
  public var tolerance: Double
  /// How many Newton steps are made at most.
  public var stepsMax: Int
  /// How many threads work; the result is the same bits for every count.
  public var threads: Threads

  /// A density of total mass 1 on a convex polygon.
  ///
  /// - Throws: `.badPoint` for a polygon that is not convex, not counterclockwise, or without area;
  ///   `.badSetting` for a tolerance or limit out of range.
  public init(
    domain: [SIMD2<Double>], tolerance: Double = 1e-11, stepsMax: Int = 100,
    threads: Threads = .cores
  ) throws(TransportError) {
    let count = domain.count
    let turnsLeft = domain.indices.allSatisfy { k in
      let u = domain[(k + 1) % count] - domain[k]
      let v = domain[(k + 2) % count] - domain[(k + 1) % count]
      return u.x * v.y - u.y * v.x > 0
    }
    guard count >= 3, turnsLeft else {
      throw TransportError(
        .badPoint, "the polygon's \(count) corners do not turn left at each", at: "domain",
        remedy: "Give at least 3 corners of a convex polygon, counterclockwise.")
    }
    try checkMarginalTolerance(tolerance, at: "uniform to points")
    guard stepsMax > 0 else {
      throw TransportError(
        .badSetting, "stepsMax is \(stepsMax)", at: "uniform to points",
        remedy: "Allow at least 1 step.")
    }
    self.domain = domain
    self.tolerance = tolerance
    self.stepsMax = stepsMax
    self.threads = threads
  }

  /// Cells that carry their point's mass.
  public struct Answer: Sendable {
    /// The corners of each point's cell, counterclockwise: its mass moves to the point.
    public let cells: [[SIMD2<Double>]]
    /// The points' potentials, `[m]`: a cell is where `|x − y|² − g` is least.
    public let potentials: [Double]
    /// The mass of each cell, `[m]`.
    public let masses: [Double]
    /// The cost of moving each cell to its point.
    public let transportCost: Double
    /// The dual value: no plan costs less.
    public let dual: Double
    /// `‖masses − b‖₁`.
    public let error: Double
    /// Newton steps.
    public let iterations: Int
  }

  /// Solves for points with masses of total 1 (others are scaled).
  ///
  /// - Throws: `.badPoint` where a point is not in the plane, or has no Voronoi cell in the polygon
  ///   (it coincides with another, or lies outside); `.badMass` for masses not above 0;
  ///   `.notConverged`, `.cancelled`.
  /// - Complexity: O(m²) a step.
  public func solve(
    _ points: Points, masses given: [Double]? = nil
  ) throws(TransportError) -> Answer {
    let m = points.count
    guard points.dimensions == 2 else {
      throw TransportError(
        .badPoint, "points have \(points.dimensions) dimensions", at: "uniform to points",
        remedy: "Give points of the plane.")
    }
    let b = given ?? Array(repeating: 1, count: m)
    let total = try LinearProblem.total(b, count: m, side: "column")
    if let empty = b.firstIndex(of: 0) {
      throw TransportError(
        .badMass, "the mass is 0", at: "column \(empty)", remedy: "Leave the point out.")
    }
    var run = CellRun(
      sites: points.coordinates.indices.filter { $0 % 2 == 0 }.map {
        SIMD2(points.coordinates[$0], points.coordinates[$0 + 1])
      }, masses: b.map { $0 / total }, domain: domain, threads: threads)
    return try run.solve(tolerance: tolerance, stepsMax: stepsMax)
  }
}

/// One solve: weights, and the cells they give.
private struct CellRun {
  let sites: [SIMD2<Double>]
  let masses: [Double]
  let domain: [SIMD2<Double>]
  let threads: Threads

  struct State {
    var weights: [Double]
    var cells: [PowerCells.Cell]
    var masses: [Double]
    var moments: [Double]
    var borders: [[(cell: Int, length: Double)]]
    var error: Double
  }

  private func evaluated(_ weights: [Double]) -> State {
    typealias Piece = (
      PowerCells.Cell, area: Double, moment: Double, borders: [(cell: Int, length: Double)]
    )
    let slots = ResultSlots<Piece>(sites.count)
    let (sites, domain) = (sites, domain)
    threads.forEach((sites.count + 15) / 16) { part in
      for j in part * 16..<min(sites.count, (part + 1) * 16) {
        let cell = PowerCells.cell(of: j, sites: sites, weights: weights, in: domain)
        let measured = cell.measured(about: sites[j])
        slots[j] = (cell, measured.area, measured.moment, measured.borders)
      }
    }
    let pieces = sites.indices.map { slots[$0]! }
    let area = pieces.reduce(0) { $0 + $1.area }
    let reached = pieces.map { $0.area / area }
    return State(
      weights: weights, cells: pieces.map { $0.0 }, masses: reached,
      moments: pieces.map { $0.moment / area },
      borders: pieces.enumerated().map { j, piece in
        // How the mass changes with the difference of two weights.
        piece.borders.map { border in
          let away = sites[border.cell] - sites[j]
          return (border.cell, border.length / (2 * area * (away * away).sum().squareRoot()))
        }
      },
      error: zip(reached, masses).reduce(0) { $0 + abs($1.0 - $1.1) })
  }

  mutating func solve(
    tolerance: Double, stepsMax: Int
  ) throws(TransportError) -> UniformToPoints.Answer {
    var state = evaluated(Array(repeating: 0, count: sites.count))
    if let lost = state.masses.firstIndex(where: { !($0 > 0) }) {
      throw TransportError(
        .badPoint, "the point has no Voronoi cell in the polygon", at: "target \(lost)",
        remedy: "Leave out points that coincide, and move or scale points into the polygon.")
    }
    let least = min(state.masses.min()!, masses.min()!) / 2
    var steps = 0
    while state.error > tolerance, steps < stepsMax {
      try checkCancelled("uniform to points", error: state.error)
      steps += 1
      let way = direction(state)
      var length = 1.0
      var next = evaluated(zip(state.weights, way).map { $0 + $1 })
      // No cell may vanish: there the second derivative does.
      while length > 1e-12,
        next.masses.contains(where: { $0 < least }) || next.error > (1 - length / 2) * state.error
      {
        // At rounding's level nothing gets better any more.
        if state.error < 1e-13 * Double(sites.count) { break }
        length /= 2
        next = evaluated(zip(state.weights, way).map { $0 + length * $1 })
      }
      guard next.error < state.error else { break }
      state = next
    }
    let answer = answer(state, steps)
    guard state.error <= max(tolerance, 1e-15 * Double(sites.count)) else {
      throw TransportError(
        .notConverged,
        "after \(steps) steps the masses' error is \(state.error); \(tolerance) was asked for",
        at: "uniform to points", remedy: "Raise stepsMax or tolerance.")
    }
    return answer
  }

  /// The weights' change that would make masses right, did they change linearly: the graph Laplacian
  /// of the cells' borders, by conjugate gradients.
  private func direction(_ state: State) -> [Double] {
    let m = sites.count
    let diagonal = state.borders.map { $0.reduce(0) { $0 + $1.length } }
    var residual = (0..<m).map { masses[$0] - state.masses[$0] }
    var solution = [Double](repeating: 0, count: m)
    var z = (0..<m).map { diagonal[$0] > 0 ? residual[$0] / diagonal[$0] : 0 }
    var direction = z
    var size = CostKernels.dot(residual.span, z.span)
    let wanted = size * 1e-20
    for _ in 0..<10 * m + 50 where size > wanted {
      var image = (0..<m).map { diagonal[$0] * direction[$0] }
      for j in 0..<m {
        for border in state.borders[j] { image[j] -= border.length * direction[border.cell] }
      }
      let length = size / CostKernels.dot(direction.span, image.span)
      guard length.isFinite else { break }
      CostKernels.accumulate(direction.span, scaledBy: length, into: &solution)
      CostKernels.accumulate(image.span, scaledBy: -length, into: &residual)
      z = (0..<m).map { diagonal[$0] > 0 ? residual[$0] / diagonal[$0] : 0 }
      let next = CostKernels.dot(residual.span, z.span)
      direction = (0..<m).map { z[$0] + next / size * direction[$0] }
      size = next
    }
    return solution
  }

  private func answer(_ state: State, _ steps: Int) -> UniformToPoints.Answer {
    let cost = CompensatedSum.of(state.moments)
    var dual = CompensatedSum()
    for j in sites.indices {
      dual.add(state.moments[j])
      dual.add(state.weights[j] * (masses[j] - state.masses[j]))
    }
    return UniformToPoints.Answer(
      cells: state.cells.map(\.corners), potentials: state.weights, masses: state.masses,
      transportCost: cost, dual: dual.value, error: state.error, iterations: steps)
  }
}
