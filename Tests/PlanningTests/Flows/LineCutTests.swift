// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning
import Testing

@Suite("Line cut")
struct LineCutTests {
  private func gcd(_ a: Int, _ b: Int) -> Int { b == 0 ? a : gcd(b, a % b) }

  /// What each path carries, and what is carried of each flow.
  private func sums(
    _ pieces: [LineCut.Piece], sizes: [Double], paths: Int
  ) -> (paths: [Double], flows: [Double]) {
    var sums = (
      paths: [Double](repeating: 0, count: paths), flows: [Double](repeating: 0, count: sizes.count)
    )
    for piece in pieces {
      sums.paths[piece.path] += piece.part * sizes[piece.flow]
      sums.flows[piece.flow] += piece.part
    }
    return sums
  }

  @Test("n flows over s paths: n + s - gcd pieces, every path its share, for all up to 40 and 20")
  func exhaustive() {
    for n in 0...40 {
      for s in 1...20 {
        let sizes = [Double](repeating: 1, count: n)
        let line = LineCut.equal(flows: n, paths: s)
        let paper = LineCut.paper(flows: n, paths: s)
        #expect(line.count == (n == 0 ? 0 : n + s - gcd(n, s)), "\(n) over \(s)")
        let r = n % s
        #expect(paper.count == n - r + (r == 0 ? 0 : r * s / gcd(r, s)), "\(n) over \(s)")
        #expect(line.count <= paper.count)
        for pieces in [line, paper] {
          let sums = sums(pieces, sizes: sizes, paths: s)
          #expect(sums.paths.allSatisfy { abs($0 - Double(n) / Double(s)) < 1e-12 }, "\(n), \(s)")
          #expect(sums.flows.allSatisfy { abs($0 - 1) < 1e-12 }, "\(n), \(s)")
          #expect(pieces.allSatisfy { $0.part > 0 && $0.part <= 1 })
          // No flow has two pieces on one path.
          #expect(Set(pieces.map { [$0.flow, $0.path] }).count == pieces.count)
        }
      }
    }
  }

  @Test("the spec's example: 7 flows over 8 paths are 14 pieces instead of 56")
  func example() {
    #expect(LineCut.equal(flows: 7, paths: 8).count == 14)
    #expect(LineCut.paper(flows: 7, paths: 8).count == 56)
  }

  /// The fewest edges of a bipartite graph that can carry the shares, over all ways to divide flows
  /// and paths into parts that are balanced in themselves.
  private func fewest(flows n: Int, paths s: Int) -> Int {
    // A part of a flows and b paths is balanced if a·s = b·n; it needs at least a + b − 1 edges.
    var best = [[Int]](repeating: [Int](repeating: .max, count: s + 1), count: n + 1)
    best[0][0] = 0
    for flows in 1...n {
      for paths in 1...s {
        for a in 1...flows {
          for b in 1...paths where a * s == b * n && best[flows - a][paths - b] < .max {
            best[flows][paths] = min(best[flows][paths], best[flows - a][paths - b] + a + b - 1)
          }
        }
      }
    }
    return best[n][s]
  }

  @Test("no way of dividing flows and paths needs fewer pieces")
  func fewestPieces() {
    for n in 1...14 {
      for s in 1...12 {
        #expect(LineCut.equal(flows: n, paths: s).count == fewest(flows: n, paths: s))
      }
    }
  }

  @Test(
    "any sizes over any shares: every path its share, at most n + s - 1 pieces",
    arguments: seeds(60))
  func weighted(seed: Seed) {
    var random = SplitMix64(seed)
    let sizes = (0..<Int.random(in: 1...60, using: &random)).map { _ in
      Double.random(in: 0.001...1000, using: &random)
    }
    var weights = (0..<Int.random(in: 1...12, using: &random)).map { _ in
      Bool.random(using: &random) ? 0 : Double.random(in: 0.1...10, using: &random)
    }
    weights[Int.random(in: 0..<weights.count, using: &random)] = 1
    let sum = weights.reduce(0, +)
    let shares = weights.map { $0 / sum }
    let pieces = LineCut.weighted(sizes: sizes, shares: shares)
    let used = shares.filter { $0 > 0 }.count
    #expect(pieces.count <= sizes.count + used - 1)
    let total = sizes.reduce(0, +)
    let sums = sums(pieces, sizes: sizes, paths: shares.count)
    for (path, share) in shares.enumerated() {
      #expect(abs(sums.paths[path] - share * total) <= 1e-11 * total)
    }
    #expect(sums.flows.allSatisfy { abs($0 - 1) < 1e-11 })
  }

  @Test("with equal sizes and shares the weighted cut makes the same pieces")
  func weightedEqual() {
    for n in 1...30 {
      for s in 1...12 {
        let exact = LineCut.equal(flows: n, paths: s)
        let rounded = LineCut.weighted(
          sizes: Array(repeating: 0.1, count: n), shares: Array(repeating: 1 / Double(s), count: s))
        #expect(exact.map(\.flow) == rounded.map(\.flow), "\(n) over \(s)")
        #expect(exact.map(\.path) == rounded.map(\.path), "\(n) over \(s)")
      }
    }
    #expect(LineCut.weighted(sizes: [], shares: [1]).isEmpty)
  }
}
