// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors
import Foundation
import Testing

@Suite("Kernels of lines")
struct SortKernelsTests {
  private func numbers(_ random: inout SplitMix64, _ n: Int) -> [Double] {
    (0..<n).map { _ in
      let scale = pow(10, Double.random(in: -30...30, using: &random))
      return (Double.random(in: -1...1, using: &random) * 4).rounded() / 4 * scale
    }
  }

  @Test(
    "sorted as the library sorts; equal numbers keep their order", arguments: [0, 1, 2, 17, 3000])
  func sorts(count: Int) {
    var random = SplitMix64(Seed(UInt64(count)))
    let x = numbers(&random, count) + [0.0, -0.0, .infinity, -.infinity]
    var wide = x
    var view = wide.mutableSpan
    SortKernels.sort(&view)
    #expect(wide == x.sorted())
    var placed = x
    var placedView = placed.mutableSpan
    let places = SortKernels.sortWithPlaces(&placedView)
    let expected = x.indices.sorted { (x[$0], $0) < (x[$1], $1) }
    #expect(places.map(Int.init) == expected && placed == wide)
    let narrow = x.map(Float.init)
    var sorted = narrow
    var narrowView = sorted.mutableSpan
    SortKernels.sort(&narrowView)
    #expect(sorted == narrow.sorted())
  }

  @Test("what is no number goes to the ends, by its sign")
  func notANumber() {
    let x: [Double] = [3, .nan, -1, -.nan, .infinity, 0, -.infinity]
    let middle: [Double] = [-.infinity, -1, 0, 3, .infinity]
    var wide = x
    var view = wide.mutableSpan
    SortKernels.sort(&view)
    var placed = x
    var placedView = placed.mutableSpan
    let places = SortKernels.sortWithPlaces(&placedView)
    var narrow = x.map(Float.init)
    var narrowView = narrow.mutableSpan
    SortKernels.sort(&narrowView)
    for sorted in [wide, placed, narrow.map(Double.init)] {
      #expect(sorted[0].isNaN && sorted[6].isNaN && Array(sorted[1..<6]) == middle)
    }
    #expect(places == [3, 6, 2, 5, 0, 4, 1])
  }

  @Test("sums of differences: the same bits in every build", arguments: [0, 1, 16, 1001])
  func differences(count: Int) {
    var random = SplitMix64(Seed(UInt64(count) + 1))
    let x = (0..<count).map { _ in Double.random(in: -1...1, using: &random) }
    let y = (0..<count).map { _ in Double.random(in: -1...1, using: &random) }
    for power in [1, 2] {
      let best = SortKernels.differenceSum(x.span, y.span, power: power)
      #expect(best == SortKernels.differenceSum(x.span, y.span, power: power, build: .generic))
      let plain = zip(x, y).reduce(0) { $0 + pow(abs($1.0 - $1.1), Double(power)) }
      #expect(abs(best - plain) <= 1e-12 * max(1, plain))
      let (fx, fy) = (x.map(Float.init), y.map(Float.init))
      let narrow = SortKernels.differenceSum(fx.span, fy.span, power: power)
      #expect(narrow == SortKernels.differenceSum(fx.span, fy.span, power: power, build: .generic))
      #expect(abs(narrow - plain) <= 1e-5 * max(1, plain))
    }
  }

  @Test("projections are products, the same bits in every build", arguments: [1, 16, 35])
  func projections(count: Int) {
    var random = SplitMix64(Seed(UInt64(count) + 2))
    let d = 5
    let points = (0..<count * d).map { _ in Float.random(in: -1...1, using: &random) }
    let directions = (0..<4 * d).map { _ in Float.random(in: -1...1, using: &random) }
    var tiles = [Float](repeating: .nan, count: (count + 15) / 16 * 16 * d)
    for i in 0..<count {
      for k in 0..<d { tiles[(i / 16 * d + k) * 16 + i % 16] = points[i * d + k] }
    }
    var results: [[Float]] = []
    for build in [KernelBuild.best, .generic] {
      var out = [Float](repeating: 0, count: 4 * count)
      var view = out.mutableSpan
      SortKernels.projectFour(tiles.span, onto: directions.span, into: &view, build: build)
      results.append(out)
    }
    #expect(results[0] == results[1])
    for l in 0..<4 {
      for i in 0..<count {
        var sum: Float = 0
        for k in 0..<d { sum += directions[l * d + k] * points[i * d + k] }
        #expect(results[0][l * count + i] == sum)
      }
    }
  }

  @Test(
    "products of matrices, the same bits in every build",
    arguments: [(1, 1, 1), (3, 7, 18), (16, 5, 33)])
  func products(n: Int, k: Int, m: Int) {
    var random = SplitMix64(Seed(UInt64(n)))
    let a = (0..<n * k).map { _ in Double.random(in: -1...1, using: &random) }
    let b = (0..<k * m).map { _ in Double.random(in: -1...1, using: &random) }
    var results: [[Double]] = []
    for build in [KernelBuild.best, .generic] {
      var out = [Double](repeating: 0, count: n * m)
      var view = out.mutableSpan
      MatrixKernels.product(a.span, b.span, inner: k, into: &view, build: build)
      results.append(out)
    }
    #expect(results[0] == results[1])
    for i in 0..<n {
      for j in 0..<m {
        let sum = (0..<k).reduce(0.0) { $0 + a[i * k + $1] * b[$1 * m + j] }
        #expect(results[0][i * m + j] == sum)
      }
    }
  }

  @Test(
    "the least of a row and the bound for the others, ties included", arguments: [2, 17, 100, 1000])
  func least(count: Int) {
    var random = SplitMix64(Seed(UInt64(count) + 3))
    for levels in [3.0, 1e9] {
      let c = (0..<count).map { _ in (Double.random(in: 0...1, using: &random) * levels).rounded() }
      let v = (0..<count).map { _ in (Double.random(in: 0...1, using: &random) * 2).rounded() }
      let sorted = zip(c, v).map { $0 - $1 }.sorted()
      for k in [1, 2, 5, 16, count - 1] where k < count {
        var rests: [Double] = []
        for build in [KernelBuild.best, .generic] {
          var places = [Int32](repeating: -1, count: k)
          var costs = [Double](repeating: 0, count: k)
          var placesView = places.mutableSpan
          var costsView = costs.mutableSpan
          rests.append(
            MatrixKernels.least(
              c.span, minus: v.span, places: &placesView, costs: &costsView, build: build))
          #expect(Set(places).count == k)
          #expect(places.indices.allSatisfy { costs[$0] == c[Int(places[$0])] })
          #expect(places.map { c[Int($0)] - v[Int($0)] }.sorted() == Array(sorted[..<k]))
        }
        #expect(rests == [sorted[k], sorted[k]])
      }
    }
  }
}
