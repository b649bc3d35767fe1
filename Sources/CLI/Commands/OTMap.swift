// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryOptimalTransport

struct OTMap: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "map",
    abstract: "Learn a map from A to B, and move points with it.",
    discussion: """
      Moves the points of A, or those of --points, which the map has not seen.

        barycentric  to where each point's mass goes on average, exact; a new point
                     moves as its nearest point of A does. The default
        entropic     smooth, for any point; needs --epsilon or --share
        gaussian     the straight map between means and covariances

      Examples:
        ferry ot map a.npy b.npy --output moved.npy
        ferry ot map a.csv b.csv --points new.csv --kind entropic \\
          --share 0.02 --output moved.csv
        ferry ot map a.npy b.npy --kind gaussian --output moved.npy --json

      Exit codes: 0 written, 1 not converged or could not write, 2 a file or setting
      that cannot be used, 64 wrong usage.
      """)

  @OptionGroup var clouds: CloudArguments

  @Option(
    help: ArgumentHelp("Which points to move; those of A without.", valueName: "file"),
    completion: .file(extensions: ["npy", "csv"]))
  var points: String?

  @Option(help: "What kind of map.") var kind = MapName.barycentric

  @OptionGroup var strength: StrengthOptions

  @Option(
    help: ArgumentHelp("Where to write the moved points: .npy or .csv.", valueName: "file"),
    completion: .file(extensions: ["npy", "csv"]))
  var output: String

  @OptionGroup var format: OutputOptions

  func validate() throws {
    guard (kind == .entropic) == (strength.strength != nil) else {
      throw ValidationError(
        kind == .entropic
          ? "--kind entropic needs a strength: --share 0.01 is usual."
          : "--kind \(kind.rawValue) has no entropy; leave out --epsilon and --share.")
    }
  }

  func run() throws {
    let input = try clouds.read()
    let start = ContinuousClock.now
    var report = MapReport(kind: kind)
    let moved = try report.move(
      points.map { try TransportInput.points($0, like: clouds.sources, input.sources) }
        ?? input.sources, by: input, strength: strength.strength)
    report.seconds = (ContinuousClock.now - start) / .seconds(1)
    try NumbersFile.write(moved.coordinates, columns: moved.dimensions, to: output)
    report.written = [output]
    format.console.result(report, text: report.text)
  }
}

extension MapName: ExpressibleByArgument {}
