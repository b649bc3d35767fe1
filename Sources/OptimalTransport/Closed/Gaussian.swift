// SPDX-License-Identifier: Apache-2.0

/// A normal distribution: transport between two of them has a closed form, at squared Euclidean
/// cost (Dowson and Landau 1982; Takatsu 2011).
public struct Gaussian: Sendable, Equatable {
  /// `[d]`.
  public let mean: [Double]
  /// `[d, d]`, symmetric, no eigenvalue below 0 but by rounding.
  public let covariance: [Double]
  /// How many coordinates there are.
  public var dimensions: Int { mean.count }

  /// - Throws: `.shapeMismatch` for counts that do not fit, `.badPoint` for numbers that are not
  ///   finite, `.badSetting` for a covariance that is not symmetric or has a negative direction.
  public init(mean: [Double], covariance: [Double]) throws(TransportError) {
    let d = mean.count
    guard d > 0, covariance.count == d * d else {
      throw TransportError(
        .shapeMismatch, "a mean of \(d) and a covariance of \(covariance.count) numbers",
        at: "gaussian", remedy: "Give d and d × d numbers.")
    }
    guard mean.allSatisfy({ abs($0) <= 1e140 }), covariance.allSatisfy({ abs($0) <= 1e280 }) else {
      throw TransportError(
        .badPoint, "a number is not finite, or its square too great", at: "gaussian",
        remedy: "Scale the numbers down, or leave out what is not finite.")
    }
    let greatest = covariance.reduce(0) { max($0, abs($1)) }
    for i in 0..<d {
      for j in 0..<i {
        let difference = abs(covariance[i * d + j] - covariance[j * d + i])
        guard difference <= 1e-9 * greatest else {
          throw TransportError(
            .badSetting, "entries (\(i), \(j)) and (\(j), \(i)) differ by \(difference)",
            at: "covariance", remedy: "Give a symmetric matrix.")
        }
      }
    }
    let values = try SymmetricEigen(covariance, dimensions: d).values
    guard values.min()! >= -1e-9 * greatest else {
      throw TransportError(
        .badSetting, "an eigenvalue is \(values.min()!)", at: "covariance",
        remedy: "A covariance has none below 0.")
    }
    self.mean = mean
    self.covariance = covariance
  }

  private init(checkedMean: [Double], covariance: [Double]) {
    mean = checkedMean
    self.covariance = covariance
  }

  /// The mean and covariance of weighted points: sums over the points, with no correction for
  /// their count.
  ///
  /// - Parameter masses: `[n]`, at least 0; nil is equal masses.
  /// - Throws: as the other initializer, `.badMass` as `LinearProblem`.
  public init(of points: Points, masses: [Double]? = nil) throws(TransportError) {
    let d = points.dimensions
    let n = points.count
    let total =
      try masses.map { (given) throws(TransportError) in
        try LinearProblem.total(given, count: n, side: "row")
      } ?? Double(n)
    var mean = [Double](repeating: 0, count: d)
    for i in 0..<n {
      let weight = (masses?[i] ?? 1) / total
      for k in 0..<d { mean[k] += weight * points.coordinates[i * d + k] }
    }
    var centered = points.coordinates
    var weighted = centered
    for i in 0..<n {
      let weight = (masses?[i] ?? 1) / total
      for k in 0..<d {
        centered[i * d + k] -= mean[k]
        weighted[i * d + k] = weight * centered[i * d + k]
      }
    }
    try self.init(
      mean: mean,
      covariance: matrixProduct(transposed(weighted, rows: n), centered, inner: n))
  }

  /// The squared distance W₂²: that of the means and of the covariances (Bures).
  ///
  /// - Throws: `.shapeMismatch` where dimensions differ.
  public func squaredDistance(to other: Gaussian) throws(TransportError) -> Double {
    try requireDimensions(other)
    try checkCancelled("gaussian")
    var sum = CompensatedSum()
    for k in mean.indices { sum.add((mean[k] - other.mean[k]) * (mean[k] - other.mean[k])) }
    sum.add(try covarianceDistance(to: other))
    return max(0, sum.value)
  }

