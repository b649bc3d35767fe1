// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport

/// Tokens to experts with at most k tokens an expert: sparsity-constrained transport as a router.
public struct ExpertRouting: Recipe {
  public init() {}

  public var paper: Paper {
    Paper(
      name: "expert-routing", title: "Tokens to experts, none of which takes more than k",
      idea: """
        In a mixture of experts a router sends each token to few experts, and an expert that is sent too \
        many drops some. Transport with at most k entries a column is a router that cannot overload: \
        every token's mass arrives, and no expert takes more than k tokens.
        """,
      data: """
        digits8: 30 scanned digits of each class, drawn by the seed from a third of all that stays the same, \
        are the tokens, the means of each class's digits in the other two thirds the experts; and once more \
        300 digits as they come. No language model is run.
        """,
      references: [
        Reference(
          key: "liu2023sparsity",
          authors: "Liu, Tianlin and Puigcerver, Joan and Blondel, Mathieu",
          title: "Sparsity-Constrained Optimal Transport",
          venue: "International Conference on Learning Representations", year: 2023,
          link: "https://arxiv.org/abs/2209.15466")
      ])
  }

  public var needs: [DataItem] { [.digits8] }

  public var claims: [Claim] {
    [
      Claim(
        "capacity", "No expert takes more than k tokens, whatever k is.",
        "tokens of the fullest expert beyond k, the greatest over all k; baseline: each token to its "
          + "nearest expert, at the even share",
        .atMost(0), paper: "holds by construction"),
      Claim(
        "arrives",
        "Where experts have room for all, the mass of every token arrives.",
        "marginal error, the greatest over k from the even share on; baseline: loads of nearest "
          + "experts against even ones",
        .atMost(1e-8), paper: "holds where the dual has no ties"),
      Claim(
        "smoother", "With more room couplings get no dearer and no less smooth.",
        "the greatest rise of objective or of squared mass from one k to the next, as a share",
        .atMost(1e-9), paper: "figure 1: from a permutation to a dense coupling"),
      Claim(
        "limit", "Without a limit it is quadratically regularized transport.",
        "difference of the objectives at k = all tokens, as a share",
        .atMost(1e-10), paper: "holds by definition"),
      Claim(
        "exact", "Without its quadratic term it is exact transport.",
        "cost at a thousandth of γ over the exact one, minus 1", .atMost(1e-6),
        paper: "holds in the limit"),
      Claim(
        "purity", "The limit costs little: tokens still go to their own experts.",
        "points of tokens in their own class lost against the nearest expert",
        .atMost(2), paper: "vision experts classify as well as with soft routers"),
      Claim(
        "purity-uneven", "So they do where the tokens' classes are not even.",
        "the same for digits as they come", .atMost(2),
        paper: "vision experts classify as well as with soft routers"),
    ]
  }

  private static let experts = 10
  /// Limits, in even shares; the last is all tokens.
  private static let rooms = [2.0 / 3, 1, 7.0 / 6, 2, 10]
  /// The limit that is looked at: the third.
  private static let chosen = 2

