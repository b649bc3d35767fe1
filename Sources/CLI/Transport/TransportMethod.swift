// SPDX-License-Identifier: Apache-2.0

package import FerryOptimalTransport

/// How a linear problem is solved, as the command line says it.
package enum TransportMethod: Sendable {
  /// Without entropy: a matching where masses are equal, the network simplex else.
  case exact
  /// With entropy, by scaling.
  case sinkhorn(Sinkhorn.Strength)
  /// With entropy, by Newton's steps.
  case newton(Sinkhorn.Strength)

  /// The same by name.
  package enum Name: String, CaseIterable, Sendable {
    case exact, sinkhorn, newton
  }

  /// The method, and the solver's own words where limits are given.
  ///
  /// - Parameters:
  ///   - tolerance: the marginal error to reach; nil is the solver's own.
  ///   - iterationsMax: nil is the solver's own.
  package func solve(
    _ problem: LinearProblem, tolerance: Double? = nil, iterationsMax: Int? = nil
  ) throws(TransportError) -> TransportSolution {
    switch self {
    case .exact:
      return try ExactTransport(simplex: NetworkSimplex(pivotsMax: iterationsMax)).solve(problem)
    case .sinkhorn(let strength):
      var solver = Sinkhorn(strength)
      if let tolerance { solver.tolerance = tolerance }
      if let iterationsMax { solver.iterationsMax = iterationsMax }
      return try solver.solve(problem)
    case .newton(let strength):
      var solver = SinkhornNewton(strength)
      if let tolerance { solver.tolerance = tolerance }
      if let iterationsMax { solver.stepsMax = iterationsMax }
      return try solver.solve(problem)
    }
  }

  package var name: String {
    switch self {
    case .exact: "exact"
    case .sinkhorn: "sinkhorn"
    case .newton: "newton"
    }
  }
}
