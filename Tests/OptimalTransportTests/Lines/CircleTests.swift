// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation
import Testing

@Suite("Circle")
struct CircleTests {
  @Test("the simplex's answer at any power, its bound from below met", arguments: seeds(24))
  func agrees(seed: Seed) throws {
    var random = SplitMix64(seed)
    let n = Int.random(in: 1...25, using: &random)
    let m = seed.value % 3 == 0 ? n : Int.random(in: 1...25, using: &random)
    let levels = seed.value % 4 == 0 ? 5 : nil
    let x = try samplePoints(&random, count: n, dimensions: 1, levels: levels)
    let y = try samplePoints(&random, count: m, dimensions: 1, levels: levels)
    let length = levels.map(Double.init) ?? 1
    let equal = seed.value % 3 == 0
    let a = equal ? nil : sampleMasses(&random, count: n, holes: true)
    let b = equal ? nil : sampleMasses(&random, count: m, holes: true)
    for power in [1.0, 1.5, 2, 3] {
      let cost = PointCost.custom { x, y in
        let d = abs(x.first! - y.first!)
        return pow(min(d, length - d), power)
      }
      let simplex = try NetworkSimplex().solve(
        LinearProblem(PointCloud(x, y, cost: cost), rowMasses: a, columnMasses: b))
      // Whole turns change nothing.
      let turned = x.coordinates.map {
        $0 + length * Double(Int.random(in: -3...3, using: &random))
      }
      let circle = try Circle(length: length, power: power).solve(
        turned, y.coordinates, rowMasses: a, columnMasses: b)
      #expect(abs(circle.cost - simplex.transportCost) < 1e-11 * max(1, pow(length, power)))
      #expect(circle.certificate.marginalError < 1e-12)
      #expect(abs(circle.certificate.gap) < 1e-11 * max(1, pow(length, power)))
    }
  }

  @Test("a rotation below half a turn is its own distance", arguments: [0.1, 1, 3])
  func rotation(angle: Double) throws {
    let x = [0.5]
    let there = try Circle(power: 1).solve(x, x.map { $0 + angle })
    #expect(abs(there.distance - angle) < 1e-12)
    #expect(abs(try Circle(power: 1).solve(x, [0.5 - angle]).distance - angle) < 1e-12)
  }

  @Test("POT's answers")
  func golden() throws {
    let given = try GoldenProblems.section("circle")
    for (power, name) in [(1.0, "cost1"), (2, "cost2")] {
      let solution = try Circle(length: 1, power: power).solve(
        given["x"]!, given["y"]!, rowMasses: given["a"], columnMasses: given["b"])
      #expect(abs(solution.cost - given[name]![0]) < 1e-7)
    }
  }

  @Test("settings out of range are refused")
  func refusals() {
    #expect(
      message { _ = try Circle(length: 0).solve([1], [2]) }
        == "setting-out-of-range: the power is 2.0 and the length 0.0 (circle). Give a finite power of at least 1 and a length above 0."
    )
  }
}
