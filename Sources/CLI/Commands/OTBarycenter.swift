// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryBasics
import FerryOptimalTransport

struct OTBarycenter: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "barycenter",
    abstract: "Find the points that are nearest to several sets of points at once.",
    discussion: """
      Minimizes the weighted mean of the squared distances W2 to all sets. Points
      start at random ones of the sets and settle where no step improves them: a
      local best, which depends on --seed.

      Examples:
        ferry ot barycenter a.npy b.npy c.npy --points 100 --output center.npy
        ferry ot barycenter a.csv b.csv --weights 3,1 --output center.csv --json

      Exit codes: 0 found, 1 not converged or could not write, 2 a file or setting
      that cannot be used, 64 wrong usage.
      """,
    aliases: ["barycentre"])

  @Argument(
    help: ArgumentHelp("Sets of points, .npy or .csv.", valueName: "file"),
    completion: .file(extensions: ["npy", "csv"]))
  var files: [String]

  @Option(help: "How many points the barycenter has.") var points = 100

  @Option(help: "How much each set counts, as in 3,1; the same without.") var weights: String?

  @Option(help: "Of the start.") var seed: UInt64 = 1

  @Option(
    help: ArgumentHelp("Where to write the points: .npy or .csv.", valueName: "file"),
    completion: .file(extensions: ["npy", "csv"]))
  var output: String

  @OptionGroup var format: OutputOptions

  func validate() throws {
    guard points > 0 else {
      throw ValidationError("--points must be at least 1, got \(points).")
    }
    if let weights {
      guard let parsed, parsed.count == files.count, parsed.allSatisfy({ $0 >= 0 }) else {
        throw ValidationError(
          "--weights takes one number of at least 0 for each of the \(files.count) files, "
            + "got \"\(weights)\".")
      }
    }
  }

  private var parsed: [Double]? {
    let numbers = weights?.split(separator: ",").map { Double($0) }
    return numbers?.contains(nil) == false ? numbers?.map { $0! } : nil
  }

  func run() throws {
    let measures = try TransportInput.measures(files)
    let start = ContinuousClock.now
    let solution = try FreeSupportBarycenter().solve(
      measures, weights: parsed,
      start: try TransportInput.start(points, from: measures, seed: Seed(seed)))
    let result = solution.measure.points
    try NumbersFile.write(result.coordinates, columns: result.dimensions, to: output)
    let report = BarycenterReport(
      sets: measures.count, points: result.count, cost: solution.cost,
      before: solution.costs.first ?? solution.cost, iterations: solution.iterations,
      seconds: (ContinuousClock.now - start) / .seconds(1), written: [output])
    format.console.result(report, text: report.text)
  }
}

/// What `ferry ot barycenter` prints.
struct BarycenterReport: Encodable {
  let sets: Int
  let points: Int
  /// The weighted mean of W₂² to the sets, exact.
  let cost: Double
  /// The same at the start.
  let before: Double
  let iterations: Int
  let seconds: Double
  let written: [String]

  var text: String {
    """
    found           \(points) points between \(sets) sets
    cost            \(cost), the mean squared distance; \(before) at the start
    solved          \(iterations) steps, \(Quantity.seconds(seconds))
    wrote           \(written.joined(separator: ", "))

    """
  }
}
