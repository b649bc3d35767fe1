// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Tree metric")
struct TreeMetricTests {
  /// The path's length between all nodes.
  private func distances(_ parents: [Int], _ lengths: [Double]) -> [Double] {
    let n = parents.count
    func toRoot(_ node: Int) -> [Int: Double] {
      var all: [Int: Double] = [:]
      var at = node
      var sum = 0.0
      while at >= 0 {
        all[at] = sum
        sum += parents[at] < 0 ? 0 : lengths[at]
        at = parents[at]
      }
      return all
    }
    let paths = (0..<n).map(toRoot)
    return (0..<n * n).map { k in
      paths[k / n].compactMap { node, here in paths[k % n][node].map { $0 + here } }.min()!
    }
  }

  @Test("the simplex's answer, with a potential that proves it", arguments: seeds(30))
  func agrees(seed: Seed) throws {
    var random = SplitMix64(seed)
    let n = Int.random(in: 1...30, using: &random)
    let root = Int.random(in: 0..<n, using: &random)
    // Node k hangs on one before it, in an order that begins with the root.
    let order = [root] + (0..<n).filter { $0 != root }.shuffled(using: &random)
    var parents = [Int](repeating: -1, count: n)
    for k in 1..<max(1, n) { parents[order[k]] = order[Int.random(in: 0..<k, using: &random)] }
    let lengths = (0..<n).map { _ in
      seed.value % 3 == 0
        ? Double(Int.random(in: 0...2, using: &random)) : Double.random(in: 0...1, using: &random)
    }
    let tree = try TreeMetric(parents: parents, lengths: lengths)
    let a = sampleMasses(&random, count: n, holes: true)
    let b = sampleMasses(&random, count: n, holes: true)
    let solution = try tree.solve(from: a, to: b)
    let all = distances(parents, lengths)
    let simplex = try NetworkSimplex().solve(
      LinearProblem(DenseCost(all, rows: n, columns: n), rowMasses: a, columnMasses: b))
    #expect(abs(solution.cost - simplex.transportCost) < 1e-12)
    #expect(abs(solution.certificate.gap) < 1e-12)
    #expect(solution.certificate.marginalError < 1e-12)
    for i in 0..<n {
      for j in 0..<n {
        #expect(solution.potentials[i] - solution.potentials[j] <= all[i * n + j] + 1e-12)
      }
    }
  }

  @Test("what is no tree, and masses that do not fit, are refused")
  func refusals() throws {
    #expect(
      message { _ = try TreeMetric(parents: [-1, 2, 1], lengths: [0, 1, 1]) }
        == "shape-mismatch: 2 nodes do not hang on the root (tree). Let every node lead up to the root."
    )
    #expect(
      message { _ = try TreeMetric(parents: [-1, -1], lengths: [0, 1]) }
        == "shape-mismatch: there are 2 roots (tree). Give -1 as the parent of one node.")
    #expect(
      message { _ = try TreeMetric(parents: [-1, 0], lengths: [0, -1]) }
        == "cost-out-of-range: the length is -1.0 (node 1). Lengths must be finite and at least 0.")
    #expect(
      message {
        _ = try TreeMetric(parents: [-1, 0], lengths: [0, 1]).solve(from: [1, 0], to: [0, 2])
      }
        == "mass-unequal: rows have a mass of 1.0 and columns of 2.0 (tree). Scale one side to the other's total."
    )
  }
}
