// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors

/// Who takes which codeword while codewords are taught.
public enum CodeAssignment: Sendable, Equatable {
  /// The nearest: k-means in each part.
  case nearest
  /// The one that takes most in an entropic coupling to codewords of equal mass (Zhan et al. 2022);
  /// strength in half the range of the squared distances, 0.003 in their code. Loads are nearly even.
  case entropic(Double)
  /// The cheapest for which loads differ by 1 at most: exact.
  case even

  /// Each point's codeword.
  ///
  /// - Throws: as `Sinkhorn` and `BalancedAssignment`.
  public func assign(
    _ points: Points, to codewords: Points
  ) throws(TransportError) -> [Int] {
    let cloud = try PointCloud(points, codewords)
    switch self {
    case .nearest:
      return try ProductQuantizer.nearest(cloud)
    case .even:
      return try BalancedAssignment(.even).solve(cloud).clusterOf
    case .entropic(let strength):
      let range = try CostRange(of: cloud)
      guard strength > 0, strength.isFinite else {
        throw TransportError(
          .badSetting, "the strength is \(strength)", at: "code assignment",
          remedy: "Give a strength above 0; 0.003 is usual.")
      }
      // Where all distances are equal every coupling is best.
      let epsilon = range.spread > 0 ? strength * range.spread / 2 : 1
      let solution = try Sinkhorn(.epsilon(epsilon), tolerance: 1e-4, iterationsMax: 100_000)
        .solve(LinearProblem(cloud))
      // Rows of the coupling rise and fall with g − C alone.
      var source = RowSource(cloud)
      return (0..<points.count).map { i in
        source.load(i)
        return CostKernels.least(source.current, minus: solution.columnPotentials.span)!.index
      }
    }
  }
}

/// Teaches the codewords of a product quantizer: assign points to codewords, move codewords to their
/// points' means, in turn.
public struct CodebookTraining: Sendable {
  /// How many parts points are cut into; their dimensions must be a multiple.
  public var parts: Int
  /// How many codewords each part has, at most `ProductQuantizer.codewordsMax`.
  public var codewords: Int
  /// Who takes which codeword. Uneven codes tell fewer points apart.
  public var assignment: CodeAssignment
  /// How many rounds are made; fewer where none changes its codeword.
  public var rounds: Int
  /// Which points the first codewords are.
  public var seed: Seed

  public init(
    parts: Int, codewords: Int, assignment: CodeAssignment = .nearest, rounds: Int = 25,
    seed: Seed = Seed(0)
  ) {
    self.parts = parts
    self.codewords = codewords
    self.assignment = assignment
    self.rounds = rounds
    self.seed = seed
  }

  /// The quantizer, and how even its training left it.
  public struct Answer: Sendable {
    /// To code and search with.
    public let quantizer: ProductQuantizer
    /// The points' codes as they were assigned last, `[n, parts]`: those of coding anew are nearest.
    public let assigned: [UInt8]
    /// The mean squared distance to the assigned codewords, all parts together.
    public let error: Double

    /// The most points that one codeword has in `assigned`.
    public var loadMost: Int {
      CodeUsage(assigned, parts: quantizer.parts, codewords: quantizer.codewords).loadMost
    }
  }

  /// Teaches on points.
  ///
  /// - Throws: `.badSetting` for counts that do not fit the points, `.cancelled`; else as
  ///   `CodeAssignment.assign`.
  public func taught(on points: Points) throws(TransportError) -> Answer {
    guard parts > 0, points.dimensions % parts == 0, codewords > 0, codewords <= points.count,
      codewords <= ProductQuantizer.codewordsMax, rounds > 0
    else {
      throw TransportError(
        .badSetting,
        "\(parts) parts, \(codewords) codewords and \(rounds) rounds for \(points.count) points of "
          + "\(points.dimensions) dimensions",
        at: "codebook training",
        remedy:
          "Give parts that divide the dimensions, 1 to \(ProductQuantizer.codewordsMax) codewords, no more "
          + "than points, and at least 1 round.")
    }
    var random = SplitMix64(seed)
    var books: [Points] = []
    var assigned = [UInt8](repeating: 0, count: points.count * parts)
    var error = 0.0
    for part in 0..<parts {
      let own = try ProductQuantizer.slice(points, part, of: parts)
      let first = (0..<points.count).shuffled(using: &random).prefix(codewords)
      var book = try Points(first.flatMap { own[$0] }, dimensions: own.dimensions)
      var codes: [Int] = []
      for _ in 0..<rounds {
        try checkCancelled("codebook training")
        let next = try assignment.assign(own, to: book)
        if next == codes { break }
        codes = next
        book = try means(own, codes, before: book)
      }
      for (i, code) in codes.enumerated() {
        assigned[i * parts + part] = UInt8(code)
        for (x, y) in zip(own[i], book[code]) {
          error += (x - y) * (x - y) / Double(points.count)
        }
      }
      books.append(book)
    }
    return Answer(
      quantizer: try ProductQuantizer(codebooks: books), assigned: assigned, error: error)
  }

  /// A codeword that lost all stays where it is.
  private func means(
    _ points: Points, _ codes: [Int], before: Points
  ) throws(TransportError) -> Points {
    let d = points.dimensions
    var counts = [Int](repeating: 0, count: codewords)
    for code in codes { counts[code] += 1 }
    var sums = before.coordinates
    for code in 0..<codewords where counts[code] > 0 {
      for k in 0..<d { sums[code * d + k] = 0 }
    }
    for (i, code) in codes.enumerated() {
      for k in 0..<d {
        sums[code * d + k] += points.coordinates[i * d + k] / Double(counts[code])
      }
    }
    return try Points(sums, dimensions: d)
  }
}
