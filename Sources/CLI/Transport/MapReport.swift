// SPDX-License-Identifier: Apache-2.0

package import FerryOptimalTransport

/// Maps between clouds, by the names of the command line.
package enum MapName: String, CaseIterable, Codable, Sendable {
  case barycentric, entropic, gaussian
}

/// What `ferry ot map` prints.
package struct MapReport: Codable, Equatable, Sendable {
  package let kind: MapName
  /// How many points were moved.
  package var points = 0
  /// The mean squared way from A's points to their images.
  package var movedCost = 0.0
  /// W₂² between the images of A and B, exact: 0 for a map that meets B.
  package var missed = 0.0
  /// W₂² between A and B, exact.
  package var before = 0.0
  package var seconds = 0.0
  package var written: [String] = []

  package init(kind: MapName) { self.kind = kind }

  /// Learns the map, and says how well it meets B.
  ///
  /// - Returns: the images of `points`.
  package mutating func move(
    _ points: Points, by input: TransportInput, strength: Sinkhorn.Strength?
  ) throws -> Points {
    let problem = try input.problem(.squaredEuclidean)
    let exact = try TransportMethod.exact.solve(problem)
    let map: (Points) throws(TransportError) -> Points
    switch kind {
    case .barycentric:
      let known = try BarycentricMap(exact.coupling, from: input.sources, to: input.targets)
      map = { (points) throws(TransportError) in try known(points) }
    case .entropic:
      let known = try EntropicMap(
        Sinkhorn(strength ?? .shareOfMeanCost(0.01)).solve(problem))
      map = { (points) throws(TransportError) in try known(points) }
    case .gaussian:
      let known = try Gaussian(of: input.sources, masses: input.rowMasses).map(
        to: Gaussian(of: input.targets, masses: input.columnMasses))
      map = { (points) throws(TransportError) in try known(points) }
    }
    let images = try map(input.sources)
    for i in 0..<images.count {
      var squared = 0.0
      for (x, y) in zip(input.sources[i], images[i]) { squared += (x - y) * (x - y) }
      movedCost += problem.rowMasses[i] * squared
    }
    let rest = try LinearProblem(
      PointCloud(images, input.targets), rowMasses: problem.rowMasses,
      columnMasses: problem.columnMasses)
    missed = max(0, try TransportMethod.exact.solve(rest).transportCost)
    before = exact.transportCost
    self.points = points.count
    return try map(points)
  }

  package var text: String {
    let lines = [
      ("moved", "\(points) points by the \(kind.rawValue) map"),
      ("cost", "\(movedCost) for a unit of mass; no map of A onto B has less than \(before)"),
      (
        "in sync",
        "squared distance to B \(TransportReport.short(before)) → \(TransportReport.short(missed))"
      ),
      ("found", Quantity.seconds(seconds)),
    ]
    return (lines + written.map { ("wrote", $0) }).map { line in
      line.0 + String(repeating: " ", count: 16 - line.0.count) + line.1 + "\n"
    }.joined()
  }
}
