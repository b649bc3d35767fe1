// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport

extension ProductQuantization {
  /// Documents and queries, as pictures and as their components.
  struct Vectors {
    let images: LabeledImages
    /// Which pictures are documents, and which queries.
    let documentPictures: [Int]
    let queryPictures: [Int]
    let documents: Points
    let queries: [[Double]]
    /// Each query's nearest documents.
    let nearest: [Set<Int>]
  }

  func draw(_ run: RecipeRun) throws -> Vectors {
    let whole = try run.data.images(.mnist5k)
    let images = whole.averaged(width: 14, height: 14)
    let order = splitOrder(of: DataItem.mnist5k.key, 0..<images.count)
    let count = run.size(smoke: 200, standard: 4500)
    let asked = order.dropFirst(count).prefix(run.size(smoke: 20, standard: 500))
    let documents = images.chosen(Array(order.prefix(count))).features
    var start = run.generator("components")
    let axes = LeadingSpace(
      documents, dimensions: images.dimensions, count: 32, using: &start)
    let points = try Points(axes(documents), dimensions: axes.count)
    let queries = try Points(axes(images.chosen(Array(asked)).features), dimensions: axes.count)
    let distances = try DenseCost(copying: PointCloud(queries, points)).costs
    let nearest = (0..<queries.count).map { query in
      let own = distances[query * count..<(query + 1) * count]
      return Set(
        own.indices.sorted { (own[$0], $0) < (own[$1], $1) }.prefix(Self.wanted)
          .map { $0 - query * count })
    }
    return Vectors(
      images: whole, documentPictures: Array(order.prefix(count)), queryPictures: Array(asked),
      documents: points, queries: (0..<queries.count).map { Array(queries[$0]) }, nearest: nearest)
  }

  /// What came of one way of assigning.
  struct Codes {
    let name: String
    let answer: CodebookTraining.Answer
    let seconds: Double
    let usage: CodeUsage
    let recall: Double

    init(
      _ name: String, _ answer: CodebookTraining.Answer, _ seconds: Double, _ data: Vectors
    ) throws {
      self.name = name
      self.answer = answer
      self.seconds = seconds
      usage = CodeUsage(answer.assigned, parts: parts, codewords: codewords)
      let found = try zip(data.queries, data.nearest).map { query, nearest in
        try answer.quantizer.search(query, in: answer.assigned, count: wanted)
          .count { nearest.contains($0.index) }
      }
      recall = Double(found.reduce(0, +)) / Double(wanted * found.count)
    }
  }

  /// By how much the exact assignment costs more than the entropic one whose overfull codewords give
  /// points away, the least dear first.
  func evenExcess(
    _ documents: Points, _ quantizer: ProductQuantizer, limit: Int
  ) throws -> Double {
    let width = documents.dimensions / Self.parts
    var worst = -Double.infinity
    for part in 0..<Self.parts {
      let points = try Points(
        (0..<documents.count).flatMap { documents[$0].dropFirst(part * width).prefix(width) },
        dimensions: width)
      let book = quantizer.codebooks[part]
      let costs = try DenseCost(copying: PointCloud(points, book))
      func cost(_ codes: [Int]) -> Double {
        codes.indices.reduce(0) { $0 + costs.costs[$1 * Self.codewords + codes[$1]] }
      }
      // Under the same limit: even shares would also ask for a least number.
      let exact = try BalancedAssignment(.atMost(limit)).solve(costs).clusterOf
      var soft = try CodeAssignment.entropic(Self.strength).assign(points, to: book)
      var loads = (0..<Self.codewords).map { word in soft.count { $0 == word } }
      while let full = loads.firstIndex(where: { $0 > limit }) {
        var best = (extra: Double.infinity, point: -1, word: -1)
        for point in soft.indices where soft[point] == full {
          let own = costs.costs[point * Self.codewords + full]
          for word in 0..<Self.codewords where loads[word] < limit {
            let extra = costs.costs[point * Self.codewords + word] - own
            if extra < best.extra { best = (extra, point, word) }
          }
        }
        soft[best.point] = best.word
        loads[full] -= 1
        loads[best.word] += 1
      }
      worst = Measured.worse(worst, cost(exact) / cost(soft) - 1)
    }
    return worst
  }

  func sumsDifference(_ data: Vectors, _ codes: Codes) throws -> Double {
    let decoded = try codes.answer.quantizer.decoded(codes.answer.assigned)
    var worst = 0.0
    for query in data.queries {
      let all = try DenseCost(copying: PointCloud(Points(query, dimensions: query.count), decoded))
      let best = all.costs.sorted()
      let found = try codes.answer.quantizer.search(
        query, in: codes.answer.assigned, count: Self.wanted)
      for (one, distance) in zip(found, best) {
        worst = Measured.worse(worst, abs(one.distance - distance) / distance)
      }
    }
    return worst
  }
}
