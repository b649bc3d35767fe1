// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Domain adaptation")
struct DomainAdaptationTests {
  @Test("labels keep classes apart: each target takes from one", arguments: seeds(3))
  func classes(seed: Seed) throws {
    var random = SplitMix64(seed)
    // Two classes near each other; targets are shifted across the border.
    let labels = (0..<40).map { $0 % 2 }
    let sources = try Points(
      labels.flatMap {
        [
          Double($0) + Double.random(in: -0.6...0.6, using: &random),
          Double.random(in: -0.5...0.5, using: &random),
        ]
      }, dimensions: 2)
    let targets = try Points(
      (0..<40).flatMap {
        [
          Double($0 % 2) + 0.7 + Double.random(in: -0.3...0.3, using: &random),
          0.5 + Double.random(in: -0.5...0.5, using: &random),
        ]
      }, dimensions: 2)
    let sinkhorn = Sinkhorn(.epsilon(0.05))
    let plain = try DomainAdaptation(sinkhorn).solve(sources, labels: labels, targets)
    let aware = try DomainAdaptation(sinkhorn, classStrength: 0.1).solve(
      sources, labels: labels, targets)
    /// The mass of each target beside that of its main class.
    func mixed(_ solution: DomainAdaptation.Solution) -> Double {
      let plan = solution.solution.coupling.dense()
      return (0..<40).reduce(0.0) { sum, j in
        let first = (0..<40).filter { labels[$0] == 0 }.reduce(0) { $0 + plan[$1, j] }
        let second = (0..<40).filter { labels[$0] == 1 }.reduce(0) { $0 + plan[$1, j] }
        return sum + min(first, second)
      }
    }
    #expect(mixed(aware) < 0.7 * mixed(plain))
    #expect(aware.solution.isConverged && aware.spread.count == 10)
    let moved = try aware.map(sources)
    #expect(moved.count == 40)
  }

  @Test("labels that do not fit are refused")
  func refusals() throws {
    let x = try Points([0, 1], dimensions: 1)
    #expect(
      message { _ = try DomainAdaptation(Sinkhorn(.epsilon(1))).solve(x, labels: [0], x) }
        == "shape-mismatch: 1 labels for 2 sources (domain adaptation). Give one label for each source, below 0 if unknown."
    )
  }
}
