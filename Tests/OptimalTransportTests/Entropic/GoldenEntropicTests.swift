// SPDX-License-Identifier: Apache-2.0

import FerryOptimalTransport
import Testing

@Suite("Entropic answers of POT")
struct GoldenEntropicTests {
  struct Balanced: Decodable {
    let dimensions: Int
    let epsilon: Double
    let x: [Double]
    let y: [Double]
    let a: [Double]
    let b: [Double]
    let coupling: [Double]
    let cost: Double
  }

  @Test("the same couplings, from every form", arguments: [Sinkhorn.Form.automatic, .logarithmic])
  func balanced(form: Sinkhorn.Form) throws {
    for golden in try Golden.cases("entropic", as: Balanced.self) {
      let problem = try LinearProblem(
        PointCloud(
          Points(golden.x, dimensions: golden.dimensions),
          Points(golden.y, dimensions: golden.dimensions)),
        rowMasses: golden.a, columnMasses: golden.b)
      let solution = try Sinkhorn(
        .epsilon(golden.epsilon), tolerance: 1e-13, iterationsMax: 1_000_000, form: form
      ).solve(problem)
      let masses = solution.coupling.dense().masses
      #expect(zip(masses, golden.coupling).allSatisfy { abs($0 - $1) < 1e-11 })
      #expect(abs(solution.transportCost - golden.cost) < 1e-11)
      let newton = try SinkhornNewton(.epsilon(golden.epsilon), tolerance: 1e-13).solve(problem)
      let stepped = newton.coupling.dense().masses
      #expect(zip(stepped, golden.coupling).allSatisfy { abs($0 - $1) < 1e-11 })
    }
  }

  struct Unbalanced: Decodable {
    let kind: String
    let epsilon: Double
    let rho: [Double]
    let x: [Double]
    let y: [Double]
    let a: [Double]
    let b: [Double]
    let coupling: [Double]?
    let value: Double?
  }

  @Test("the same answers where marginals are penalized")
  func unbalanced() throws {
    for golden in try Golden.cases("unbalanced", as: Unbalanced.self) {
      func penalty(_ rho: Double) -> MarginalPenalty {
        switch golden.kind {
        case "totalVariation": .totalVariation(rho)
        case "squares": .squares(rho)
        default: .kullbackLeibler(rho)
        }
      }
      let problem = try UnbalancedProblem(
        PointCloud(Points(golden.x, dimensions: 2), Points(golden.y, dimensions: 2)),
        rowMasses: golden.a, columnMasses: golden.b, rowPenalty: penalty(golden.rho[0]),
        columnPenalty: penalty(golden.rho[1]))
      let solution = try Sinkhorn(.epsilon(golden.epsilon), tolerance: 1e-11).solve(problem)
      if let coupling = golden.coupling {
        let masses = solution.coupling.dense().masses
        #expect(zip(masses, coupling).allSatisfy { abs($0 - $1) < 1e-9 }, "\(golden.kind)")
      }
      if let value = golden.value {
        // POT's is from descent on the primal: from above, and for total variation not near.
        #expect(solution.certificate.primal <= value + 1e-12, "\(golden.kind)")
        #expect(abs(solution.certificate.primal - value) < 1e-3, "\(golden.kind)")
      }
      #expect(abs(solution.certificate.gap) < 1e-10)
    }
  }
}
