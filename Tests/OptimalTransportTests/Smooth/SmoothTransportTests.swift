// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Smooth transport")
struct SmoothTransportTests {
  private func problem(_ seed: Seed, _ n: Int, _ m: Int, holes: Bool = false) throws
    -> LinearProblem
  {
    var random = SplitMix64(seed)
    return try LinearProblem(
      PointCloud(
        samplePoints(&random, count: n, dimensions: 2),
        samplePoints(&random, count: m, dimensions: 2)),
      rowMasses: sampleMasses(&random, count: n, holes: holes),
      columnMasses: sampleMasses(&random, count: m, holes: holes))
  }

  @Test("squares: primal meets dual, and the coupling is sparse", arguments: seeds(5), [0.1, 10])
  func squares(seed: Seed, gamma: Double) throws {
    let problem = try problem(seed, 60, 45, holes: seed.value % 2 == 0)
    let solution = try SmoothTransport(.squares(gamma), tolerance: 1e-11).solve(problem).solution
    #expect(abs(solution.certificate.gap) < 1e-9 && solution.certificate.marginalError < 1e-11)
    guard case .sparse(let coupling) = solution.coupling else {
      Issue.record("a sparse coupling")
      return
    }
    #expect(coupling.masses.count < 60 * 45 / 2)
    // Where there is mass, the dual's own equation holds.
    for k in coupling.rows.indices {
      let (i, j) = (coupling.rows[k], coupling.columns[k])
      let slack =
        solution.rowPotentials[i] + solution.columnPotentials[j] - problem.geometry.cost(i, j)
      #expect(abs(slack - gamma * coupling.masses[k]) < 1e-9)
    }
  }

  @Test("γ to 0 meets exact, from above", arguments: seeds(3))
  func meetsExact(seed: Seed) throws {
    let problem = try problem(seed, 25, 30)
    let exact = try NetworkSimplex().solve(problem).transportCost
    let solution = try SmoothTransport(.squares(1e-4), tolerance: 1e-9).solve(problem).solution
    #expect(solution.transportCost >= exact - 1e-8 && solution.transportCost < exact + 1e-4)
  }

  private func entries(_ answer: SmoothTransport.Answer) throws -> SparseCoupling {
    guard case .sparse(let coupling) = answer.solution.coupling else {
      throw CouplingForm()
    }
    return coupling
  }

  private struct CouplingForm: Error {}

  private func fullest(_ coupling: SparseCoupling) -> Int {
    (0..<coupling.columnCount).map { j in coupling.columns.count { $0 == j } }.max()!
  }

