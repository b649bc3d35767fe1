// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Synchronization
import Testing

@Suite("Targeted selection")
struct TargetedSelectionTests {
  private let exact = TargetedSelection(solver: ExactTransport())

  private func line(_ numbers: [Double]) throws -> Points { try Points(numbers, dimensions: 1) }

  @Test("by hand: layers, each sample once, and from the last layer what comes nearest")
  func byHand() throws {
    let pool = try line([0, 0.1, 9, 0.5, 10.3, 50, 12])
    let targets = try line([0, 0, 10])
    // First layer: 0 for both targets at 0, and 4 (at 10.3) for the one at 10.
    #expect(try exact.choose(2, from: pool, for: targets).indices == [0, 4])
    // Second: 1 (at 0.1) and 2 (at 9).
    #expect(try exact.choose(4, from: pool, for: targets).indices == [0, 4, 1, 2])
    // Only one of the second layer: with equal masses, two thirds must come to 0.
    let three = try exact.choose(3, from: pool, for: targets)
    #expect(three.indices == [0, 4, 1])
    #expect(abs(three.distance - (0.3 + 0.1) / 3) < 1e-12)
    #expect(three.solution.certificate.gap < 1e-12 && three.folds.isEmpty)
    // The authors' rule takes the one that is hardest to move.
    var published = exact
    published.lastLayer = .greatestPotentials
    #expect(try published.choose(3, from: pool, for: targets).indices == [0, 4, 2])
    // All of them, near ones first.
    #expect(try exact.choose(7, from: pool, for: targets).indices == [0, 4, 1, 2, 3, 6, 5])
  }

  @Test(
    "the layers are those of sorting all distances, ties by index, however deep the pool",
    arguments: seeds(12))
  func layers(seed: Seed) throws {
    var random = SplitMix64(seed)
    let n = Int.random(in: 1...150, using: &random)
    // A grid of few values: most distances tie.
    let pool = try samplePoints(
      &random, count: n, dimensions: 2, levels: seed.value % 2 == 0 ? 4 : nil)
    let targets = try samplePoints(
      &random, count: Int.random(in: 1...5, using: &random), dimensions: 2)
    let cloud = try PointCloud(targets, pool, cost: .euclidean)
    let orders = (0..<targets.count).map { target in
      let costs = (0..<n).map { cloud.cost(target, $0) }
      return (0..<n).sorted { (costs[$0], $0) < (costs[$1], $1) }
    }
    var expected: [[Int]] = []
    var seen: Set<Int> = []
    for depth in 0..<n {
      expected.append(orders.map { $0[depth] }.filter { seen.insert($0).inserted })
    }
    // At every count that ends a layer, exactly the layers so far.
    var count = 0
    for depth in 0..<n where !expected[depth].isEmpty {
      count += expected[depth].count
      let found = try TargetedSelection(solver: NearFree()).choose(count, from: pool, for: targets)
      #expect(found.indices == expected[...depth].flatMap { $0 })
    }
    #expect(count == n)
    // Within a layer: all layers before it, and some of it.
    for size in stride(from: 1, through: n, by: 7) {
      let found = try TargetedSelection().choose(size, from: pool, for: targets).indices
      #expect(found.count == size && Set(found).count == size)
      var rest = found[...]
      for layer in expected {
        guard rest.count >= layer.count else {
          #expect(Set(rest).isSubset(of: layer))
          break
        }
        #expect(Array(rest.prefix(layer.count)) == layer)
        rest = rest.dropFirst(layer.count)
      }
    }
  }

  /// Any solution at all: layers do not depend on it.
  private struct NearFree: TransportSolver {
    func solve(_ problem: LinearProblem) throws(TransportError) -> TransportSolution {
      try Sinkhorn(.epsilon(100), tolerance: 1, threads: .one).solve(problem)
    }
    var single: NearFree { self }
  }

  @Test("of a last layer the least potentials come nearer to the targets than the greatest")
  func lastLayer() throws {
    var nearer = 0
    for seed in seeds(30) {
      var random = SplitMix64(seed)
      let pool = try samplePoints(&random, count: 80, dimensions: 3)
      let targets = try samplePoints(&random, count: 12, dimensions: 3)
      var selection = exact
      let least = try selection.choose(17, from: pool, for: targets)
      selection.lastLayer = .greatestPotentials
      let greatest = try selection.choose(17, from: pool, for: targets)
      if least.distance < greatest.distance { nearer += 1 }
    }
    #expect(nearer >= 27, "\(nearer) of 30")
  }

