// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Which seeds a test of a world runs: a few, many, or the one that failed.
public enum SeedChoice {
  /// Replays one seed, as a failure prints it.
  public static let seedVariable = "FERRY_SEED"
  /// How many seeds a soak runs.
  public static let countVariable = "FERRY_SEEDS"
  /// The first seed of a soak; 1 unless given, so that a night can go on where another ended.
  public static let firstVariable = "FERRY_SEEDS_FIRST"

  /// The seeds for one test.
  ///
  /// - Parameters:
  ///   - environment: of the test process; rooms read none themselves.
  ///   - few: how many when the environment says nothing, from 1.
  public static func seeds(environment: [String: String], few: Int) -> [Seed] {
    func number(_ name: String) -> UInt64? {
      guard let text = environment[name] else { return nil }
      guard let value = UInt64(text) else {
        preconditionFailure("\(name) is a whole number from 0 to 2^64 - 1, got '\(text)'")
      }
      return value
    }
    if let seed = number(seedVariable) { return [Seed(seed)] }
    let first = number(firstVariable) ?? 1
    let count = number(countVariable) ?? UInt64(few)
    return (0..<count).map { Seed(first &+ $0) }
  }
}
