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
        of 14 × 14 pixels; 784 pixels where an encoder is trained. No text is searched.
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
        "entropy", "Constrained codes use all codewords.",
        "entropy of a part's codes in bits, of 4; baseline: nearest codewords", .atLeast(3.99),
        paper: "the reason given for the constraint; no figure"),
      Claim(
        "distinct", "They tell more documents apart.",
        "points more of documents' codes that are distinct than with nearest codewords",
        .atLeast(2),
        paper: "none at this scale"),
      Claim(
        "distinct-seconds", "They do so, too, where nearest codewords may be taught for as long.",
        "the same, nearest codewords taught for as many seconds", .atLeast(2),
        paper: "none at this scale"),
      Claim(
        "recall", "Search finds as much.",
        "share of the ten nearest that are found, minus that of nearest codewords",
        .atLeast(-0.005), paper: "with joint training better than other quantizers on MS MARCO"),
      Claim(
        "recall-seconds", "It does so, too, where nearest codewords may be taught for as long.",
        "the same, nearest codewords taught for as many seconds", .atLeast(-0.005),
        paper: "with joint training better than other quantizers on MS MARCO"),
      Claim(
        "joint",
        "An encoder that learns with its codewords searches better with all of them in use.",
        "points of precision among ten above nearest codewords in training, mean of draws",
        .atLeast(3), paper: "nearest codewords collapse, and rank worse; other data"),
      Claim(
        "joint-seconds",
        "It does so, too, where training with nearest codewords may take as long.",
        "the same, nearest codewords trained for as many seconds", .atLeast(3),
        paper: "nearest codewords collapse, and rank worse; other data"),
      Claim(
        "even", "The exact assignment is even.",
        "points of the fullest codeword beyond the even share; baseline: nearest codewords",
        .atMost(0), paper: "none: the paper's is even in the limit"),
      Claim(
        "even-cost", "Exact, it costs no more than the entropic one held to the limit one by one.",
        "the greatest excess over the parts, as a share", .atMost(1e-9),
        paper: "none: the paper takes the greatest entry"),
      Claim(
        "sums", "Sums over tables find what search over decoded vectors finds.",
        "the greatest difference of distances, as a share", .atMost(1e-9),
        paper: "holds by definition"),
      Claim(
        "lists", "Reading the lists near a query is faster than reading all codes.",
        "times as fast, at the fewest lists that lose at most 1 % of the recall", .atLeast(4),
        paper: "reads 500 of 5,000 lists; no figure at this scale"),
    ]
  }

  static let parts = 8
  static let codewords = 16
  /// The strength of entropy in the published code.
  static let strength = 0.003
  static let wanted = 10

  public func run(in run: RecipeRun) throws -> Findings {
    let data = try draw(run)
    let rounds = run.size(smoke: 3, standard: 25)
    func taught(_ assignment: CodeAssignment, _ name: String, rounds: Int) throws -> Codes {
      run.note("codewords: \(name), at most \(rounds) rounds")
      let (answer, seconds) = try run.timed {
        try CodebookTraining(
          parts: Self.parts, codewords: Self.codewords, assignment: assignment, rounds: rounds,
          seed: run.seed.derived("codewords")
        ).taught(on: data.documents)
      }
      return try Codes(name, answer, seconds, data)
    }
    let plain = try taught(.nearest, "nearest", rounds: rounds)
    let soft = try taught(.entropic(Self.strength), "entropic", rounds: rounds)
    let even = try taught(.even, "even", rounds: rounds)
    let longer = try taught(
      .nearest, "nearest, as long as entropic",
      rounds: EqualSeconds.steps(rounds, taking: plain.seconds, method: soft.seconds))
    let isMethod = run.subject == .method
    let (chosen, trained) = (isMethod ? soft : plain, isMethod ? Joint.Way.entropic : .nearest)
    let limit = (data.documents.count + Self.codewords - 1) / Self.codewords
    let excess = try evenExcess(data.documents, soft.answer.quantizer, limit: limit)
    let lists = try Lists(run, data, soft.answer.quantizer)
    let joint = try Joint(run, data)

    var findings = Findings()
    let bytes = Self.parts / 2
    findings.moved =
      "\(data.documents.count) vectors of \(data.documents.dimensions) numbers into codes of \(bytes) "
      + "bytes, an even share of \(limit) to each of \(Self.codewords) codewords"
    findings.cost =
      "squared error \(short(plain.answer.error)) → \(short(soft.answer.error)); "
      + "\(short(soft.seconds)) s against \(short(plain.seconds)) s"
    findings.inSync =
      "entropy \(short(plain.usage.bits)) → \(short(soft.usage.bits)) bits, distinct codes "
      + "\(short(100 * plain.usage.distinct)) → \(short(100 * soft.usage.distinct)) %, recall "
      + "\(short(plain.recall)) → \(short(soft.recall))"
    findings.measured = [
      "entropy": Measured(chosen.usage.bits, baseline: plain.usage.bits),
      "distinct": Measured(100 * (chosen.usage.distinct - plain.usage.distinct), baseline: 0),
      "distinct-seconds": Measured(
        100 * (chosen.usage.distinct - longer.usage.distinct), baseline: 0),
      "recall": Measured(chosen.recall - plain.recall),
      "recall-seconds": Measured(chosen.recall - longer.recall),
      "joint": Measured(100 * joint.gain(of: trained), baseline: 0),
      "joint-seconds": Measured(
        100 * joint.gain(of: trained, atEqualSeconds: true), baseline: 0),
      "lists": Measured((isMethod ? lists.enough : lists.readings.last!).speedup, baseline: 1),
      "even": Measured(
        Double((isMethod ? even : plain).answer.loadMost - limit),
        baseline: Double(plain.answer.loadMost - limit)),
      "even-cost": Measured(excess),
      "sums": Measured(try sumsDifference(data, soft)),
    ]
    findings.tables = [
      FindingTable(
        title: "By how codewords are assigned while they are taught",
        columns: ["assignment", "squared error", "bits", "distinct, %", "recall", "fullest", "s"],
        rows: [plain, soft, even, longer].map {
          [
            $0.name, short($0.answer.error), short($0.usage.bits), short(100 * $0.usage.distinct),
            short($0.recall), "\($0.answer.loadMost)", short($0.seconds),
          ]
        }),
      joint.table, lists.table,
    ]
    findings.figures = [
      .shares(
        title: "Documents of each codeword of the first part",
        note: "An even share is \(short(100 / Double(Self.codewords))) %.",
        [plain, soft].flatMap { codes in
          codes.usage.loads[0].enumerated().map { word, load in
            (
              "\(codes.name): codeword \(word)", Double(load) / Double(data.documents.count), 0.0
            )
          }
        })
    ]
    findings.simulated = ["Documents and queries: digits, not texts under a language model."]
    findings.notDone = [
      "The paper's encoder is a language model, warmed up and started from the codewords of standing "
        + "vectors, with hard negatives; here it is linear, negatives are those of a batch of "
        + "\(Joint.batch), and codewords start from one place. Its second stage, which trains queries "
        + "on fixed codes, is left out.",
      "It turns vectors before cutting them (OPQ); here parts are runs of principal components.",
      "Fewer documents than in the pilot of the thresholds (10,000) collide less to begin with: of the "
        + "\(short(100 * (1 - plain.usage.distinct))) % that collide "
        + "\(short(100 * (soft.usage.distinct - plain.usage.distinct))) points go.",
      "Documents keep the codes that they were taught with; the paper's index takes nearest codewords.",
      "Nearest codewords that may be taught for as long stop where no code changes: their seconds say when.",
    ]
    return findings
  }
}
