// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors
import Foundation
import Testing

@Suite("Kernels of costs")
struct CostKernelsTests {
  private func row(_ random: inout SplitMix64, _ n: Int) -> [Double] {
    (0..<n).map { _ in Double.random(in: -3...3, using: &random) }
  }

  @Test(
    "exponentials within 1e-15 of the C library's, the same bits in every build",
    arguments: [0, 1, 7, 16, 100])
  func gibbs(count: Int) {
    var random = SplitMix64(Seed(UInt64(count)))
    let (w, c, g) = (row(&random, count), row(&random, count), row(&random, count))
    for (f, rate) in [(0.25, 1.0), (-1, 60), (3, 30), (0, 1e-9)] {
      let expected = c.indices.map { exp((f + (g[$0] - c[$0])) * rate) }
      var rows: [[Double]] = []
      var sums: [Double] = []
      for build in [KernelBuild.best, .generic] {
        var out = [Double](repeating: -1, count: count)
        var view = out.mutableSpan
        CostKernels.gibbsRow(c.span, g.span, f: f, rate: rate, into: &view, build: build)
        rows.append(out)
        var added = w
        var addedView = added.mutableSpan
        CostKernels.gibbsAdd(
          2, c.span, g.span, f: f, rate: rate, into: &addedView, build: build)
        for j in c.indices { #expect(added[j] == w[j] + 2 * out[j]) }
        sums.append(
          CostKernels.gibbsSum(w.span, c.span, g.span, f: f, rate: rate, build: build))
      }
      for j in c.indices { #expect(abs(rows[0][j] / expected[j] - 1) < 1e-15) }
      #expect(rows[0] == rows[1] && sums[0] == sums[1])
      let plain = c.indices.reduce(0) { $0 + w[$1] * expected[$1] }
      let scale = c.indices.reduce(0) { $0 + abs(w[$1]) * expected[$1] }
      #expect(abs(sums[0] - plain) <= 1e-14 * scale)
    }
  }

  @Test("exponentials end at 0 and at exp(709), and do not overflow")
  func ends() {
    let c = [800.0, 709, 707, -1e300, 1e300, 0]
    var out = [Double](repeating: -1, count: 6)
    var view = out.mutableSpan
    CostKernels.gibbsRow(
      c.span, [0, 0, 0, 0, 0, 0].span, f: 0, rate: 1, into: &view)
    #expect(out[0] == 0 && out[1] == 0 && out[2] > 0 && out[4] == 0 && out[5] == 1)
    #expect(abs(out[3] / exp(709) - 1) < 1e-13)
  }

  @Test("sums, distances and greatest differences are the plain loops'", arguments: [0, 3, 16, 61])
  func loops(count: Int) {
    var random = SplitMix64(Seed(UInt64(count + 1)))
    let (x, c) = (row(&random, count), row(&random, count))
    let plain = x.indices.reduce(0) { $0 + x[$1] * c[$1] }
    #expect(abs(CostKernels.dot(x.span, c.span) - plain) < 1e-12)
    #expect(
      CostKernels.dot(x.span, c.span) == CostKernels.dot(x.span, c.span, build: .generic))
    var target = c
    var view = target.mutableSpan
    CostKernels.accumulate(x.span, scaledBy: 0.5, into: &view)
    #expect(target == x.indices.map { c[$0] + 0.5 * x[$0] })
    var best = x
    var bestView = best.mutableSpan
    CostKernels.raise(&bestView, to: 0.5, minus: c.span)
    #expect(best == x.indices.map { max(x[$0], 0.5 - c[$0]) })
    let from = row(&random, 3)
    let points = row(&random, 3 * count)
    let formulas: [(CostKernels.Distance, (Double, Double) -> Double)] = [
      (.squared, { ($0 - $1) * ($0 - $1) }), (.absolute, { abs($0 - $1) }), (.product, { $0 * $1 }),
    ]
    for (kind, formula) in formulas {
      var out = [Double](repeating: 9, count: count)
      var outView = out.mutableSpan
      CostKernels.distances(kind, from: from.span, to: points.span, into: &outView)
      #expect(
        out
          == (0..<count).map { j in
            (0..<3).reduce(0) { $0 + formula(from[$1], points[$1 * count + j]) }
          })
    }
  }

  @Test("the least, the next, and the first of equals", arguments: seeds(60))
  func searches(seed: Seed) {
    var random = SplitMix64(seed)
    let count = Int(seed.value % 40)
    // Few values, so that many are equal.
    let c = (0..<count).map { _ in Double(Int.random(in: 0..<9, using: &random)) }
    let v = (0..<count).map { _ in
      Int.random(in: 0..<5, using: &random) == 0
        ? -Double.infinity : Double(Int.random(in: 0..<3, using: &random))
    }
    let differences = c.indices.map { c[$0] - v[$0] }
    let finite = differences.indices.filter { differences[$0] < .infinity }
    let order = finite.sorted { (differences[$0], $0) < (differences[$1], $1) }
    for build in [KernelBuild.best, .generic] {
      let least = CostKernels.least(c.span, minus: v.span, build: build)
      #expect(least?.index == order.first)
      #expect(least?.value == order.first.map { differences[$0] })
      let two = CostKernels.twoLeast(c.span, minus: v.span, build: build)
      #expect(two?.index == order.first)
      #expect(two?.value == order.first.map { differences[$0] })
      if let two { #expect(two.next == (order.count > 1 ? differences[order[1]] : .infinity)) }
    }
  }

  @Test("one step of a search over columns, settled ones left alone", arguments: seeds(60))
  func relaxes(seed: Seed) {
    var random = SplitMix64(seed)
    let count = 1 + Int(seed.value % 40)
    let c = (0..<count).map { _ in Double(Int.random(in: 0..<9, using: &random)) }
    let v = (0..<count).map { _ in Double(Int.random(in: 0..<3, using: &random)) }
    let before = (0..<count).map { _ in
      [-Double.infinity, .infinity, 2, 5].randomElement(using: &random)!
    }
    for build in [KernelBuild.best, .generic] {
      var distance = before
      var from = [Int64](repeating: 3, count: count)
      var distances = distance.mutableSpan
      var origins = from.mutableSpan
      let nearest = CostKernels.relax(
        c.span, minus: v.span, plus: 1, row: 8, distance: &distances, from: &origins,
        build: build)
      let expected = c.indices.map { min(before[$0], c[$0] - v[$0] + 1) }
      #expect(distance == expected)
      #expect(from == c.indices.map { c[$0] - v[$0] + 1 < before[$0] ? 8 : 3 })
      let open = c.indices.filter { expected[$0] > -.infinity }
      let best = open.min { (expected[$0], $0) < (expected[$1], $1) }
      #expect(nearest?.index == best)
      #expect(nearest?.value == best.map { expected[$0] })
    }
  }
}

private func seeds(_ count: Int) -> [Seed] { (1...count).map { Seed(UInt64($0)) } }
