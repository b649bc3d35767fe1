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

@Suite("Kernels of costs, by rows")
struct CostKernelRowsTests {
  private func row(_ random: inout SplitMix64, _ n: Int, _ range: ClosedRange<Double> = -3...3)
    -> [Double]
  {
    (0..<n).map { _ in Double.random(in: range, using: &random) }
  }

  @Test(
    "f32 exponentials to 3e-7, squares worked out on the way, the same bits in every build",
    arguments: [0, 1, 7, 33], [1, 2, 3])
  func singles(count: Int, dimensions: Int) {
    var random = SplitMix64(Seed(UInt64(count * 4 + dimensions)))
    let x = row(&random, dimensions)
    let y = row(&random, dimensions * count)
    let g = row(&random, count)
    var costs = [Double](repeating: 0, count: count)
    var costsView = costs.mutableSpan
    CostKernels.distances(.squared, from: x.span, to: y.span, into: &costsView)
    for (f, rate) in [(0.25, 1.0), (-1, 6), (3, 0.3)] {
      var rows: [[Float]] = []
      var doubles: [[Double]] = []
      for build in [KernelBuild.best, .generic] {
        var out = [Float](repeating: -1, count: count)
        var fused = out
        var exact = [Double](repeating: -1, count: count)
        var fusedExact = exact
        var view = out.mutableSpan
        Float.gibbsRow(costs.span, g.span, f: f, rate: rate, into: &view, build: build)
        var fusedView = fused.mutableSpan
        Float.gibbsSquares(
          from: x.span, to: y.span, g.span, f: f, rate: rate, into: &fusedView, build: build)
        var exactView = exact.mutableSpan
        Double.gibbsRow(costs.span, g.span, f: f, rate: rate, into: &exactView, build: build)
        var fusedExactView = fusedExact.mutableSpan
        Double.gibbsSquares(
          from: x.span, to: y.span, g.span, f: f, rate: rate, into: &fusedExactView, build: build)
        #expect(out == fused && exact == fusedExact)
        rows.append(out)
        doubles.append(exact)
        for j in 0..<count where exact[j] > 1e-37 {
          #expect(abs(Double(out[j]) / exact[j] - 1) < 3e-7)
        }
      }
      #expect(rows[0] == rows[1] && doubles[0] == doubles[1])
    }
  }

  @Test("f32 exponentials end at 0 and at exp(88)")
  func ends() {
    var out = [Float](repeating: -1, count: 5)
    var view = out.mutableSpan
    Float.gibbsRow(
      [88, 86, 1e300, -87, -1e300].span, [0, 0, 0, 0, 0].span, f: 0, rate: 1, into: &view)
    #expect(out[0] == 0 && out[1] > 0 && out[2] == 0)
    #expect(abs(Double(out[3]) / exp(87) - 1) < 3e-7)
    #expect(abs(Double(out[4]) / exp(88) - 1) < 3e-7)
  }

  @Test(
    "products with blocks of rows are the plain loops', in both elements",
    arguments: [0, 1, 4, 6], [1, 7, 8, 21])
  func blocks(rows: Int, columns: Int) {
    var random = SplitMix64(Seed(UInt64(rows * 100 + columns)))
    let x = row(&random, rows * columns)
    let w = row(&random, columns)
    let scales = row(&random, rows)
    func check<E: KernelElement>(_ x: [E], _ value: (E) -> Double) {
      var products: [[Double]] = []
      for build in [KernelBuild.best, .generic] {
        var dots = [Double](repeating: 0, count: rows)
        var view = dots.mutableSpan
        E.dotRows(x.span, w.span, into: &view, build: build)
        var sums = w
        var sumsView = sums.mutableSpan
        E.addRows(x.span, scaledBy: scales.span, into: &sumsView, build: build)
        products.append(dots + sums)
        for i in 0..<rows {
          let plain = (0..<columns).reduce(0) { $0 + value(x[i * columns + $1]) * w[$1] }
          #expect(abs(dots[i] - plain) < 1e-13 * Double(columns + 10))
        }
        for j in 0..<columns {
          let plain = (0..<rows).reduce(w[j]) { $0 + value(x[$1 * columns + j]) * scales[$1] }
          #expect(abs(sums[j] - plain) < 1e-13 * 30)
        }
      }
      #expect(products[0] == products[1])
    }
    check(x.map(Float.init)) { Double($0) }
    check(x) { $0 }
  }

