// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation
import Testing

/// Seconds of each solver, certificate included, in one thread.
///
/// Tiny by default; `FERRY_BENCH=1 FERRY_ROOM=OptimalTransport swift test -c release --filter
/// TransportBenchmarks` runs n = 1,000 and 5,000 and prints one JSON object a line.
@Suite("Benchmarks", .serialized)
struct TransportBenchmarks {
  static let full = ProcessInfo.processInfo.environment["FERRY_BENCH"] == "1"
  private let sizes = full ? [1000, 5000] : [40]
  private let rounds = full ? 3 : 1

  private func report(
    _ name: String, _ size: String, _ solve: () throws -> TransportSolution
  ) rethrows {
    var seconds: [Double] = []
    var last: TransportSolution?
    for _ in 0..<rounds {
      let start = ContinuousClock.now
      last = try solve()
      seconds.append((ContinuousClock.now - start) / .seconds(1))
    }
    guard Self.full, let last else { return }
    print(
      #"{"name":"\#(name)","size":"\#(size)","seconds":\#(seconds.sorted()[rounds / 2]),"#
        + #""iterations":\#(last.iterations),"converged":\#(last.isConverged),"#
        + #""cost":\#(last.transportCost),"gap":\#(last.certificate.gap),"#
        + #""marginalError":\#(last.certificate.marginalError)}"#)
  }

  private func cloud(_ count: Int, dimensions: Int) throws -> PointCloud {
    var random = SplitMix64(Seed(7))
    return try PointCloud(
      samplePoints(&random, count: count, dimensions: dimensions),
      samplePoints(&random, count: count, dimensions: dimensions))
  }

  @Test("exact solvers")
  func exact() throws {
    for count in sizes {
      for dimensions in [2, 10] {
        let cloud = try cloud(count, dimensions: dimensions)
        var random = SplitMix64(Seed(8))
        let general = try LinearProblem(
          cloud, rowMasses: sampleMasses(&random, count: count),
          columnMasses: sampleMasses(&random, count: count))
        let size = "\(count), \(dimensions)-D"
        try report("assignment", size) { try Assignment().solve(LinearProblem(cloud)) }
        try report("network simplex", size) { try NetworkSimplex().solve(general) }
      }
    }
    let count = Self.full ? 1_000_000 : 100
    var random = SplitMix64(Seed(9))
    let x = (0..<count).map { _ in Double.random(in: 0...1, using: &random) }
    let y = (0..<count).map { _ in Double.random(in: 0...1, using: &random) }
    try report("one-dimensional", "\(count)") { try OneDimensional().solve(x, y) }
  }

  @Test("Sinkhorn")
  func sinkhorn() throws {
    for count in sizes {
      let problem = try LinearProblem(cloud(count, dimensions: 2))
      for share in [0.1, 0.01, 0.001] {
        try report("sinkhorn \(share)", "\(count), 2-D") {
          try Sinkhorn(.shareOfMeanCost(share), unfinished: .isReturned).solve(problem)
        }
      }
    }
  }
}