  /// The squared Bures distance of the covariances alone:
  /// `tr(A) + tr(B) − 2 tr((A^½ B A^½)^½)`.
  func covarianceDistance(to other: Gaussian) throws(TransportError) -> Double {
    let d = dimensions
    let (matrix, scale) = try between(other)
    let middle = try SymmetricEigen(matrix, dimensions: d).values
    var sum = CompensatedSum()
    for k in 0..<d {
      sum.add(covariance[k * d + k])
      sum.add(other.covariance[k * d + k])
    }
    for value in middle { sum.add(-2 * scale * max(0, value).squareRoot()) }
    return max(0, sum.value)
  }

  /// `A^½ B A^½` over the product of their greatest entries, and the root of that product.
  private func between(
    _ other: Gaussian
  ) throws(TransportError) -> (matrix: [Double], scale: Double) {
    let d = dimensions
    let (s, t) = (Self.scale(covariance), Self.scale(other.covariance))
    let root = try SymmetricEigen(covariance.map { $0 / s }, dimensions: d)
      .applying { max(0, $0).squareRoot() }
    let matrix = matrixProduct(
      matrixProduct(root, other.covariance.map { $0 / t }, inner: d), root, inner: d)
    return (matrix, s.squareRoot() * t.squareRoot())
  }

  /// The greatest entry, or 1: what products are scaled by, so that none overflows or vanishes.
  private static func scale(_ matrix: [Double]) -> Double {
    let greatest = matrix.reduce(0) { max($0, abs($1)) }
    return greatest == 0 ? 1 : greatest
  }

  /// `T(x) = m₂ + A (x − m₁)`.
  public struct Map: Sendable, Equatable {
    /// `[d, d]`, symmetric, no eigenvalue below 0: the map is the gradient of a convex function.
    public let matrix: [Double]
    /// `[d]`: the mean that the map starts from.
    public let from: [Double]
    /// `[d]`: the mean that it ends at.
    public let to: [Double]

    /// The image of a point, `[d]`.
    public func callAsFunction(_ x: [Double]) -> [Double] {
      precondition(x.count == from.count, "a point of \(x.count) for \(from.count) dimensions")
      return to.indices.map { i in
        x.indices.reduce(to[i]) { $0 + matrix[i * x.count + $1] * (x[$1] - from[$1]) }
      }
    }

    /// The images of points.
    ///
    /// - Throws: `.shapeMismatch` where dimensions differ.
    public func callAsFunction(_ points: Points) throws(TransportError) -> Points {
      guard points.dimensions == from.count else {
        throw TransportError(
          .shapeMismatch, "points of \(points.dimensions) dimensions, a map of \(from.count)",
          at: "gaussian map", remedy: "Give both the same coordinates.")
      }
      return try Points(
        (0..<points.count).flatMap { self(Array(points[$0])) }, dimensions: from.count)
    }
  }

  /// The map that moves this distribution to another at least cost:
  /// `A^-½ (A^½ B A^½)^½ A^-½`.
  ///
  /// - Throws: `.shapeMismatch` where dimensions differ; `.badSetting` where this one is flat in a
  ///   direction in which the other is not: then there is no map.
  public func map(to other: Gaussian) throws(TransportError) -> Map {
    try requireDimensions(other)
    let d = dimensions
    let (s, t) = (Self.scale(covariance), Self.scale(other.covariance))
    let plain = covariance.map { $0 / s }
    let own = try SymmetricEigen(plain, dimensions: d)
    let floor = 1e-13 * max(own.values.max()!, 0) * Double(d)
    let inverse = own.applying { $0 > floor ? 1 / $0.squareRoot() : 0 }
    let middle = try SymmetricEigen(between(other).matrix, dimensions: d)
      .applying { max(0, $0).squareRoot() }
    let unit = matrixProduct(matrixProduct(inverse, middle, inner: d), inverse, inner: d)
    let matrix = unit.map { $0 * (t.squareRoot() / s.squareRoot()) }
    let reached = matrixProduct(matrixProduct(unit, plain, inner: d), unit, inner: d)
    let missed = zip(reached, other.covariance).reduce(0) { max($0, abs($1.0 - $1.1 / t)) }
    guard missed <= 1e-6 else {
      throw TransportError(
        .badSetting, "the image misses \(missed) of the other covariance", at: "gaussian map",
        remedy: "Add a little to the diagonal: a flat distribution cannot be spread by a map.")
    }
    return Map(matrix: matrix, from: mean, to: other.mean)
  }

