// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation

/// Codes of a search index whose codewords are all used equally, by constrained clustering.
public struct ProductQuantization: Recipe {
  public init() {}

  public var paper: Paper {
    Paper(
      name: "product-quantization",
      title: "Search codes that use every codeword equally",
      idea: """
        Product quantization cuts vectors into parts and keeps of each the number of its codeword. Where \
        few codewords take most vectors, codes tell few of them apart. Assigning vectors to codewords by \
        transport to equal masses keeps all codewords in use, at a little more error.
        """,
      data: """
        mnist5k: 4,500 scanned digits are the documents and 500 the queries, as 32 principal components \
        of 14 × 14 pixels. No text is searched.
        """,
      references: [
        Reference(
          key: "zhan2022learning",
          authors:
            "Zhan, Jingtao and Mao, Jiaxin and Liu, Yiqun and Guo, Jiafeng and Zhang, Min and "
            + "Ma, Shaoping",
          title: "Learning Discrete Representations via Constrained Clustering for Effective and "
            + "Efficient Dense Retrieval",
          venue: "International Conference on Web Search and Data Mining", year: 2022,
          link: "https://arxiv.org/abs/2110.05789"),
        Reference(
          key: "jegou2011product", authors: "Jégou, Hervé and Douze, Matthijs and Schmid, Cordelia",
          title: "Product Quantization for Nearest Neighbor Search",
          venue: "IEEE Transactions on Pattern Analysis and Machine Intelligence", year: 2011,
          link: "https://inria.hal.science/inria-00514462"),
      ])
  }

  public var needs: [DataItem] { [.mnist5k] }

  public var claims: [Claim] {
    [
      Claim(
        id: "entropy", sentence: "Constrained codes use all codewords.",
        metric: "entropy of a part's codes in bits, of 4; baseline: nearest codewords",
        need: .atLeast(3.99), reported: "the reason given for the constraint; no figure"),
      Claim(
        id: "distinct", sentence: "They tell more documents apart.",
        metric: "points more of documents' codes that are distinct than with nearest codewords",
        need: .atLeast(2), reported: "none at this scale"),
      Claim(
        id: "recall", sentence: "Search finds as much.",
        metric: "share of the ten nearest that are found, minus that of nearest codewords",
        need: .atLeast(-0.005),
        reported: "with joint training better than other quantizers on MS MARCO"),
      Claim(
        id: "even", sentence: "The exact assignment is even.",
        metric: "points of the fullest codeword beyond the even share; baseline: nearest codewords",
        need: .atMost(0), reported: "none: the paper's is even in the limit"),
      Claim(
        id: "even-cost",
        sentence: "Exact, it costs no more than the entropic one held to the limit one by one.",
        metric: "the greatest excess over the parts, as a share", need: .atMost(1e-9),
        reported: "none: the paper takes the greatest entry"),
      Claim(
        id: "sums", sentence: "Sums over tables find what search over decoded vectors finds.",
        metric: "the greatest difference of distances, as a share", need: .atMost(1e-9),
        reported: "holds by definition"),
    ]
  }

  private static let parts = 8
  private static let codewords = 16
  /// The paper's strength of entropy.
  private static let strength = 0.003
  private static let wanted = 10

  public func run(in run: RecipeRun) throws -> Findings {
    let data = try draw(run)
    let rounds = run.size(smoke: 3, standard: 25)
    func taught(_ assignment: CodeAssignment, _ name: String) throws -> Codes {
      run.note("codewords: \(name)")
      let (answer, seconds) = try run.timed {
        try CodebookTraining(
          parts: Self.parts, codewords: Self.codewords, assignment: assignment, rounds: rounds,
          seed: run.seed.derived("codewords")
        ).taught(on: data.documents)
      }
      return try Codes(name, answer, seconds, data)
    }
    let plain = try taught(.nearest, "nearest")
    let soft = try taught(.entropic(Self.strength), "entropic")
    let even = try taught(.even, "even")
    let isMethod = run.subject == .method
    let chosen = isMethod ? soft : plain
    let limit = (data.documents.count + Self.codewords - 1) / Self.codewords
    let excess = try evenExcess(data.documents, soft.answer.quantizer, limit: limit)
    let index = try self.index(run, data, soft)

    var findings = Findings()
    let bytes = Self.parts / 2
    findings.moved =
      "\(data.documents.count) vectors of \(data.documents.dimensions) numbers into codes of \(bytes) "
      + "bytes, an even share of \(limit) to each of \(Self.codewords) codewords"
    findings.cost =
      "squared error \(short(plain.answer.error)) → \(short(soft.answer.error)); "
      + "\(short(soft.seconds)) s against \(short(plain.seconds)) s"
    findings.inSync =
      "entropy \(short(plain.entropy)) → \(short(soft.entropy)) bits, distinct codes "
      + "\(short(100 * plain.distinct)) → \(short(100 * soft.distinct)) %, recall "
      + "\(short(plain.recall)) → \(short(soft.recall))"
    findings.measured = [
      "entropy": Measured(chosen.entropy, baseline: plain.entropy),
      "distinct": Measured(100 * (chosen.distinct - plain.distinct), baseline: 0),
      "recall": Measured(chosen.recall - plain.recall),
      "even": Measured(
        Double((isMethod ? even : plain).answer.loadMost - limit),
        baseline: Double(plain.answer.loadMost - limit)),
      "even-cost": Measured(excess),
      "sums": Measured(try sumsDifference(data, soft)),
    ]
    findings.tables = [
      FindingTable(
        title: "By how codewords are assigned while they are taught",
        columns: ["assignment", "squared error", "bits", "distinct, %", "recall", "fullest"],
        rows: [plain, soft, even].map {
          [
            $0.name, short($0.answer.error), short($0.entropy), short(100 * $0.distinct),
            short($0.recall), "\($0.answer.loadMost)",
          ]
        }),
      index,
    ]
    findings.figures = [
      .shares(
        title: "Documents of each codeword of the first part",
        note: "An even share is \(short(100 / Double(Self.codewords))) %.",
        [plain, soft].flatMap { codes in
          codes.loads(of: 0).enumerated().map { word, load in
            (
              "\(codes.name): codeword \(word)", Double(load) / Double(data.documents.count), 0.0
            )
          }
        })
    ]
    findings.simulated = ["Documents and queries: digits, not texts under a language model."]
    findings.notDone = [
      "The paper trains the encoder with the codewords, which is where the constraint pays most; here "
        + "vectors stand still.",
      "It turns vectors before cutting them (OPQ); here parts are runs of principal components.",
      "Fewer documents than in the pilot of the thresholds (10,000) collide less to begin with: half of the "
        + "collisions go, which are fewer points than asked for.",
      "Documents keep the codes that they were taught with; the paper's index takes nearest codewords.",
    ]
    return findings
  }