  /// Tokens around as many centers as there are experts.
  private func routing(
    _ seed: Seed, each: Int, spread: Double, experts: Int = 10, dimensions: Int = 8
  ) throws -> PointCloud {
    var random = SplitMix64(seed)
    func noise() -> Double {
      (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0..<1, using: &random) }
    }
    let centers = (0..<experts).map { _ in (0..<dimensions).map { _ in noise() } }
    let tokens = (0..<experts * each).flatMap { token in
      centers[token % experts].map { $0 + spread * noise() }
    }
    return try PointCloud(
      Points(tokens, dimensions: dimensions),
      Points(centers.flatMap { $0 }, dimensions: dimensions))
  }

  @Test(
    "routes always end: rows have their mass, no column has more entries than allowed",
    arguments: [0.5, 1, 2, 3], [1e-4, 1e-3, 1e-2, 0.1, 1])
  func routes(spread: Double, strength: Double) throws {
    let cloud = try routing(Seed(UInt64(10 * spread)), each: 12, spread: spread)
    let gamma = try strength * CostRange(of: cloud).mean * 120
    let problem = try LinearProblem(cloud)
    var (primal, dual) = (Double.infinity, Double.infinity)
    for most in [12, 14, 24, 120] {
      let answer = try SmoothTransport(.sparse(gamma, entriesMax: most)).solve(problem)
      let certificate = answer.solution.certificate
      #expect(try fullest(entries(answer)) <= most)
      #expect(certificate.rowError <= 1e-8 && certificate.columnError < 1e-10)
      let scale = abs(certificate.dual)
      #expect(certificate.gap > -1e-7 * scale)
      #expect(certificate.relativeGap < (strength < 1 ? 0.02 : 0.2))
      // Without ties the gap proves that no other coupling is better.
      if answer.ending == .smooth { #expect(certificate.gap < 1e-7 * scale) }
      #expect((answer.ending == .smooth) || !answer.tiedColumns.isEmpty || strength < 1e-2)
      // What more entries allow is no worse, and the dual sees it.
      #expect(certificate.dual <= dual + 1e-6 * scale)
      #expect(certificate.primal <= primal + 1e-6 * scale)
      (primal, dual) = (certificate.primal, certificate.dual)
      if most == 12 {
        // As many entries as an even share: the quadratic term is the same for all.
        let exact = try NetworkSimplex().solve(problem).transportCost
        #expect(abs(answer.solution.transportCost - exact) < 1e-6 * exact)
      }
    }
    let squares = try SmoothTransport(.squares(gamma)).solve(problem).solution
    #expect(abs(squares.certificate.primal - primal) <= 1e-9 * primal)
  }

  @Test("ties everywhere: a grid of tokens around experts on its corners", arguments: [4, 5, 16])
  func grid(most: Int) throws {
    let tokens = try Points(
      (0..<16).flatMap { [Double($0 % 4), Double($0 / 4)] }, dimensions: 2)
    let experts = try Points([0, 0, 3, 0, 0, 3, 3, 3], dimensions: 2)
    let problem = try LinearProblem(PointCloud(tokens, experts))
    for gamma in [0.01, 1, 100] {
      let answer = try SmoothTransport(.sparse(gamma, entriesMax: most)).solve(problem)
      #expect(try fullest(entries(answer)) <= most)
      #expect(answer.solution.certificate.marginalError <= 1e-8)
      // Each quarter of the grid is its corner's: (0 + 1 + 1 + 2) / 4 a token.
      if most == 4 { #expect(abs(answer.solution.transportCost - 1) < 1e-6) }
    }
  }

  @Test("any masses, too", arguments: seeds(6), [24, 30])
  func uneven(seed: Seed, most: Int) throws {
    let problem = try problem(seed, 60, 10, holes: true)
    let answer = try SmoothTransport(.sparse(100, entriesMax: most)).solve(problem)
    #expect(try fullest(entries(answer)) <= most)
    #expect(answer.solution.certificate.marginalError <= 1e-8)
    let certificate = answer.solution.certificate
    #expect(certificate.gap > -1e-7 && certificate.relativeGap < 0.2)
  }

  @Test("too few entries for all rows are an error that says so, or the best state when asked")
  func tooFew() throws {
    let problem = try LinearProblem(routing(Seed(1), each: 12, spread: 1))
    let solver = SmoothTransport(.sparse(1, entriesMax: 9), iterationsMax: 300)
    let text = message { _ = try solver.solve(problem) }
    #expect(
      text?.hasSuffix(
        "9 entries in each of 10 columns leave out rows of 120: allow more, or take the best state from the error."
      ) == true)
    var lenient = solver
    lenient.unfinished = .isReturned
    let answer = try lenient.solve(problem)
    #expect(answer.ending == .missedRows && !answer.solution.isConverged)
    #expect(try fullest(entries(answer)) <= 9)
    #expect(answer.solution.certificate.columnError < 1e-12)
  }

  @Test("the dual is no lower than POT's", arguments: [7, 8, 30])
  func golden(most: Int) throws {
    let given = try GoldenProblems.section("sparse")
    let problem = try LinearProblem(
      PointCloud(points(given["x"], 4), points(given["centers"], 4)))
    let answer = try SmoothTransport(
      .sparse(#require(given["gamma"]?.first), entriesMax: most), tolerance: 1e-10
    ).solve(problem)
    let theirs = try #require(given["dual\(most)"]?.first)
    #expect(answer.solution.certificate.dual >= theirs * (1 - 1e-9))
    #expect(answer.solution.certificate.marginalError <= 1e-10)
  }

  @Test("settings out of range are said exactly")
  func refusals() throws {
    let problem = try problem(Seed(1), 3, 3)
    #expect(
      message { _ = try SmoothTransport(.sparse(1, entriesMax: 0)).solve(problem) }
        == "setting-out-of-range: γ is 1.0, with 0 entries a column (smooth transport). Give a finite γ above 0, and allow at least 1 entry."
    )
    #expect(
      message { _ = try SmoothTransport(.squares(1), tolerance: 0).solve(problem) }
        == "setting-out-of-range: the tolerance is 0.0 (smooth transport). Give a marginal error above 0 and below 2, which any coupling meets; 1e-6 is usual."
    )
  }
}
