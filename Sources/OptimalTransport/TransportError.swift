// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Why a problem of optimal transport has no answer, or none yet.
public struct TransportError: FerryError {
  /// A struct, not an enum, so that a new code breaks no caller's `switch`.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    /// Counts that do not fit each other.
    public static let shapeMismatch = Code(rawValue: "shape-mismatch")
    /// A coordinate that is not finite.
    public static let badPoint = Code(rawValue: "point-out-of-range")
    /// A cost that is not finite.
    public static let badCost = Code(rawValue: "cost-out-of-range")
    /// A mass that is negative or not finite, or a side without mass.
    public static let badMass = Code(rawValue: "mass-out-of-range")
    /// The two sides differ in their total mass.
    public static let unequalMass = Code(rawValue: "mass-unequal")
    /// A setting of a solver outside its range.
    public static let badSetting = Code(rawValue: "setting-out-of-range")
    /// The limit of iterations came first; `best` holds the state reached.
    public static let notConverged = Code(rawValue: "not-converged")
    /// The task that ran the solver was cancelled.
    public static let cancelled = Code(rawValue: "cancelled")
  }

  /// Which kind of trouble it is.
  public let code: Code
  /// What happened, with the numbers.
  public let what: String
  /// The solver, side or entry.
  public let place: String
  /// What the reader can do.
  public let remedy: String
  /// The state reached, with its certificate, where a solver did not converge; else nil.
  public let best: TransportSolution?

  public init(
    _ code: Code, _ what: String, at place: String, remedy: String,
    best: TransportSolution? = nil
  ) {
    self.code = code
    self.what = what
    self.place = place
    self.remedy = remedy
    self.best = best
  }

  /// The code's stable name.
  public var codeName: String { code.rawValue }
}
