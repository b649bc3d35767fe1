// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryOptimalTransport

struct OTSolve: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "solve",
    abstract: "Find the cheapest coupling, and prove it.",
    discussion: """
      Prints the cost, the proof (no coupling costs less than AT LEAST; how far the
      coupling's marginals are from the masses, in L1) and the time. An answer that
      is not proven to the tolerance is an error, never a warning.

        exact     no entropy; a matching where all masses are equal, else the
                  network simplex. The default
        sinkhorn  with entropy: blurred, cheap for many points, quick at large
                  strengths. Meant by --epsilon or --share alone
        newton    the same problem by sparse Newton steps: for small strengths and
                  errors down to 1e-12

      A coupling is written whole to .npy, [points of A, points of B]; to .csv as
      lines row,column,mass of what moves (rows and columns count from 0). Pictures
      are of points of 2 dimensions: A blue, B orange, lines where mass moves.

      Examples:
        ferry ot solve a.npy b.npy
        ferry ot solve a.csv b.csv --share 0.01 --output coupling.npy
        ferry ot solve a.npy b.npy --cost l1 --plot moved.svg --json

      Exit codes: 0 solved, 1 not converged or could not write, 2 a file or setting
      that cannot be used, 64 wrong usage.
      """)

  @OptionGroup var clouds: CloudArguments

  @Option(help: "What moving costs; squared-euclidean has no factor 1/2 and no root.")
  var cost = CostName.squaredEuclidean

  @OptionGroup var strength: StrengthOptions

  @Option(help: "How to solve; exact, or sinkhorn where a strength is given.")
  var method: TransportMethod.Name?

  @Option(help: "The marginal error to reach, as a share of the mass, below 2 (with entropy).")
  var tolerance: Double?

  @Option(help: "How many iterations (exact: pivots) at most; then it is an error.")
  var iterations: Int?

  @Option(
    help: ArgumentHelp("Where to write the coupling: .npy or .csv.", valueName: "file"),
    completion: .file(extensions: ["npy", "csv"]))
  var output: String?

  @Option(
    help: ArgumentHelp("Where to draw it: .svg or .png.", valueName: "file"),
    completion: .file(extensions: ["svg", "png"]))
  var plot: String?

  @OptionGroup var format: OutputOptions

  func validate() throws {
    switch (method, strength.strength) {
    case (.exact, .some):
      throw ValidationError(
        "--method exact has no entropy. Leave out --epsilon and --share, or --method.")
    case (.sinkhorn, nil), (.newton, nil):
      throw ValidationError(
        "--method \(method!.rawValue) needs a strength: --share 0.01 is usual.")
    default: break
    }
    if let iterations, iterations < 1 {
      throw ValidationError("--iterations must be at least 1, got \(iterations).")
    }
    if tolerance != nil, strength.strength == nil {
      throw ValidationError(
        "--tolerance is of solvers with entropy; the exact ones prove 1e-12 always.")
    }
    if let plot, !plot.lowercased().hasSuffix(".svg"), !plot.lowercased().hasSuffix(".png") {
      throw ValidationError("--plot writes .svg or .png, got \"\(plot)\".")
    }
  }

  func run() throws {
    // What cannot be written is told before the work, not after it.
    let form = try output.map { try CouplingFile(path: $0) }
    let input = try clouds.read()
    if plot != nil { try CouplingPicture.requirePlane(input.sources) }
    let problem = try input.problem(cost)
    let chosen: TransportMethod
    switch (method, strength.strength) {
    case (.newton, .some(let strength)): chosen = .newton(strength)
    case (_, .some(let strength)): chosen = .sinkhorn(strength)
    case (_, nil): chosen = .exact
    }
    let start = ContinuousClock.now
    let solution = try chosen.solve(problem, tolerance: tolerance, iterationsMax: iterations)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    var report = TransportReport(
      solution, method: chosen, dimensions: input.sources.dimensions, seconds: seconds)
    if let output, let form {
      try form.write(solution.coupling, to: output)
      report.written.append(output)
    }
    if let plot {
      let picture = try CouplingPicture(
        input.sources, input.targets, problem: problem, coupling: solution.coupling)
      try picture.write(to: plot)
      report.written.append(plot)
    }
    format.console.result(report, text: report.text)
  }
}