  public func run(in run: RecipeRun) throws -> Findings {
    let each = run.size(smoke: 6, standard: 30)
    let tokens = each * Self.experts
    let (features, labels, centers) = try draw(run, each: each, isEven: true)
    let problem = try LinearProblem(PointCloud(features, centers))
    let gamma = try 1e-3 * CostRange(of: problem.geometry).mean * Double(tokens)

    let nearest = Self.nearest(features, centers)
    var routes: [Route] = []
    var strong: [Route] = []
    for room in Self.rooms {
      let limit = Int((Double(each) * room).rounded())
      run.note("at most \(limit) of \(tokens) tokens an expert")
      let (answer, seconds) = try run.timed {
        // Less room than tokens leaves tokens out: that is returned, and seen in the error.
        try SmoothTransport(
          .sparse(gamma, entriesMax: limit), unfinished: room < 1 ? .isReturned : .fails
        ).solve(problem)
      }
      routes.append(Route(limit: limit, answer: answer, seconds: seconds, labels: labels))
      guard room >= 1 else { continue }
      let (other, longer) = try run.timed {
        try SmoothTransport(.sparse(100 * gamma, entriesMax: limit)).solve(problem)
      }
      strong.append(Route(limit: limit, answer: other, seconds: longer, labels: labels))
    }
    let free = try SmoothTransport(.squares(gamma)).solve(problem).solution
    let small = try SmoothTransport(.sparse(gamma / 1000, entriesMax: routes[2].limit))
      .solve(problem).solution
    let exact = try NetworkSimplex().solve(problem).transportCost

    let own = Self.share(nearest, labels)
    let loads = (0..<Self.experts).map { expert in nearest.count { $0 == expert } }
    let baseline = (
      over: Double(loads.max()! - each),
      error: loads.reduce(0.0) { $0 + abs(Double($1) / Double(tokens) - 1 / Double(Self.experts)) }
    )
    let isMethod = run.subject == .method
    let chosen = routes[Self.chosen]
    let full = routes.filter { $0.limit >= each }
    let rises = zip(full, full.dropFirst()).flatMap { less, more in
      [more.objective / less.objective - 1, more.squares / less.squares - 1]
    }
    let uneven = try asTheyCome(run, each: each, limit: chosen.limit)
    var findings = Findings()
    findings.moved = "\(tokens) digits to \(Self.experts) experts, 1 unit of mass"
    findings.cost =
      "mean squared distance \(short(chosen.cost)) with at most \(chosen.limit) tokens an expert, "
      + "\(short(free.transportCost)) without a limit; \(short(chosen.seconds)) s"
    findings.inSync =
      "tokens of the fullest expert \(loads.max()!) → \(chosen.fullest) (even share \(each)), in their "
      + "own class \(short(100 * own)) → \(short(100 * chosen.purity)) %"
    findings.measured = [
      "capacity": Measured(
        isMethod ? routes.map { Double($0.fullest - $0.limit) }.max()! : baseline.over,
        baseline: baseline.over),
      "arrives": Measured(
        isMethod ? Measured.worst(full.map(\.error)) : baseline.error, baseline: baseline.error),
      "smoother": Measured(Measured.worst([0] + rises)),
      "limit": Measured(
        abs(routes.last!.objective - free.certificate.primal) / free.certificate.primal),
      "exact": Measured(abs(small.transportCost / exact - 1)),
      "purity": Measured(100 * (isMethod ? own - chosen.purity : 0)),
      "purity-uneven": Measured(100 * (isMethod ? uneven.lost : 0)),
    ]
    findings.tables = [
      table(
        "By the limit",
        [
          ["nearest expert", "\(loads.max()!)", "–", "–", "–", short(baseline.error)]
            + [short(100 * own), "1"]
        ], routes),
      table("At a hundred times the strength, where entries tie", [], strong),
      uneven.table,
    ]
    findings.figures = [figure(loads, chosen, tokens)]
    findings.simulated = [
      "Tokens and experts: digits and means of classes, not a layer of a trained model."
    ]
    findings.notDone = [
      "The paper trains vision transformers with this router; here only its routing is checked.",
      "It stops the ascent at a tolerance and accepts what mass is missed; here Newton's steps come "
        + "after it, and an exact choice of supports where entries tie.",
      "Loads are even because the experts' masses are: where classes are not, tokens go to others' experts, "
        + "as the last table shows.",
      "That costs alone do not rise with k is not claimed: at the even share they are the least there "
        + "are, and the objective falls.",
    ]
    return findings
  }

  /// A coupling of one limit, as a router.
  private struct Route {
    let limit: Int
    let seconds: Double
    let fullest: Int
    let counts: [Int]
    let purity: Double
    let cost: Double
    let objective: Double
    let squares: Double
    let error: Double
    let gap: Double
    let ending: String
    let each: Double

    init(limit: Int, answer: SmoothTransport.Answer, seconds: Double, labels: [Int]) {
      guard case .sparse(let coupling) = answer.solution.coupling else {
        preconditionFailure("smooth couplings are sparse")
      }
      self.limit = limit
      self.seconds = seconds
      counts = (0..<experts).map { expert in coupling.columns.count { $0 == expert } }
      fullest = counts.max()!
      var best = [(expert: Int, mass: Double)](repeating: (-1, 0), count: labels.count)
      for k in coupling.rows.indices where coupling.masses[k] > best[coupling.rows[k]].mass {
        best[coupling.rows[k]] = (coupling.columns[k], coupling.masses[k])
      }
      purity = Double(zip(best, labels).count { $0.expert == $1 }) / Double(labels.count)
      cost = answer.solution.transportCost
      objective = answer.solution.certificate.primal
      squares = coupling.masses.reduce(0) { $0 + $1 * $1 }
      error = answer.solution.certificate.marginalError
      gap = answer.solution.certificate.relativeGap
      ending =
        switch answer.ending {
        case .smooth: "top of the dual"
        case .chosenSupports: "supports chosen"
        case .missedRows: "tokens left out"
        }
      each = Double(coupling.masses.count) / Double(labels.count)
    }
  }

