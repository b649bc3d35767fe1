// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryOptimalTransport

struct OT: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ot",
    abstract: "Move mass from one set of points to another at least cost.",
    discussion: """
      Points are files with one point a row: .npy as NumPy saves it, or .csv (a first
      line of names is passed over). Masses are files with one number for each point;
      without them all points weigh the same. Each side is scaled to a mass of 1.
      """,
    subcommands: [
      OTSolve.self, OTDistance.self, OTMap.self, OTBarycenter.self, OTCluster.self,
      OTSelect.self,
    ])
}

/// The two clouds that a command is about.
struct CloudArguments: ParsableArguments {
  @Argument(
    help: ArgumentHelp("Where mass comes from: points, .npy or .csv.", valueName: "A"),
    completion: .file(extensions: ["npy", "csv"]))
  var sources: String

  @Argument(
    help: ArgumentHelp("Where it goes to: points of as many columns.", valueName: "B"),
    completion: .file(extensions: ["npy", "csv"]))
  var targets: String

  @Option(help: ArgumentHelp("Masses of A's points; equal without.", valueName: "file"))
  var sourceMasses: String?

  @Option(help: ArgumentHelp("Masses of B's points; equal without.", valueName: "file"))
  var targetMasses: String?

  func read() throws -> TransportInput {
    try TransportInput(
      sources, targets, rowMasses: sourceMasses, columnMasses: targetMasses)
  }
}

/// How strong the entropy is, if any.
struct StrengthOptions: ParsableArguments {
  @Option(help: "Strength of the entropy, in the unit of cost.")
  var epsilon: Double?

  @Option(help: "The same as a share of the mean cost; 0.01 is usual.")
  var share: Double?

  var strength: Sinkhorn.Strength? {
    if let epsilon { return .epsilon(epsilon) }
    return share.map { .shareOfMeanCost($0) }
  }

  func validate() throws {
    if let value = epsilon ?? share, !(value > 0 && value.isFinite) {
      throw ValidationError(
        "\(epsilon == nil ? "--share" : "--epsilon") must be above 0, got \(value). "
          + "Leave it out to solve exactly.")
    }
    guard epsilon == nil || share == nil else {
      throw ValidationError("Give --epsilon or --share, not both: they say the same.")
    }
  }
}

extension CostName: ExpressibleByArgument {}
extension TransportMethod.Name: ExpressibleByArgument {}
