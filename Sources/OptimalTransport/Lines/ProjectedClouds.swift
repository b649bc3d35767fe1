// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors

/// Two clouds in f32 around their common mean, laid out for projecting them onto many directions.
struct ProjectedClouds: Sendable {
  private let x: PointTiles
  private let y: PointTiles
  private let a: [Double]?
  private let b: [Double]?
  private let power: Double
  /// The points' greatest distance from `center` along a coordinate, or 1.
  let scale: Double
  /// The mean of both clouds' means.
  let center: [Double]
  private let solver: String

  init(
    _ x: Points, _ y: Points, power: Double, rowMasses: [Double]?, columnMasses: [Double]?,
    solver: String
  ) throws(TransportError) {
    guard x.dimensions == y.dimensions else {
      throw TransportError(
        .shapeMismatch, "sources have \(x.dimensions) dimensions, targets \(y.dimensions)",
        at: solver, remedy: "Give both the same coordinates.")
    }
    guard power >= 1, power.isFinite else {
      throw TransportError(
        .badSetting, "the power is \(power)", at: solver,
        remedy: "Give a finite power of at least 1.")
    }
    self.power = power
    self.solver = solver
    if rowMasses == nil, columnMasses == nil {
      a = nil
      b = nil
    } else {
      let problem = try LinearProblem(
        PointCloud(x, y), rowMasses: rowMasses, columnMasses: columnMasses)
      // Of a unit of mass.
      a = problem.rowMasses.map { $0 / problem.mass }
      b = problem.columnMasses.map { $0 / problem.mass }
    }
    var mean = [Double](repeating: 0, count: x.dimensions)
    for points in [x, y] {
      for (at, value) in points.coordinates.enumerated() {
        mean[at % x.dimensions] += value / Double(2 * points.count)
      }
    }
    center = mean
    // Points lie within ±1 of the center, so that f32 holds them whatever their unit.
    var reach = 0.0
    for points in [x, y] {
      for (at, value) in points.coordinates.enumerated() {
        reach = max(reach, abs(value - center[at % x.dimensions]))
      }
    }
    scale = reach == 0 ? 1 : reach
    // Of points as they are, and within ±1.
    let greatest = lineCost(2 * max(scale, 1) * Double(x.dimensions), power)
    guard greatest <= CostRange.magnitudeLimit else {
      throw TransportError(
        .badCost, "the costs may reach \(greatest)", at: solver,
        remedy: "Scale the points down: the power of their distance overflows.")
    }
    self.x = PointTiles(x, center: center, scale: scale)
    self.y = PointTiles(y, center: center, scale: scale)
  }

  /// Points as they are projected: around the center, within ±1.
  func scaled(_ points: Points) throws(TransportError) -> Points {
    let d = points.dimensions
    return try Points(
      points.coordinates.indices.map { (points.coordinates[$0] - center[$0 % d]) / scale },
      dimensions: d)
  }

  /// The cost of a unit of mass along each direction.
  func costs(_ directions: [Double], threads: Threads) throws(TransportError) -> [Double] {
    try checkCancelled(solver)
    let count = directions.count / x.dimensions
    let unit = lineCost(scale, power)
    let costs = SharedBuffer<Double>(count: count)
    threads.forEach((count + 3) / 4) { group in
      if Task.isCancelled { return }
      let first = 4 * group
      for (k, cost) in four(directions, from: first, to: min(first + 4, count)).enumerated() {
        costs[first + k] = cost * unit
      }
    }
    try checkCancelled(solver)
    return costs.array()
  }

  /// The costs of up to four directions.
  private func four(_ directions: [Double], from first: Int, to end: Int) -> [Double] {
    let d = x.dimensions
    var rows = [Float](repeating: 0, count: 4 * d)
    for at in first * d..<end * d { rows[at - first * d] = Float(directions[at]) }
    var fromX = [Float](repeating: 0, count: 4 * x.count)
    var fromY = [Float](repeating: 0, count: 4 * y.count)
    do {
      var out = fromX.mutableSpan
      SortKernels.projectFour(x.tiles.span, onto: rows.span, into: &out)
      var other = fromY.mutableSpan
      SortKernels.projectFour(y.tiles.span, onto: rows.span, into: &other)
    }
    return (0..<end - first).map { l in
      var xs = fromX.mutableSpan
      var ys = fromY.mutableSpan
      var mine = xs.part(l * x.count..<(l + 1) * x.count)
      var theirs = ys.part(l * y.count..<(l + 1) * y.count)
      return cost(&mine, &theirs)
    }
  }

  private func cost(_ x: inout MutableSpan<Float>, _ y: inout MutableSpan<Float>) -> Double {
    if a == nil, b == nil, x.count == y.count {
      SortKernels.sort(&x)
      SortKernels.sort(&y)
      if power == 1 || power == 2 {
        return SortKernels.differenceSum(x.span, y.span, power: Int(power)) / Double(x.count)
      }
      var sum = CompensatedSum()
      for k in x.indices { sum.add(lineCost(Double(x[k]) - Double(y[k]), power)) }
      return sum.value / Double(x.count)
    }
    var wideX = [Double](repeating: 0, count: x.count)
    var wideY = [Double](repeating: 0, count: y.count)
    for k in x.indices { wideX[k] = Double(x[k]) }
    for k in y.indices { wideY[k] = Double(y[k]) }
    return OneDimensional.mergedCost(
      SortedSide(wideX), a, SortedSide(wideY), b, mass: 1, power: power)
  }
}

/// Points in tiles of 16, each with one coordinate of all after the other: what projections read.
private struct PointTiles: Sendable {
  let tiles: [Float]
  let count: Int
  let dimensions: Int

  init(_ points: Points, center: [Double], scale: Double) {
    count = points.count
    dimensions = points.dimensions
    var tiles = [Float](repeating: 0, count: (count + 15) / 16 * 16 * dimensions)
    for i in 0..<count {
      for k in 0..<dimensions {
        let value = points.coordinates[i * dimensions + k] - center[k]
        tiles[(i / 16 * dimensions + k) * 16 + i % 16] = Float(value / scale)
      }
    }
    self.tiles = tiles
  }
}