  private func draw(
    _ run: RecipeRun, each: Int, isEven: Bool
  ) throws -> (features: Points, labels: [Int], centers: Points) {
    let digits = try run.data.images(.digits8)
    var chance = run.generator("tokens")
    let split = splitOrder(of: DataItem.digits8.key, 0..<digits.count)
    let order = split.prefix(digits.count / 3).shuffled(using: &chance)
    let own =
      isEven
      ? (0..<Self.experts).flatMap { label in
        order.filter { digits.labels[$0] == label }.prefix(each)
      } : Array(order.prefix(each * Self.experts))
    let tokens = digits.chosen(own)
    let others = digits.chosen(Array(split.dropFirst(digits.count / 3)))
    let centers = (0..<Self.experts).flatMap { label in
      let members = others.labels.indices.filter { others.labels[$0] == label }
      return (0..<digits.dimensions).map { pixel in
        members.reduce(0.0) { $0 + others.features[$1 * digits.dimensions + pixel] }
          / Double(max(1, members.count))
      }
    }
    return (
      try tokens.points(), tokens.labels, try Points(centers, dimensions: digits.dimensions)
    )
  }

  private static func nearest(_ features: Points, _ centers: Points) -> [Int] {
    (0..<features.count).map { token in
      let distances = (0..<centers.count).map { expert in
        zip(features[token], centers[expert]).reduce(0.0) {
          $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
        }
      }
      return distances.indices.min { distances[$0] < distances[$1] }!
    }
  }

  private static func share(_ choices: [Int], _ labels: [Int]) -> Double {
    Double(zip(choices, labels).count { $0 == $1 }) / Double(labels.count)
  }

  private func table(_ title: String, _ first: [[String]], _ routes: [Route]) -> FindingTable {
    FindingTable(
      title: title,
      columns: [
        "router", "fullest expert", "cost", "objective", "gap", "error", "own class, %",
        "experts a token",
      ],
      rows: first
        + routes.map { route in
          [
            "at most \(route.limit): \(route.ending)", "\(route.fullest)", short(route.cost),
            short(route.objective), short(route.gap), short(route.error),
            short(100 * route.purity), short(route.each),
          ]
        })
  }

  /// Tokens of uneven classes: even loads then send some to others' experts.
  private func asTheyCome(
    _ run: RecipeRun, each: Int, limit: Int
  ) throws -> (table: FindingTable, lost: Double) {
    let (features, labels, centers) = try draw(run, each: each, isEven: false)
    let problem = try LinearProblem(PointCloud(features, centers))
    let gamma = try 1e-3 * CostRange(of: problem.geometry).mean * Double(labels.count)
    let (answer, seconds) = try run.timed {
      try SmoothTransport(.sparse(gamma, entriesMax: limit)).solve(problem)
    }
    let nearest = Self.nearest(features, centers)
    let fullest = (0..<Self.experts).map { expert in nearest.count { $0 == expert } }.max()!
    let own = Self.share(nearest, labels)
    let route = Route(limit: limit, answer: answer, seconds: seconds, labels: labels)
    return (
      table(
        "Classes as they come",
        [["nearest expert", "\(fullest)", "–", "–", "–", "–", short(100 * own), "1"]], [route]),
      own - route.purity
    )
  }

  private func figure(_ loads: [Int], _ chosen: Route, _ tokens: Int) -> Figure {
    .shares(
      title: "Tokens of each expert, by all",
      note: "Even shares would be \(short(100 / Double(Self.experts))) % each.",
      (0..<Self.experts).flatMap { expert in
        [
          ("expert \(expert): nearest", Double(loads[expert]) / Double(tokens), 0.0),
          (
            "expert \(expert): at most \(chosen.limit)",
            Double(chosen.counts[expert]) / Double(tokens), 0.0
          ),
        ]
      })
  }
}
