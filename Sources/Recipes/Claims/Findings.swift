// SPDX-License-Identifier: Apache-2.0

/// What a recipe found: the ledger, the measurements, and what to look at.
public struct Findings: Sendable {
  /// What was moved, and how much.
  public var moved = ""
  /// What moving it took.
  public var cost = ""
  /// The error that was left, before → after.
  public var inSync = ""
  /// One for each claim, by its id.
  public var measured: [String: Measured] = [:]
  /// More than the claims are about.
  public var tables: [FindingTable] = []
  /// To look at.
  public var figures: [Figure] = []
  /// What stands in for the real thing.
  public var simulated: [String] = []
  /// What the paper did that this does not.
  public var notDone: [String] = []

  /// Nothing found yet.
  public init() {}
}

/// A table of a report.
public struct FindingTable: Sendable, Codable, Equatable {
  /// Its heading.
  public let title: String
  /// The columns' names; all but the first hold numbers.
  public let columns: [String]
  /// Cells as they are printed.
  public let rows: [[String]]
}

/// Something to look at; the doors draw it.
public enum Figure: Sendable {
  /// Pictures side by side, each with its caption.
  case pictures(title: String, note: String, [(caption: String, picture: Picture)])
  /// Lines over a common axis, y logarithmic.
  case decay(title: String, note: String, x: String, y: String, [Curve])
  /// Bars of shares from 0 to 1, with half the width of an interval of 95 %.
  case shares(title: String, note: String, [(name: String, share: Double, spread: Double)])
}

/// A named line of a figure.
public struct Curve: Sendable, Equatable {
  /// What it is of.
  public let name: String
  /// x ascending, y above 0.
  public let points: [SIMD2<Double>]
}