  @Test("folds by hand: one target each, judged by the other")
  func foldsByHand() throws {
    let pool = try line([0, 0.9, 5, -3])
    let found = try exact.chooseWhileNearer(
      from: pool, for: line([0, 1]), folds: 2, seed: Seed(1))
    // From 0: 0 is 1 from the other target, 0.9 brings 0.1, and -3 brings 4.
    let first = try #require(found.folds.first { $0.indices == [0, 1] })
    #expect(difference(first.distances, [1, 1.1 / 2, 5.1 / 3]) < 1e-12 && first.layers == 2)
    // From 1: 0.9, then 0; 5 and -3 are as far, the first of them brings 5.
    let second = try #require(found.folds.first { $0.indices == [1, 0] })
    #expect(difference(second.distances, [0.9, 0.9 / 2, 5.9 / 3]) < 1e-12 && second.layers == 2)
    #expect(found.indices == [0, 1])
  }

  @Test("folds stop at the first layer that comes no nearer, and are joined", arguments: seeds(6))
  func folds(seed: Seed) throws {
    var random = SplitMix64(seed)
    let targets = try Points(
      (0..<24).flatMap { at in
        [
          Double(at % 3) * 5 + Double.random(in: -1...1, using: &random),
          .random(in: 0...1, using: &random),
        ]
      }, dimensions: 2)
    // A third of the pool is like the targets, the rest is far away.
    let pool = try Points(
      (0..<300).flatMap { at in
        [
          at < 100
            ? Double(at % 3) * 5 + Double.random(in: -1...1, using: &random)
            : Double.random(in: 40...60, using: &random), .random(in: 0...1, using: &random),
        ]
      }, dimensions: 2)
    let seen = Mutex<[Int]>([])
    var selection = exact
    selection.progress = { fold in seen.withLock { $0.append(fold.number) } }
    let found = try selection.chooseWhileNearer(from: pool, for: targets, folds: 6, seed: seed)
    #expect(seen.withLock { $0.sorted() } == Array(0..<6))
    #expect(found.folds.map(\.number) == Array(0..<6))
    #expect(found.indices == Set(found.folds.flatMap(\.indices)).sorted())
    #expect(found.indices.allSatisfy { $0 < 100 })
    for fold in found.folds {
      #expect(zip(fold.distances, fold.distances.dropFirst().dropLast()).allSatisfy { $1 < $0 })
      #expect(fold.layers > 0 && fold.layers < 300)
      let last = fold.distances.suffix(2)
      #expect(last.last! >= last.first!)
    }
    var alone = selection
    alone.threads = .one
    #expect(
      try alone.chooseWhileNearer(from: pool, for: targets, folds: 6, seed: seed).indices
        == found.indices)
    // More folds than targets: one target each.
    #expect(
      try selection.chooseWhileNearer(from: pool, for: targets, folds: 99, seed: seed).folds.count
        == 24)
  }

  @Test(
    "counts out of range, too few folds and other dimensions are refused; equal samples are not")
  func refusals() throws {
    let pool = try line([0, 1, 2])
    for count in [0, 4] {
      #expect(
        message { _ = try exact.choose(count, from: pool, for: pool) }
          == "setting-out-of-range: \(count) of 3 samples (selection). "
          + "Choose at least 1, and at most what the pool has.")
    }
    #expect(
      message { _ = try exact.chooseWhileNearer(from: pool, for: line([1]), seed: Seed(1)) }
        == "setting-out-of-range: 10 folds of 1 targets (selection). "
        + "Give at least 2 targets and 2 folds, or say how many samples to choose.")
    #expect(
      message { _ = try exact.choose(1, from: pool, for: Points([1, 2], dimensions: 2)) }
        == "shape-mismatch: sources have 2 dimensions, targets 1 (point cloud). "
        + "Give both the same coordinates.")
    #expect(
      message { _ = try exact.choose(1, from: line([1e200, 0]), for: line([-1e200])) }?
        .hasPrefix("cost-out-of-range: the cost is inf (row 0, column 0).") == true)
    let equal = try line([1, 1, 1, 1])
    #expect(try exact.choose(2, from: equal, for: equal).indices == [0, 1])
    #expect(
      try exact.chooseWhileNearer(from: equal, for: equal, folds: 2, seed: Seed(1)).indices == [0])
  }
}
