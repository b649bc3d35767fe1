// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
package import FerryOptimalTransport

/// Distances between clouds, by the names of the command line.
package enum DistanceName: String, CaseIterable, Codable, Sendable {
  case wasserstein2 = "wasserstein-2"
  case wasserstein1 = "wasserstein-1"
  case sliced
  case sinkhornDivergence = "sinkhorn-divergence"
  case gaussian
}

/// What `ferry ot distance` prints.
package struct DistanceReport: Codable, Equatable, Sendable {
  package let kind: DistanceName
  /// With its root taken; nil for the divergence, which has none.
  package let distance: Double?
  package let cost: Double
  /// How far the cost is from what is proven, in cost; of `sliced` its standard error.
  package let uncertainty: Double
  /// ε in the unit of cost; nil without entropy.
  package let epsilon: Double?
  package var seconds = 0.0

  package init(
    _ kind: DistanceName, of input: TransportInput, strength: Sinkhorn.Strength? = nil,
    directions: Int = 500, seed: Seed = Seed(1)
  ) throws {
    self.kind = kind
    var epsilon: Double?
    switch kind {
    case .wasserstein1, .wasserstein2:
      let solution = try Self.exact(kind == .wasserstein1 ? 1 : 2, input)
      cost = max(0, solution.transportCost)
      distance = kind == .wasserstein1 ? cost : cost.squareRoot()
      uncertainty = max(0, solution.certificate.gap)
    case .sliced:
      let value = try Sliced(directions: directions, seed: seed)(
        input.sources, input.targets, rowMasses: input.rowMasses,
        columnMasses: input.columnMasses)
      cost = value.cost
      distance = value.distance
      uncertainty = value.standardError
    case .sinkhornDivergence:
      let value = try SinkhornDivergence(Sinkhorn(strength ?? .shareOfMeanCost(0.05)))(
        PointCloud(input.sources, input.targets), rowMasses: input.rowMasses,
        columnMasses: input.columnMasses)
      cost = value.divergence
      distance = nil
      uncertainty = abs(value.cross.certificate.gap)
      if case .implicit(let coupling) = value.cross.coupling { epsilon = coupling.epsilon }
    case .gaussian:
      let from = try Gaussian(of: input.sources, masses: input.rowMasses)
      let to = try Gaussian(of: input.targets, masses: input.columnMasses)
      cost = max(0, try from.squaredDistance(to: to))
      distance = cost.squareRoot()
      uncertainty = 0
    }
    self.epsilon = epsilon
  }

  /// On a line by sorting, else by what fits the masses.
  private static func exact(_ power: Double, _ input: TransportInput) throws -> TransportSolution {
    if input.sources.dimensions == 1 {
      return try OneDimensional(power: power).solve(
        input.sources.coordinates, input.targets.coordinates, rowMasses: input.rowMasses,
        columnMasses: input.columnMasses)
    }
    let problem = try input.problem(power == 1 ? .euclidean : .squaredEuclidean)
    return try TransportMethod.exact.solve(problem)
  }

  package var text: String {
    var lines: [(String, String)] = []
    if let distance { lines.append(("distance", "\(distance)")) }
    lines.append(("cost", "\(cost)"))
    switch kind {
    case .sliced: lines.append(("standard error", TransportReport.short(uncertainty)))
    case .gaussian: break
    default: lines.append(("gap", TransportReport.short(uncertainty)))
    }
    if let epsilon { lines.append(("epsilon", TransportReport.short(epsilon))) }
    lines.append(("found", "\(kind.rawValue), \(Quantity.seconds(seconds))"))
    return lines.map { line in
      line.0 + String(repeating: " ", count: 16 - line.0.count) + line.1 + "\n"
    }.joined()
  }
}
