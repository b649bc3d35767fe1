// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Product quantization")
struct ProductQuantizerTests {
  private func squares(_ x: some Sequence<Double>, _ y: some Sequence<Double>) -> Double {
    zip(x, y).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  }

  @Test("codes are those of the nearest codewords; searching sums is searching decoded points")
  func search() throws {
    for seed in seeds(6) {
      var random = SplitMix64(seed)
      let parts = Int.random(in: 1...4, using: &random)
      let width = Int.random(in: 1...3, using: &random)
      let words = Int.random(in: 1...9, using: &random)
      let n = Int.random(in: words...60, using: &random)
      let points = try samplePoints(&random, count: n, dimensions: parts * width)
      let answer = try CodebookTraining(parts: parts, codewords: words, rounds: 5, seed: seed)
        .taught(on: points)
      let quantizer = answer.quantizer
      let codes = try quantizer.codes(of: points)
      let decoded = try quantizer.decoded(codes)
      for i in 0..<n {
        for part in 0..<parts {
          let own = points[i].dropFirst(part * width).prefix(width)
          let book = quantizer.codebooks[part]
          let best = (0..<words).map { squares(own, book[$0]) }.min()!
          #expect(abs(squares(own, book[Int(codes[i * parts + part])]) - best) < 1e-12)
        }
      }
      let query = (0..<parts * width).map { _ in Double.random(in: 0...1, using: &random) }
      let found = try quantizer.search(query, in: codes, count: 7)
      let distances = (0..<n).map { squares(query, decoded[$0]) }
      #expect(found.count == min(7, n))
      #expect(zip(found, distances.sorted()).allSatisfy { abs($0.distance - $1) < 1e-12 })
      #expect(found.allSatisfy { abs(distances[$0.index] - $0.distance) < 1e-12 })

      // All lists read is all points read; fewer read no point outside them.
      let centers = try samplePoints(&random, count: 4, dimensions: parts * width)
      let index = try InvertedIndex(points, centers: centers, quantizer: quantizer)
      #expect(try index.search(query, count: 7, probes: 4) == found)
      #expect(index.lists.flatMap { $0 }.sorted() == Array(0..<n))
      for (list, own) in index.lists.enumerated() {
        for i in own {
          let least = (0..<4).map { squares(points[i], centers[$0]) }.min()!
          #expect(squares(points[i], centers[list]) < least + 1e-12)
        }
      }
      let near = (0..<4).min { squares(query, centers[$0]) < squares(query, centers[$1]) }!
      let one = try index.search(query, count: n, probes: 1)
      #expect(one.map(\.index).sorted() == index.lists[near])

      // By products the same, and the lists that are read are those of the greatest.
      let products = (0..<n).map { i in zip(query, decoded[i]).reduce(0) { $0 - $1.0 * $1.1 } }
      let greatest = try quantizer.search(query, in: codes, count: 7, by: .product)
      #expect(zip(greatest, products.sorted()).allSatisfy { abs($0.distance - $1) < 1e-12 })
      #expect(greatest.allSatisfy { abs(products[$0.index] - $0.distance) < 1e-12 })
      #expect(try index.search(query, count: 7, probes: 4, by: .product) == greatest)
      func product(_ list: Int) -> Double {
        zip(query, centers[list]).reduce(0) { $0 + $1.0 * $1.1 }
      }
      let best = (0..<4).max { product($0) < product($1) }!
      let first = try index.search(query, count: n, probes: 1, by: .product)
      #expect(first.map(\.index).sorted() == index.lists[best])
    }
  }

