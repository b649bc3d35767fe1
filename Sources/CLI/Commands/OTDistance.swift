// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryBasics
import FerryOptimalTransport

struct OTDistance: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "distance",
    abstract: "How far two sets of points are apart, as distributions.",
    discussion: """
      A distance has its root taken, a cost has not; both are printed.

        wasserstein-2        the root of the least mean squared way, exact
        wasserstein-1        the least mean way, exact
        sliced               wasserstein-2 between projections on random lines: for
                             many points; with its standard error
        sinkhorn-divergence  with entropy, 0 for equal sets; needs --epsilon or
                             --share. A cost: no root is taken
        gaussian             wasserstein-2 between normal distributions of the same
                             means and covariances

      Examples:
        ferry ot distance a.npy b.npy
        ferry ot distance a.csv b.csv --kind sliced --directions 1000
        ferry ot distance a.npy b.npy --kind sinkhorn-divergence --share 0.05 --json

      Exit codes: 0 found, 1 not converged, 2 a file or setting that cannot be used,
      64 wrong usage.
      """)

  @OptionGroup var clouds: CloudArguments

  @Option(help: "Which distance.") var kind = DistanceName.wasserstein2

  @OptionGroup var strength: StrengthOptions

  @Option(help: "How many lines a sliced distance is the mean of.") var directions = 500

  @Option(help: "Of the lines: equal seeds, equal lines.") var seed: UInt64 = 1

  @OptionGroup var format: OutputOptions

  func validate() throws {
    guard directions > 0 else {
      throw ValidationError("--directions must be at least 1, got \(directions).")
    }
    guard (kind == .sinkhornDivergence) == (strength.strength != nil) else {
      throw ValidationError(
        kind == .sinkhornDivergence
          ? "--kind sinkhorn-divergence needs a strength: --share 0.05 is usual."
          : "--kind \(kind.rawValue) has no entropy; leave out --epsilon and --share.")
    }
  }

  func run() throws {
    let input = try clouds.read()
    let start = ContinuousClock.now
    var report = try DistanceReport(
      kind, of: input, strength: strength.strength, directions: directions, seed: Seed(seed))
    report.seconds = (ContinuousClock.now - start) / .seconds(1)
    format.console.result(report, text: report.text)
  }
}

extension DistanceName: ExpressibleByArgument {}