  /// The distribution with the least mean squared distance to others.
  ///
  /// The covariance is the one fixed point of `S = Σ w (S^½ Aₖ S^½)^½`, iterated as in Álvarez-Esteban
  /// et al. 2016, theorem 4.2; it is unique where one covariance has no flat direction.
  ///
  /// - Parameters:
  ///   - weights: one for each, at least 0; nil is equal weights.
  ///   - tolerance: of the fixed point, as a share of the greatest entry.
  /// - Throws: `.shapeMismatch`, `.badMass`; `.notConverged` after `iterationsMax`.
  public static func barycenter(
    of all: [Gaussian], weights: [Double]? = nil, tolerance: Double = 1e-11,
    iterationsMax: Int = 500
  ) throws(TransportError) -> Gaussian {
    guard let first = all.first else {
      throw TransportError(
        .shapeMismatch, "there are no distributions", at: "gaussian barycenter",
        remedy: "Give at least one.")
    }
    for other in all { try first.requireDimensions(other) }
    let given = weights ?? Array(repeating: 1, count: all.count)
    let total = try LinearProblem.total(given, count: all.count, side: "row")
    let d = first.dimensions
    var mean = [Double](repeating: 0, count: d)
    var spread = [Double](repeating: 0, count: d * d)
    let scale = all.map { Self.scale($0.covariance) }.max()!
    let scaled = all.map { $0.covariance.map { $0 / scale } }
    for (weight, one) in zip(given, all) {
      for k in 0..<d { mean[k] += weight / total * one.mean[k] }
    }
    for (weight, covariance) in zip(given, scaled) {
      for k in spread.indices { spread[k] += weight / total * covariance[k] }
    }
    var last = Double.infinity
    for _ in 0..<iterationsMax {
      try checkCancelled("gaussian barycenter")
      let own = try SymmetricEigen(spread, dimensions: d)
      let root = own.applying { max(0, $0).squareRoot() }
      var sum = [Double](repeating: 0, count: d * d)
      for (weight, covariance) in zip(given, scaled) {
        let middle = matrixProduct(
          matrixProduct(root, covariance, inner: d), root, inner: d)
        let middleRoot = try SymmetricEigen(middle, dimensions: d)
          .applying { max(0, $0).squareRoot() }
        for k in sum.indices { sum[k] += weight / total * middleRoot[k] }
      }
      let greatest = sum.reduce(0) { max($0, abs($1)) }
      last = zip(sum, spread).reduce(0) { max($0, abs($1.0 - $1.1)) }
      if last <= tolerance * greatest {
        return Gaussian(checkedMean: mean, covariance: sum.map { $0 * scale })
      }
      // S ← S^-½ (Σ …)² S^-½, which leaves flat directions flat.
      let floor = 1e-14 * max(own.values.max()!, 0)
      let inverse = own.applying { $0 > floor ? 1 / $0.squareRoot() : 0 }
      let half = matrixProduct(inverse, sum, inner: d)
      spread = matrixProduct(half, transposed(half, rows: d), inner: d)
    }
    throw TransportError(
      .notConverged,
      "after \(iterationsMax) iterations the fixed point is missed by \(last)",
      at: "gaussian barycenter", remedy: "Raise iterationsMax or tolerance.")
  }

  private func requireDimensions(_ other: Gaussian) throws(TransportError) {
    guard dimensions == other.dimensions else {
      throw TransportError(
        .shapeMismatch, "distributions of \(dimensions) and \(other.dimensions) dimensions",
        at: "gaussian", remedy: "Give both the same coordinates.")
    }
  }
}