  private struct Vectors {
    let documents: Points
    let queries: [[Double]]
    /// Each query's nearest documents.
    let nearest: [Set<Int>]
  }

  private func draw(_ run: RecipeRun) throws -> Vectors {
    let images = try run.data.images(.mnist5k).averaged(width: 14, height: 14)
    var chance = run.generator("documents")
    let order = (0..<images.count).shuffled(using: &chance)
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
      documents: points, queries: (0..<queries.count).map { Array(queries[$0]) }, nearest: nearest)
  }

  /// What came of one way of assigning.
  private struct Codes {
    let name: String
    let answer: CodebookTraining.Answer
    let seconds: Double
    let entropy: Double
    let distinct: Double
    let recall: Double

    init(
      _ name: String, _ answer: CodebookTraining.Answer, _ seconds: Double, _ data: Vectors
    ) throws {
      self.name = name
      self.answer = answer
      self.seconds = seconds
      let n = data.documents.count
      entropy =
        (0..<parts).reduce(0.0) { sum, part in
          Self.loads(answer, part).reduce(sum) { sum, load in
            let share = Double(load) / Double(n)
            return share > 0 ? sum - share * log2(share) : sum
          }
        } / Double(parts)
      let words = (0..<n).map { answer.assigned[$0 * parts..<($0 + 1) * parts] }
      distinct = Double(Set(words).count) / Double(n)
      let found = try zip(data.queries, data.nearest).map { query, nearest in
        try answer.quantizer.search(query, in: answer.assigned, count: wanted)
          .count { nearest.contains($0.index) }
      }
      recall = Double(found.reduce(0, +)) / Double(wanted * found.count)
    }

    func loads(of part: Int) -> [Int] { Self.loads(answer, part) }

    private static func loads(_ answer: CodebookTraining.Answer, _ part: Int) -> [Int] {
      var loads = [Int](repeating: 0, count: codewords)
      for at in stride(from: part, to: answer.assigned.count, by: parts) {
        loads[Int(answer.assigned[at])] += 1
      }
      return loads
    }
  }

  /// By how much the exact assignment costs more than the entropic one whose overfull codewords give
  /// points away, the least dear first.
  private func evenExcess(
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
      worst = max(worst, cost(exact) / cost(soft) - 1)
    }
    return worst
  }

  private func sumsDifference(_ data: Vectors, _ codes: Codes) throws -> Double {
    let decoded = try codes.answer.quantizer.decoded(codes.answer.assigned)
    var worst = 0.0
    for query in data.queries {
      let all = try DenseCost(copying: PointCloud(Points(query, dimensions: query.count), decoded))
      let best = all.costs.sorted()
      let found = try codes.answer.quantizer.search(
        query, in: codes.answer.assigned, count: Self.wanted)
      for (one, distance) in zip(found, best) {
        worst = max(worst, abs(one.distance - distance) / distance)
      }
    }
    return worst
  }

  /// Lists of an inverted file, read more and more of.
  private func index(_ run: RecipeRun, _ data: Vectors, _ codes: Codes) throws -> FindingTable {
    run.note("the index")
    let lists = run.size(smoke: 4, standard: 32)
    let centers = try CodebookTraining(
      parts: 1, codewords: lists, rounds: 15, seed: run.seed.derived("lists")
    ).taught(on: data.documents).quantizer.codebooks[0]
    let index = try InvertedIndex(
      data.documents, centers: centers, quantizer: codes.answer.quantizer)
    let rows = try [1, 2, 4, lists / 2, lists].map { probes in
      let found = try zip(data.queries, data.nearest).map { query, nearest in
        try index.search(query, count: Self.wanted, probes: probes)
          .count { nearest.contains($0.index) }
      }
      return [
        "\(probes) of \(lists)",
        short(Double(found.reduce(0, +)) / Double(Self.wanted * found.count)),
      ]
    }
    return FindingTable(
      title: "Lists read by a search, codes of nearest codewords", columns: ["lists", "recall"],
      rows: rows)
  }
}
