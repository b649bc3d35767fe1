// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// A world in which something went wrong that never may: which seed shows it, and how to see it
/// again.
public struct WorldFailure: FerryError {
  /// A struct, not an enum, so that a new code breaks no caller's `switch`.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    /// A checker saw what never may be.
    public static let invariantBroken = Code(rawValue: "invariant-broken")
    /// Peers keep each other busy without time moving on.
    public static let livelock = Code(rawValue: "livelock")
  }

  public let code: Code
  /// What the checker says, with the numbers.
  public let what: String
  public let seed: Seed
  /// World time of the failure.
  public let at: Duration
  /// The name of the checker.
  public let checker: String
  public let faults: FaultCounts
  /// The last events before the failure, one a line, oldest first.
  public let trace: [String]

  public var codeName: String { code.rawValue }
  public var place: String { "\(checker), \(seed), at \(at)" }
  public var remedy: String {
    let replay = "Replay: FERRY_SEED=\(seed.value) swift test -c release --filter <this test>"
    let last = trace.isEmpty ? "" : "\nLast events:\n" + trace.joined(separator: "\n")
    return "\(replay). Faults so far: \(faults).\(last)"
  }
}