  @Test("logarithms, exponentials and relaxed scalings within rounding", arguments: [0, 1, 5, 40])
  func scalings(count: Int) {
    var random = SplitMix64(Seed(UInt64(count)))
    let logs = row(&random, count, -600...600)
    let x = logs.map { exp($0) }
    let s = row(&random, count, 0.5...2)
    for theta in [1.0, 1.7] {
      var all: [[Double]] = []
      for build in [KernelBuild.best, .generic] {
        var out = [[Double]](repeating: Array(repeating: 0, count: count), count: 3)
        var view = out[0].mutableSpan
        CostKernels.logarithms(x.span, into: &view, build: build)
        var view1 = out[1].mutableSpan
        CostKernels.exponentials(logs.span, into: &view1, build: build)
        var view2 = out[2].mutableSpan
        CostKernels.relaxedScalings(s.span, sums: s.span, theta: theta, into: &view2, build: build)
        for i in 0..<count {
          #expect(abs(out[0][i] - log(x[i])) <= 5e-16 * max(1, abs(out[0][i])))
          #expect(abs(out[1][i] / x[i] - 1) < 1e-15)
          #expect(abs(out[2][i] / (s[i] * pow(s[i] * s[i], -theta)) - 1) < 4e-15)
        }
        all.append(out.flatMap { $0 })
      }
      #expect(all[0] == all[1])
    }
    #expect(CostKernels.range([3, -1, 2].span) == (-1, 3, 4))
    #expect(CostKernels.sumAndDot([3, -1].span, [2, 5].span) == (2, 1))
  }

  @Test("entries that matter, and products with them", arguments: [1, 15, 16, 17, 50])
  func sparse(columns: Int) {
    var random = SplitMix64(Seed(UInt64(columns)))
    let x = row(&random, columns, 0...1)
    let w = row(&random, columns, 0...1)
    var rows = SparseRows()
    rows.append(scale: 2, x.span, w.span, atLeast: 0.4)
    rows.append(scale: 0.1, x.span, w.span, atLeast: 0.4)
    rows.append(scale: 1, x.span, w.span, atLeast: 0.4, build: .generic)
    var expected: [(Int, Double)] = []
    for (i, scale) in [2.0, 0.1, 1].enumerated() {
      for j in 0..<columns where scale * x[j] * w[j] >= 0.4 {
        expected.append((i, scale * x[j] * w[j]))
      }
    }
    #expect(rows.values == expected.map(\.1) && rows.rowCount == 3)
    #expect(rows.filtered(atLeast: 0.7).values == expected.map(\.1).filter { $0 >= 0.7 })
    var dots = [0.0, 0, 0]
    rows.dot(w, into: &dots)
    var sums = [Double](repeating: 0, count: columns)
    rows.add(scaledBy: [1, 5, 2], into: &sums)
    var wantedDots = [0.0, 0, 0]
    var wantedSums = sums.map { _ in 0.0 }
    var k = 0
    for (i, value) in expected {
      wantedDots[i] += value * w[Int(rows.columns[k])]
      wantedSums[Int(rows.columns[k])] += value * [1, 5, 2][i]
      k += 1
    }
    #expect(zip(dots, wantedDots).allSatisfy { abs($0 - $1) < 1e-14 })
    #expect(zip(sums, wantedSums).allSatisfy { abs($0 - $1) < 1e-14 })
    var histogram = MagnitudeHistogram()
    histogram.add(scale: 1, rows.values)
    #expect(histogram.counts.reduce(0, +) == Int64(expected.count))
    for (bin, count) in histogram.counts.enumerated() where count > 0 {
      let from = MagnitudeHistogram.lowerBound(bin)
      let inside = rows.values.count {
        $0 >= from && $0 < MagnitudeHistogram.lowerBound(bin + 1)
      }
      #expect(inside == Int(count))
    }
  }
}
