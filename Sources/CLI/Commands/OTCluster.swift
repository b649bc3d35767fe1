// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryBasics
import FerryOptimalTransport

struct OTCluster: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cluster",
    abstract: "Put sets of points into groups that are near as distributions.",
    discussion: """
      Each file is one set of points. k-means by the squared distance W2: a group's
      center is the barycenter of its sets. The best of all groupings is not known;
      another --seed may find a better one.

      Examples:
        ferry ot cluster a.npy b.npy c.npy d.npy --clusters 2
        ferry ot cluster a.csv b.csv c.csv d.csv --clusters 2 --points 50 --json

      Exit codes: 0 found, 1 not converged, 2 a file or setting that cannot be used,
      64 wrong usage.
      """)

  @Argument(
    help: ArgumentHelp("Sets of points, .npy or .csv.", valueName: "file"),
    completion: .file(extensions: ["npy", "csv"]))
  var files: [String]

  @Option(help: "How many groups.") var clusters: Int

  @Option(help: "How many points a group's center has.") var points = 20

  @Option(help: "Of the first centers.") var seed: UInt64 = 1

  @OptionGroup var format: OutputOptions

  func validate() throws {
    guard clusters > 0, clusters <= files.count else {
      throw ValidationError(
        "--clusters must be from 1 to the count of files, \(files.count), got \(clusters).")
    }
    guard points > 0 else {
      throw ValidationError("--points must be at least 1, got \(points).")
    }
  }

  func run() throws {
    let measures = try TransportInput.measures(files)
    let start = ContinuousClock.now
    let solution = try WassersteinKMeans(
      clusters: clusters, supportSize: points, seed: Seed(seed)
    ).solve(measures)
    let report = ClusterReport(
      groups: (0..<clusters).map { group in
        files.indices.filter { solution.clusterOf[$0] == group }.map { files[$0] }
      }, cost: solution.cost, rounds: solution.costs.count,
      seconds: (ContinuousClock.now - start) / .seconds(1))
    format.console.result(report, text: report.text)
  }
}

/// What `ferry ot cluster` prints.
struct ClusterReport: Encodable {
  /// The files of each group.
  let groups: [[String]]
  /// The mean of W₂² between sets and their centers.
  let cost: Double
  let rounds: Int
  let seconds: Double

  var text: String {
    var table = TextTable([("GROUP", .trailing), ("SETS", .trailing), ("FILES", .leading)])
    for (number, files) in groups.enumerated() {
      table.add(["\(number)", "\(files.count)", files.joined(separator: " ")])
    }
    return table.text
      + "mean squared distance to the centers \(cost), \(rounds) rounds, "
      + "\(Quantity.seconds(seconds))\n"
  }
}
