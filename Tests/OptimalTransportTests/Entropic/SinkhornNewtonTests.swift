// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Synchronization
import Testing

@Suite("Sinkhorn-Newton")
struct SinkhornNewtonTests {
  private func uniform(_ seed: Seed, _ n: Int) throws -> LinearProblem {
    var random = SplitMix64(seed)
    return try LinearProblem(
      DenseCost(
        (0..<n * n).map { _ in Double.random(in: 0...1, using: &random) }, rows: n, columns: n))
  }

  @Test("to 1e-12 in at most 15 steps, the last of them superlinear", arguments: seeds(3))
  func superlinear(seed: Seed) throws {
    let problem = try uniform(seed, 120)
    let errors = Mutex<[Double]>([])
    var solver = SinkhornNewton(.epsilon(1 / 300), tolerance: 1e-12)
    solver.progress = { step in errors.withLock { $0.append(step.error) } }
    let solution = try solver.solve(problem)
    let trace = errors.withLock { $0 }
    #expect(solution.certificate.marginalError <= 1e-12 && trace.count <= 15)
    // Of an error above what rounding leaves, the last step keeps a small part.
    let last = try #require(trace.indices.last { trace[$0] > 1e-11 })
    #expect(trace[last] / trace[last - 1] < 0.05)
  }

  @Test("the same answer as Sinkhorn's iterations", arguments: seeds(4))
  func agrees(seed: Seed) throws {
    var random = SplitMix64(seed)
    let problem = try LinearProblem(
      PointCloud(
        samplePoints(&random, count: 40, dimensions: 2),
        samplePoints(&random, count: 55, dimensions: 2)),
      rowMasses: sampleMasses(&random, count: 40, holes: true),
      columnMasses: sampleMasses(&random, count: 55, holes: true))
    for share in [0.1, 0.01] {
      let plain = try Sinkhorn(
        .shareOfMeanCost(share), tolerance: 1e-11, iterationsMax: 1_000_000, form: .scaling
      ).solve(problem)
      let newton = try SinkhornNewton(.shareOfMeanCost(share), tolerance: 1e-11).solve(problem)
      #expect(abs(plain.transportCost - newton.transportCost) < 1e-10)
      #expect(abs(newton.certificate.gap) < 1e-10)
    }
  }

  @Test("where iterations crawl, the automatic form steps; where they do not, it does not")
  func driver() throws {
    let problem = try uniform(Seed(5), 120)
    let scaling = try Sinkhorn(
      .shareOfMeanCost(0.002), iterationsMax: 3000, form: .scaling, unfinished: .isReturned
    ).solve(problem)
    let automatic = try Sinkhorn(.shareOfMeanCost(0.002)).solve(problem)
    #expect(automatic.iterations < 400 && automatic.iterations * 3 < scaling.iterations)
    let easy = try Sinkhorn(.shareOfMeanCost(0.1)).solve(problem)
    #expect(
      try easy.iterations
        == Sinkhorn(.shareOfMeanCost(0.1), form: .scaling).solve(problem).iterations)
  }

  @Test("the published share of entries converges, too, in more steps")
  func published() throws {
    let problem = try uniform(Seed(6), 100)
    let steps = try [SinkhornNewton.Truncation.adaptive, .share(0.02)].map { truncation in
      let count = Mutex(0)
      var solver = SinkhornNewton(
        .epsilon(1 / 200), tolerance: 1e-10, stepsMax: 300, truncation: truncation)
      solver.progress = { step in count.withLock { $0 = step.iterations } }
      let solution = try solver.solve(problem)
      #expect(solution.isConverged)
      return count.withLock { $0 }
    }
    #expect(steps[0] < steps[1])
  }

  @Test("settings out of range are said exactly")
  func refusals() throws {
    let problem = try uniform(Seed(1), 3)
    func refusal(_ solver: SinkhornNewton) -> String? { message { _ = try solver.solve(problem) } }
    #expect(
      refusal(SinkhornNewton(.epsilon(1), truncation: .share(0)))
        == "setting-out-of-range: the share of entries is 0.0 (sinkhorn-newton). Give a share above 0 and up to 1."
    )
    #expect(
      refusal(SinkhornNewton(.epsilon(1), stepsMax: 0))
        == "setting-out-of-range: stepsMax is 0 (sinkhorn-newton). Allow at least 1 step.")
    #expect(
      refusal(SinkhornNewton(.epsilon(1), tolerance: -1))
        == "setting-out-of-range: the tolerance is -1.0 (sinkhorn-newton). Give a marginal error above 0 and below 2, which any coupling meets; 1e-6 is usual."
    )
  }
}
