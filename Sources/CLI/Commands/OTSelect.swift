// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryBasics
import FerryOptimalTransport

struct OTSelect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "select",
    abstract: "Choose from a pool the samples that are nearest to a target (TAROT).",
    discussion: """
      Rows are samples: their features, such as what a network makes of them, or the
      gradient of its loss. Takes each target's nearest samples, layer by layer, so
      that no kind of target is forgotten.

        --count K  so many; of the last layer, those that come nearest
        --auto     as many layers as come nearer to targets that were not looked at,
                   found on folds of the targets

      Writes the rows' numbers in the pool, from 0: .npy as int64, .csv one a line.

      Examples:
        ferry ot select pool.npy target.npy --count 100 --output chosen.npy
        ferry ot select pool.npy target.npy --auto --project 128 --output chosen.csv
        ferry ot select pool.csv target.csv --count 9 --output c.csv --json

      Exit codes: 0 written, 1 not converged or could not write, 2 a file or setting
      that cannot be used, 64 wrong usage.
      """)

  @Argument(
    help: ArgumentHelp("What to choose from: samples, .npy or .csv.", valueName: "POOL"),
    completion: .file(extensions: ["npy", "csv"]))
  var pool: String

  @Argument(
    help: ArgumentHelp("What it is to serve: samples of as many columns.", valueName: "TARGET"),
    completion: .file(extensions: ["npy", "csv"]))
  var targets: String

  @Option(help: "How many to choose.") var count: Int?

  @Flag(help: "Choose as many as come nearer to targets not looked at.") var auto = false

  @Option(help: "Into how many folds --auto deals the targets.") var folds = 10

  @Option(help: "Whether no direction may count for more because it varies more.")
  var features = SelectFeatures.whitened

  @Option(help: ArgumentHelp("Project to so many columns first.", valueName: "columns"))
  var project: Int?

  @Option(help: "Of folds, of the projection and of what is compared with.") var seed: UInt64 = 1

  @Option(
    help: ArgumentHelp("Where to write the rows' numbers: .npy or .csv.", valueName: "file"),
    completion: .file(extensions: ["npy", "csv"]))
  var output: String

  @OptionGroup var format: OutputOptions

  func validate() throws {
    guard auto == (count == nil) else {
      throw ValidationError(
        auto ? "Give --count or --auto, not both." : "Say how many: --count 100, or --auto.")
    }
    if let count, count < 1 {
      throw ValidationError("--count must be at least 1, got \(count).")
    }
    if let project, project < 1 {
      throw ValidationError("--project must be at least 1, got \(project).")
    }
    guard folds > 1 else {
      throw ValidationError("--folds must be at least 2, got \(folds).")
    }
  }

  func run() throws {
    let input = try TransportInput(pool, targets)
    let start = ContinuousClock.now
    let console = format.console
    let choice = SelectChoice(
      size: count.map { .count($0) } ?? .folds(folds), features: features, columns: project,
      seed: Seed(seed),
      progress: { fold in
        console.note(
          "… fold \(fold.number + 1): \(fold.layers) layers, "
            + "distance \(TransportReport.short(fold.distances.min() ?? 0))")
      })
    var report = try choice.report(input)
    report.seconds = (ContinuousClock.now - start) / .seconds(1)
    try report.write(to: output)
    console.result(report, text: report.text)
  }
}

extension SelectFeatures: ExpressibleByArgument {}
