// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Clusters of bounded sizes")
struct BalancedAssignmentTests {
  /// The least cost over all assignments whose loads are allowed.
  private func brute(_ costs: [Double], _ n: Int, _ k: Int, _ allowed: ([Int]) -> Bool) -> Double {
    var best = Double.infinity
    var choice = [Int](repeating: 0, count: n)
    var at = 0
    while at < n {
      var loads = [Int](repeating: 0, count: k)
      for cluster in choice { loads[cluster] += 1 }
      if allowed(loads) {
        best = min(best, choice.enumerated().reduce(0) { $0 + costs[$1.offset * k + $1.element] })
      }
      at = 0
      while at < n, choice[at] == k - 1 {
        choice[at] = 0
        at += 1
      }
      if at < n { choice[at] += 1 }
    }
    return best
  }

  @Test("as cheap as any assignment with such sizes", arguments: seeds(20))
  func exhaustive(seed: Seed) throws {
    var random = SplitMix64(seed)
    let n = Int.random(in: 1...7, using: &random)
    let k = Int.random(in: 1...3, using: &random)
    let costs = (0..<n * k).map { _ in
      seed.value % 2 == 0
        ? Double(Int.random(in: -2...2, using: &random)) : Double.random(in: -1...1, using: &random)
    }
    let geometry = try DenseCost(costs, rows: n, columns: k)
    let most = (n + k - 1) / k
    for (sizes, allowed) in [
      (ClusterSizes.even, { (loads: [Int]) in loads.max()! - loads.min()! <= 1 }),
      (.atMost(most), { $0.max()! <= most }), (.atMost(most + 1), { $0.max()! <= most + 1 }),
      (.free, { _ in true }),
    ] {
      let solution = try BalancedAssignment(sizes).solve(geometry)
      #expect(allowed(solution.loads) && solution.loads.reduce(0, +) == n)
      #expect(abs(solution.cost - brute(costs, n, k, allowed)) < 1e-12)
    }
  }

  @Test("k-means with even sizes: sizes even, never rising", arguments: seeds(5))
  func means(seed: Seed) throws {
    var random = SplitMix64(seed)
    // One crowd and two few: free clusters would be uneven.
    let points = try Points(
      (0..<61).flatMap { at -> [Double] in
        let away = at < 50 ? 0.0 : at < 55 ? 3 : 6
        return [
          away + Double.random(in: 0...1, using: &random), Double.random(in: 0...1, using: &random),
        ]
      }, dimensions: 2)
    let even = try ConstrainedKMeans(clusters: 4, seed: seed).solve(points)
    #expect(even.assignment.loads.allSatisfy { $0 == 15 || $0 == 16 })
    let free = try ConstrainedKMeans(clusters: 3, sizes: .free, seed: seed).solve(points)
    for solution in [even, free] {
      #expect(zip(solution.costs, solution.costs.dropFirst()).allSatisfy { $1 <= $0 + 1e-12 })
    }
    // Without bounds each goes to its nearest center.
    for i in 0..<61 {
      let distances = (0..<3).map { c in
        zip(points[i], free.centers[c]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      }
      #expect(distances[free.assignment.clusterOf[i]] <= distances.min()! + 1e-12)
    }
  }

  @Test("too little room is refused")
  func refusals() throws {
    let costs = try DenseCost([1, 2, 3, 4, 5, 6], rows: 3, columns: 2)
    #expect(
      message { _ = try BalancedAssignment(.atMost(1)).solve(costs) }
        == "mass-out-of-range: 2 clusters of at most 1 for 3 samples (balanced assignment). Allow sizes of at least 2."
    )
    #expect(
      message { _ = try ConstrainedKMeans(clusters: 2).solve(Points([1], dimensions: 1)) }
        == "setting-out-of-range: 2 clusters for 1 points (constrained k-means). Give at least 1, no more than points, and as many first centers."
    )
  }
}
