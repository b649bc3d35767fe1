// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Partial transport")
struct PartialTransportTests {
  @Test(
    "what moves is bounded, certified, and no dearer than any share of the whole",
    arguments: seeds(20))
  func laws(seed: Seed) throws {
    var random = SplitMix64(seed)
    let n = Int.random(in: 1...15, using: &random)
    let m = Int.random(in: 1...15, using: &random)
    let levels = seed.value % 3 == 0 ? 3 : nil
    let cloud = try PointCloud(
      samplePoints(&random, count: n, dimensions: 2, levels: levels),
      samplePoints(&random, count: m, dimensions: 2, levels: levels))
    let a = sampleMasses(&random, count: n, holes: true)
    let b = sampleMasses(&random, count: m, holes: true).map { $0 * 1.5 }
    var before = 0.0
    for share in [0.2, 0.5, 0.9, 1] {
      let solution = try PartialTransport(mass: share).solve(
        cloud, rowMasses: a, columnMasses: b)
      let dense = Coupling.sparse(solution.coupling)
      let rows = try dense.applied(to: Array(repeating: 1, count: m))
      let columns = try dense.transposeApplied(to: Array(repeating: 1, count: n))
      #expect(zip(rows, a).allSatisfy { $0 <= $1 + 1e-14 })
      #expect(zip(columns, b).allSatisfy { $0 <= $1 + 1e-14 })
      #expect(abs(rows.reduce(0, +) - share) < 1e-13)
      #expect(abs(solution.certificate.gap) < 1e-12)
      // Costs grow at least as fast as the mass: the dearest comes last.
      #expect(solution.transportCost >= before / share * 0.2 - 1e-12)
      before = solution.transportCost
      #expect(solution.rowPotentials.allSatisfy { $0 <= 1e-12 })
      #expect(solution.columnPotentials.allSatisfy { $0 <= 1e-12 })
      var excess = -Double.infinity
      for i in 0..<n {
        for j in 0..<m {
          excess = max(
            excess,
            solution.rowPotentials[i] + solution.columnPotentials[j] + solution.price
              - cloud.cost(i, j))
        }
      }
      #expect(excess < 1e-12)
      let dual =
        zip(a, solution.rowPotentials).reduce(0) { $0 + $1.0 * $1.1 }
        + zip(b, solution.columnPotentials).reduce(0) { $0 + $1.0 * $1.1 } + share * solution.price
      #expect(abs(dual - solution.transportCost) < 1e-12)
    }
  }

  @Test("all of equal masses is the whole problem")
  func whole() throws {
    var random = SplitMix64(Seed(2))
    let cloud = try PointCloud(
      samplePoints(&random, count: 9, dimensions: 2),
      samplePoints(&random, count: 9, dimensions: 2))
    let a = sampleMasses(&random, count: 9)
    let b = sampleMasses(&random, count: 9)
    let partial = try PartialTransport(mass: 1).solve(cloud, rowMasses: a, columnMasses: b)
    let whole = try NetworkSimplex().solve(LinearProblem(cloud, rowMasses: a, columnMasses: b))
    #expect(abs(partial.transportCost - whole.transportCost) < 1e-12)
  }

  @Test("POT's answers, exact and with entropy")
  func golden() throws {
    let given = try GoldenProblems.section("partial")
    let cloud = try PointCloud(points(given["x"], 2), points(given["y"], 2))
    let (a, b) = (given["a"]!, given["b"]!)
    let mass = given["mass"]![0]
    let exact = try PartialTransport(mass: mass).solve(cloud, rowMasses: a, columnMasses: b)
    #expect(abs(exact.transportCost - given["cost"]![0]) < 1e-12)
    // POT's entropy is relative to the kernel alone; on this scale the masses' product differs.
    let soft = try EntropicPartial(mass: mass, epsilon: 0.01).solve(
      cloud, rowMasses: a, columnMasses: b)
    #expect(abs(soft.certificate.gap) < 1e-8)
    #expect(soft.transportCost >= exact.transportCost - 1e-9)
  }

  @Test(
    "entropy: bounds kept, primal is dual, and less of it comes nearer to the exact cost",
    arguments: seeds(6))
  func entropic(seed: Seed) throws {
    var random = SplitMix64(seed)
    let n = Int.random(in: 1...12, using: &random)
    let m = Int.random(in: 1...12, using: &random)
    let cloud = try PointCloud(
      samplePoints(&random, count: n, dimensions: 2),
      samplePoints(&random, count: m, dimensions: 2))
    let a = sampleMasses(&random, count: n, holes: true)
    let b = sampleMasses(&random, count: m, holes: true)
    let exact = try PartialTransport(mass: 0.7).solve(cloud, rowMasses: a, columnMasses: b)
    var last = Double.infinity
    for epsilon in [0.1, 0.01, 0.002] {
      let soft = try EntropicPartial(mass: 0.7, epsilon: epsilon, tolerance: 1e-8).solve(
        cloud, rowMasses: a, columnMasses: b)
      #expect(soft.certificate.marginalError < 1e-8)
      #expect(abs(soft.certificate.mass - 0.7) < 1e-7)
      #expect(abs(soft.certificate.gap) < 1e-6)
      #expect(soft.transportCost <= last + 1e-7)
      last = soft.transportCost
    }
    #expect(abs(last - exact.transportCost) < 0.02)
  }

  @Test("a mass that is not there is refused")
  func refusals() throws {
    let costs = try DenseCost([1, 2], rows: 1, columns: 2)
    #expect(
      message {
        _ = try PartialTransport(mass: 2).solve(costs, rowMasses: [1], columnMasses: [1, 1])
      }
        == "mass-out-of-range: 2.0 is to move, of 1.0 in rows and 2.0 in columns (partial transport). Give a mass above 0, and no more than both sides have."
    )
    #expect(
      message {
        _ = try EntropicPartial(mass: 1, epsilon: 0).solve(
          costs, rowMasses: [1], columnMasses: [1, 1])
      }
        == "setting-out-of-range: epsilon is 0.0 for costs of up to 2.0 (entropic partial). Give at least 1e-14 of the greatest cost, above 0, and at most 1e+250; for no entropy use PartialTransport."
    )
  }
}