  @Test("of equal distances the first points are found, whatever is asked for")
  func equals() throws {
    let book = try Points([0, 1, 2], dimensions: 1)
    let quantizer = try ProductQuantizer(codebooks: [book])
    let codes: [UInt8] = [2, 1, 0, 1, 0, 2, 0]
    #expect(try quantizer.search([0], in: codes, count: 4).map(\.index) == [2, 4, 6, 1])
    #expect(
      try quantizer.search([0], in: codes, count: 2, among: [6, 5, 4]).map(\.index) == [4, 6])
    #expect(
      try quantizer.search([0], in: codes, count: 1, among: [6, 4, 2]).map(\.index) == [2])
    #expect(try quantizer.search([0], in: codes, count: 0).isEmpty)
    #expect(try quantizer.search([0], in: codes, count: 1, among: []).isEmpty)
  }

  @Test("what is no distance is farther than all that are")
  func notANumber() throws {
    let quantizer = try ProductQuantizer(
      codebooks: [Points([1e200, 0], dimensions: 1), Points([-1e200, 0], dimensions: 1)])
    // ∞ − ∞, ∞ and 0.
    let codes: [UInt8] = [0, 0, 1, 0, 1, 1]
    func found(_ count: Int) throws -> [Int] {
      try quantizer.search([1e200, 1e200], in: codes, count: count, by: .product).map(\.index)
    }
    #expect(try found(3) == [2, 1, 0] && found(2) == [2, 1] && found(1) == [2])
  }

  @Test("the strength of entropy is in half the range of squared distances")
  func strength() throws {
    var random = SplitMix64(Seed(6))
    let points = try samplePoints(&random, count: 200, dimensions: 2)
    let words = try samplePoints(&random, count: 7, dimensions: 2)
    let costs = try DenseCost(copying: PointCloud(points, words))
    let range = costs.costs.max()! - costs.costs.min()!
    let solution = try Sinkhorn(.epsilon(0.1 * range / 2), tolerance: 1e-9)
      .solve(LinearProblem(costs))
    let expected = (0..<200).map { i in
      let own = (0..<7).map { costs.costs[i * 7 + $0] - solution.columnPotentials[$0] }
      return own.firstIndex(of: own.min()!)!
    }
    #expect(try CodeAssignment.entropic(0.1).assign(points, to: words) == expected)
  }

  @Test("a codeword that nobody took stays, and takes those that come near")
  func idle() throws {
    let points = try Points([5, 5, 5, 20], dimensions: 1)
    for seed in seeds(8) {
      let answer = try CodebookTraining(parts: 1, codewords: 2, seed: seed).taught(on: points)
      #expect(answer.error == 0)
      #expect(answer.quantizer.codebooks[0].coordinates.sorted() == [5, 20])
    }
  }

  @Test("even assignment has even loads, and costs no more than the entropic one made even")
  func even() throws {
    for seed in seeds(5) {
      var random = SplitMix64(seed)
      let n = 60 + Int(seed.value)
      let points = try samplePoints(&random, count: n, dimensions: 2)
      let words = try samplePoints(&random, count: 8, dimensions: 2)
      func cost(_ codes: [Int]) -> Double {
        codes.indices.reduce(0.0) { $0 + squares(points[$1], words[codes[$1]]) }
      }
      func loads(_ codes: [Int]) -> [Int] {
        (0..<8).map { word in codes.count { $0 == word } }
      }
      let exact = try CodeAssignment.even.assign(points, to: words)
      #expect(loads(exact).max()! <= (n + 7) / 8 && loads(exact).min()! >= n / 8)
      var soft = try CodeAssignment.entropic(0.003).assign(points, to: words)
      let nearest = try CodeAssignment.nearest.assign(points, to: words)
      #expect(loads(soft).max()! <= (n + 7) / 8 + 8)
      #expect(loads(soft).max()! < loads(nearest).max()!)
      #expect(cost(nearest) <= cost(soft) + 1e-12)
      // Whoever is beyond the most moves, the least dear first.
      while loads(soft).max()! > (n + 7) / 8 {
        let now = loads(soft)
        let full = now.indices.max { now[$0] < now[$1] }!
        let moves = soft.indices.filter { soft[$0] == full }.flatMap { i in
          now.indices.filter { now[$0] < (n + 7) / 8 }.map { word in
            (i, word, squares(points[i], words[word]) - squares(points[i], words[full]))
          }
        }
        let best = moves.min { $0.2 < $1.2 }!
        soft[best.0] = best.1
      }
      #expect(cost(exact) <= cost(soft) + 1e-9)
    }
  }

  @Test("teaching lowers the error, and even codes stay even")
  func training() throws {
    var random = SplitMix64(Seed(4))
    let points = try samplePoints(&random, count: 96, dimensions: 4)
    for assignment in [CodeAssignment.nearest, .even, .entropic(0.01)] {
      func taught(_ rounds: Int) throws -> CodebookTraining.Answer {
        try CodebookTraining(
          parts: 2, codewords: 8, assignment: assignment, rounds: rounds, seed: Seed(1)
        ).taught(on: points)
      }
      let (first, last) = try (taught(1), taught(20))
      #expect(last.error < first.error)
      let assigned = try last.quantizer.decoded(last.assigned)
      #expect(abs(squares(points.coordinates, assigned.coordinates) / 96 - last.error) < 1e-12)
      #expect(last.assigned.count == 96 * 2)
      if assignment == .even { #expect(last.loadMost == 12) }
      if assignment == .nearest {
        let decoded = try last.quantizer.decoded(last.quantizer.codes(of: points))
        let error = squares(points.coordinates, decoded.coordinates) / 96
        #expect(error < last.error + 1e-9)
      }
    }
    func first(_ seed: UInt64) throws -> ProductQuantizer {
      try CodebookTraining(parts: 2, codewords: 8, rounds: 1, seed: Seed(seed))
        .taught(on: points).quantizer
    }
    #expect(try first(1) == first(1) && first(1) != first(2))
  }

  @Test("what does not fit is said exactly")
  func refusals() throws {
    let points = try Points([0, 1, 2, 3], dimensions: 2)
    #expect(
      message { _ = try CodebookTraining(parts: 3, codewords: 2).taught(on: points) }
        == "setting-out-of-range: 3 parts, 2 codewords and 25 rounds for 2 points of 2 dimensions (codebook training). Give parts that divide the dimensions, 1 to 256 codewords, no more than points, and at least 1 round."
    )
    let quantizer = try CodebookTraining(parts: 2, codewords: 2).taught(on: points).quantizer
    #expect(
      message { _ = try quantizer.search([1], in: [0, 0], count: 1) }
        == "shape-mismatch: 1 coordinates for 2 (product quantizer). Give points like those that taught it."
    )
    #expect(
      message { _ = try quantizer.search([1, .nan], in: [0, 0], count: 1) }
        == "point-out-of-range: coordinate 1 is nan (query). Give finite coordinates.")
    #expect(
      message { _ = try quantizer.search([1, 1e200], in: [0, 0], count: 1) }
        == "cost-out-of-range: no distance is finite (query). Scale the points down.")
    #expect(
      message { _ = try quantizer.codes(of: Points([1, 1e200], dimensions: 2)) }
        == "cost-out-of-range: no cost is finite (point 0). Scale the points down.")
    #expect(
      message { _ = try quantizer.search([1, 2], in: [0, 0, 0, 2], count: 1) }
        == "shape-mismatch: the code 2 for 2 codewords (product quantizer). Give codes that it made."
    )
    for codes: [UInt8] in [[], [0]] {
      #expect(
        message { _ = try quantizer.search([1, 2], in: codes, count: 1) }
          == "shape-mismatch: \(codes.count) codes for points of 2 parts (product quantizer). Give one code for each part of each point."
      )
    }
    #expect(
      message { _ = try CodeAssignment.entropic(0).assign(points, to: points) }
        == "setting-out-of-range: the strength is 0.0 (code assignment). Give a strength above 0; 0.003 is usual."
    )
    for place in [-1, 2, Int.max] {
      #expect(
        message { _ = try quantizer.search([1, 2], in: [0, 0, 1, 1], count: 1, among: [place]) }
          == "shape-mismatch: the place \(place) among 2 coded points (product quantizer). Give places from 0 on, each below the count of points."
      )
    }
    let index = try InvertedIndex(points, centers: points, quantizer: quantizer)
    #expect(
      message { _ = try index.search([1], count: 1, probes: 1) }
        == "shape-mismatch: 1 coordinates for 2 (inverted index). Give a query like the points that are coded."
    )
    #expect(
      message { _ = try index.search([1, 2], count: 1, probes: 0) }
        == "setting-out-of-range: 0 probes (inverted index). Read at least 1 list.")
    #expect(
      message { _ = try quantizer.decoded([0, 2]) }
        == "shape-mismatch: the code 2 for 2 codewords (product quantizer). Give codes that it made."
    )
  }
}
